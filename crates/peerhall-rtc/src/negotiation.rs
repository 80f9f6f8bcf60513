//! Offers and answers, with the rules of a browser's `RTCPeerConnection`: an offer of the remote
//! rolls a pending one of ours back, and what was left out is announced once things are stable.

mod apply;

use peerhall_proto::signal::{Description, DescriptionKind};
use str0m::Rtc;
use str0m::change::SdpPendingOffer;
use str0m::channel::ChannelConfig;
use str0m::media::{Direction, Mid};

use crate::error::{NegotiationError, Step};
use crate::event::SignalingState;
use crate::sdp::{self, Alias, Summary};
use crate::track::engine_kind;
use crate::transceiver::Transceivers;

/// How an offer is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OfferOptions {
    /// Look for a path anew.
    pub ice_restart: bool,
}

/// The state of negotiations on one connection.
#[derive(Debug)]
pub(crate) struct Negotiation {
    state: SignalingState,
    pub(crate) transceivers: Transceivers,
    /// What was created last and not set yet.
    created: Option<Created>,
    /// Our offer that waits for an answer.
    pending: Option<Offer>,
    /// The remote as it described itself last.
    remote: Option<Summary>,
    /// ICE user names of the remote's earlier generations, newest last.
    former_ufrags: Vec<String>,
    /// Who our candidates belong to.
    local: Option<LocalIdentity>,
    /// Whether there is a data channel, which needs a section.
    pub(crate) wants_channels: bool,
    /// Whether the section for data channels is there.
    has_channels: bool,
    /// What that section is called outside, if we made it.
    alias: Option<Alias>,
    /// Whether the next offer has to restart ICE.
    wants_restart: bool,
    /// Whether the need for an offer has been announced.
    announced: bool,
    /// Stream id for the next placeholder channel.
    placeholder: u16,
}

/// Section and generation of our candidates.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LocalIdentity {
    pub(crate) section: String,
    pub(crate) ufrag: String,
}

impl std::fmt::Debug for LocalIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalIdentity({:?})", self.section)
    }
}

enum Created {
    Offer(Offer),
    Answer { sdp: String },
}

struct Offer {
    sdp: String,
    /// What the engine wants back with the answer.
    token: SdpPendingOffer,
    /// Whether it has sections that only it knows.
    additions: bool,
    restart: bool,
    /// What its section of channels is called outside.
    alias: Option<Alias>,
    summary: Summary,
}

impl std::fmt::Debug for Created {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Descriptions hold ICE passwords.
        f.write_str(match self {
            Self::Offer(_) => "Offer",
            Self::Answer { .. } => "Answer",
        })
    }
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Offer({:?})", self.summary)
    }
}

/// The engine gets a section for data channels only together with a channel. Channels live apart
/// from negotiations here, so the section is asked for with a channel that both sides would have to
/// know of, and only ours does: it never leaves this process. Users' ids end at 1,023.
const FIRST_PLACEHOLDER: u16 = 65_534;

impl Negotiation {
    pub(crate) fn new() -> Self {
        Self {
            state: SignalingState::Stable,
            transceivers: Transceivers::default(),
            created: None,
            pending: None,
            remote: None,
            former_ufrags: Vec::new(),
            local: None,
            wants_channels: false,
            has_channels: false,
            alias: None,
            wants_restart: false,
            announced: false,
            placeholder: FIRST_PLACEHOLDER,
        }
    }

    /// Makes an offer of everything that there is.
    ///
    /// While an offer with new sections waits for its answer, it is given out again: the remote may
    /// have taken it, and a section cannot change its name. What has come up since is announced
    /// when the answer is in.
    pub(crate) fn create_offer(
        &mut self,
        rtc: &mut Rtc,
        options: OfferOptions,
    ) -> Result<Description, NegotiationError> {
        self.expect(Step::CreateOffer, &[SignalingState::Stable, SignalingState::HaveLocalOffer])?;
        self.wants_restart |= options.ice_restart && self.remote.is_some();
        if let Some(pending) = self.pending.as_ref().filter(|pending| pending.additions) {
            return Ok(description(DescriptionKind::Offer, &pending.sdp));
        }
        let opens_channels = self.wants_channels && !self.has_channels;
        let (offer, token, additions, restart) = self.ask_engine(rtc)?;
        let new = opens_channels.then(|| Alias::of_channels(&offer)).flatten();
        let alias = self.alias.clone().or(new);
        let offer = Alias::outward(alias.as_ref(), offer);
        let sdp = sdp::with_tracks(&offer, |mid| self.transceivers.msid(mid));
        let summary = sdp::summary(&sdp)?;
        let made = description(DescriptionKind::Offer, &sdp);
        self.created = Some(Created::Offer(Offer { sdp, token, additions, restart, alias, summary }));
        Ok(made)
    }

    /// Gives out the answer to the remote's offer.
    pub(crate) fn create_answer(&self) -> Result<Description, NegotiationError> {
        self.expect(Step::CreateAnswer, &[SignalingState::HaveRemoteOffer])?;
        match &self.created {
            Some(Created::Answer { sdp }) => Ok(description(DescriptionKind::Answer, sdp)),
            Some(Created::Offer(_)) | None => Err(NegotiationError::NotCreatedHere),
        }
    }

    /// Whether a candidate with this ICE user name belongs to a generation that is over.
    pub(crate) fn is_former(&self, ufrag: &str) -> bool {
        self.former_ufrags.iter().any(|former| former == ufrag)
    }

    /// Announces, once for each stable state, that an offer is due. A restart that is already in an
    /// offer which has not been set yet is not.
    pub(crate) fn take_due(&mut self) -> bool {
        if self.state != SignalingState::Stable {
            return false;
        }
        let due = self.transceivers.is_due()
            || !self.abandoned().is_empty()
            || (self.wants_channels && !self.has_channels)
            || (self.wants_restart && self.created.is_none());
        let announce = due && !self.announced;
        self.announced = due;
        announce
    }

    pub(crate) fn state(&self) -> SignalingState {
        self.state
    }

    pub(crate) fn has_remote(&self) -> bool {
        self.remote.is_some()
    }

    pub(crate) fn remote(&self) -> Option<&Summary> {
        self.remote.as_ref()
    }

    pub(crate) fn local(&self) -> Option<&LocalIdentity> {
        self.local.as_ref()
    }

    pub(crate) fn close(&mut self) {
        self.state = SignalingState::Closed;
        self.pending = None;
        self.created = None;
        self.transceivers.close();
    }

    fn expect(&self, step: Step, allowed: &[SignalingState]) -> Result<(), NegotiationError> {
        let state = self.state;
        if state == SignalingState::Closed {
            Err(NegotiationError::Closed)
        } else if allowed.contains(&state) {
            Ok(())
        } else {
            Err(NegotiationError::WrongState { step, state })
        }
    }

    /// Whether the remote, as far as it is known, gives the program a new track when another one comes into a
    /// section that has carried one, and understands that a section is retired. aiortc does neither: a
    /// section has one track there for as long as there is a connection. It is told by what it alone among
    /// our remotes does not do either, to send candidates as it finds them.
    pub(crate) fn remote_renews(&self) -> bool {
        self.remote.as_ref().is_none_or(|remote| remote.trickles)
    }

    /// Sections to retire, without the first one, whose transport all others share.
    fn abandoned(&self) -> Vec<String> {
        if !self.remote_renews() {
            return Vec::new();
        }
        let first = self.remote.as_ref().and_then(|remote| remote.sections.first());
        let mut names = self.transceivers.abandoned();
        names.retain(|name| first.is_none_or(|first| first.mid != *name));
        names
    }

    /// A change of direction and back that makes the engine offer an unchanged session: the section,
    /// the other direction and its own. Where there is a choice it turns on a way that is not used,
    /// because turning off one that is used would empty its buffers.
    fn nudge(&self, rtc: &Rtc) -> Option<(Mid, Direction, Direction)> {
        let open = self.transceivers.iter().filter(|t| !t.stopped);
        let media = open.filter_map(|t| {
            let mid = t.mid.as_deref()?.into();
            Some((mid, rtc.media(mid)?.direction()))
        });
        let (mid, own) = media.min_by_key(|(_, own)| *own == Direction::SendRecv)?;
        let other = match own {
            Direction::SendRecv => Direction::SendOnly,
            Direction::SendOnly | Direction::RecvOnly => Direction::SendRecv,
            Direction::Inactive => Direction::RecvOnly,
        };
        Some((mid, other, own))
    }

    /// The engine's own offer, what it wants back with the answer, and whether it has new sections
    /// and an ICE restart.
    fn ask_engine(
        &mut self,
        rtc: &mut Rtc,
    ) -> Result<(String, SdpPendingOffer, bool, bool), NegotiationError> {
        let nudge = self.nudge(rtc);
        let abandoned = self.abandoned();
        let mut restart = self.wants_restart;
        let mut additions = false;
        let mut api = rtc.sdp_api();
        for transceiver in self.transceivers.iter_mut().filter(|t| !t.stopped) {
            let sends = transceiver.sender.is_some();
            transceiver.offering = sends;
            if let Some(mid) = transceiver.mid.as_ref().filter(|mid| abandoned.contains(mid)) {
                api.stop_media(mid.as_str().into());
                // At once, as the engine does it, also if the offer comes to nothing.
                transceiver.stopped = true;
            } else if let Some(mid) = &transceiver.mid {
                let direction = if sends { Direction::SendRecv } else { Direction::RecvOnly };
                api.set_direction(mid.as_str().into(), direction);
            } else {
                let kind = engine_kind(transceiver.kind);
                let mid = api.add_media(kind, Direction::SendRecv, None, None, None);
                transceiver.offered = Some(mid.to_string());
                additions = true;
            }
        }
        if self.wants_channels && !self.has_channels {
            let config = ChannelConfig { negotiated: Some(self.placeholder), ..ChannelConfig::default() };
            self.placeholder = self.placeholder.saturating_sub(1);
            api.add_channel_with_config(config);
            additions = true;
        }
        if restart {
            api.ice_restart(true);
        }
        if !api.has_changes() {
            if self.remote.is_none() {
                return Err(NegotiationError::NothingToOffer);
            }
            // The engine makes no offer of what has not changed.
            match nudge {
                Some((mid, there, back)) => {
                    api.set_direction(mid, there);
                    api.set_direction(mid, back);
                }
                // The answer has to be known as that of a restart.
                None => {
                    api.ice_restart(true);
                    restart = true;
                }
            }
        }
        let (offer, token) = api.apply().ok_or(NegotiationError::NothingToOffer)?;
        Ok((offer.to_sdp_string(), token, additions, restart))
    }
}

fn description(kind: DescriptionKind, sdp: &str) -> Description {
    Description { kind, sdp: sdp.to_owned() }
}
