//! One pretend `RTCPeerConnection`: signalling states, implicit roll-back, and when it wants to
//! negotiate (WebRTC recommendation, sections 4.4 and 4.7; RFC 8829).

use std::collections::{HashSet, VecDeque};

use peerhall_core::{
    DescriptionKind, IceState, LinkId, MediaKind, RemoteStream, RemoteStreamKey, RemoteTrack, RemoteTrackKey,
    RtcFailure, RtcInput, RtcState, StreamKey, TrackKey,
};

use super::sdp::{Kind, Sdp, Section};
use super::{Op, Style};
use crate::actor::ActorId;

/// A local track, as a connection sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) key: TrackKey,
    pub(crate) id: String,
    pub(crate) stream: Option<(StreamKey, String)>,
}

#[derive(Debug)]
pub(crate) struct Transceiver {
    mid: Option<String>,
    kind: Kind,
    pub(crate) sender: Option<Sent>,
    /// Its msid was fixed when the track was attached; `replaceTrack` does not change it.
    msid: Option<(String, String)>,
    /// A remote track that is received now.
    receiver: Option<RemoteTrack>,
    /// The key of its receiving track, which lives as long as the transceiver.
    receiver_key: Option<RemoteTrackKey>,
    from_attach: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signaling {
    Stable,
    HaveLocalOffer(Sdp),
    HaveRemoteOffer(Sdp),
}

impl Signaling {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::HaveLocalOffer(_) => "have-local-offer",
            Self::HaveRemoteOffer(_) => "have-remote-offer",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) owner: ActorId,
    pub(crate) link: LinkId,
    pub(crate) style: Style,
    pub(crate) fingerprint: String,
    /// How many STUN and TURN servers it was made with.
    pub(crate) ice_servers: Option<usize>,
    pub(crate) signaling: Signaling,
    pub(crate) local: Option<Sdp>,
    pub(crate) remote: Option<Sdp>,
    pub(crate) transceivers: Vec<Transceiver>,
    pub(crate) wants_data: bool,
    data_mid: Option<String>,
    /// Media sections in their order.
    order: Vec<(String, Kind)>,
    pub(crate) chain: VecDeque<Op>,
    /// A call of the chain is at work.
    pub(crate) busy: bool,
    pub(crate) wants_negotiation: bool,
    pub(crate) ice: IceState,
    pub(crate) state: RtcState,
    /// ICE generations of the other side that candidates came for.
    pub(crate) candidates: HashSet<String>,
    pub(crate) gathered: HashSet<String>,
    /// Own generations of ICE for which nothing is gathered.
    pub(crate) mute: HashSet<String>,
    /// Timers of an earlier epoch are void.
    pub(crate) epoch: u64,
    /// Whether the other end was found, whether there were ways to try, and in which state, when timers were set last.
    pub(crate) linked: Option<(bool, bool)>,
    pub(crate) judged: IceState,
    /// The generations that were tried last.
    pub(crate) tried: Option<(String, String)>,
    pub(crate) version: u64,
    pub(crate) streams: Vec<RemoteStream>,
    /// What Chromium does not forget: how its section for channels was called in an own offer that it took back.
    stale_data: Option<String>,
    /// Whether it has been connected.
    pub(crate) was_connected: bool,
    /// Its own offer was made after the first agreement and before the first connection.
    early: bool,
    /// What Chromium does not always get over either: it took such an offer back, and may gather candidates no more.
    pub(crate) stuck: bool,
    /// It refused an own answer, and refuses everything after that.
    pub(crate) broken: bool,
}

impl Connection {
    pub(crate) fn new(owner: ActorId, link: LinkId, style: Style, fingerprint: String) -> Self {
        Self {
            owner,
            link,
            style,
            fingerprint,
            ice_servers: None,
            signaling: Signaling::Stable,
            local: None,
            remote: None,
            transceivers: Vec::new(),
            wants_data: false,
            data_mid: None,
            order: Vec::new(),
            chain: VecDeque::new(),
            busy: false,
            wants_negotiation: false,
            ice: IceState::New,
            state: RtcState::New,
            candidates: HashSet::new(),
            gathered: HashSet::new(),
            mute: HashSet::new(),
            epoch: 0,
            linked: None,
            judged: IceState::New,
            tried: None,
            version: 0,
            streams: Vec::new(),
            stale_data: None,
            was_connected: false,
            early: false,
            stuck: false,
            broken: false,
        }
    }

    /// Whether there are ways of both sides to try.
    pub(crate) fn has_pairs(&self) -> bool {
        self.generations()
            .is_some_and(|(ours, theirs)| self.candidates.contains(theirs) && !self.mute.contains(ours))
    }

    /// `addTrack`: reuses a transceiver of the kind that has never sent.
    pub(crate) fn attach(&mut self, kind: MediaKind, sent: Sent) -> Result<(), RtcFailure> {
        if self.transceivers.iter().any(|t| t.sender.as_ref().is_some_and(|known| known.key == sent.key)) {
            return Err(failure("InvalidAccessError", "the track has a sender already"));
        }
        let kind = Kind::from(kind);
        let stream = sent.stream.as_ref().map_or("-", |(_, id)| id).to_owned();
        let msid = Some((stream, sent.id.clone()));
        let reusable = |t: &&mut Transceiver| t.kind == kind && t.sender.is_none() && t.msid.is_none();
        match self.transceivers.iter_mut().find(reusable) {
            Some(free) => (free.sender, free.msid) = (Some(sent), msid),
            None => self.transceivers.push(Transceiver {
                mid: None,
                kind,
                sender: Some(sent),
                msid,
                receiver: None,
                receiver_key: None,
                from_attach: true,
            }),
        }
        Ok(())
    }

    /// `removeTrack`.
    pub(crate) fn detach(&mut self, key: TrackKey) {
        for transceiver in &mut self.transceivers {
            transceiver.sender.take_if(|sender| sender.key == key);
        }
    }

    /// `replaceTrack` on the sender of a track.
    pub(crate) fn replace(&mut self, old: TrackKey, new: Option<Sent>) -> Result<(), RtcFailure> {
        let carries = |t: &&mut Transceiver| t.sender.as_ref().is_some_and(|sender| sender.key == old);
        let Some(transceiver) = self.transceivers.iter_mut().find(carries) else {
            return Err(failure("InvalidStateError", "no sender has this track"));
        };
        if let (Some(sender), Some(new)) = (&mut transceiver.sender, new) {
            sender.key = new.key;
            sender.id = new.id;
        }
        Ok(())
    }

    /// What the next offer of this connection says.
    pub(crate) fn offer(&self, ufrag: String) -> Sdp {
        let mut sections: Vec<Section> =
            self.order.iter().map(|(mid, kind)| self.section(mid, *kind)).collect();
        let mut next = sections.len();
        let mut new_mid = || {
            while self.order.iter().any(|(mid, _)| *mid == next.to_string()) {
                next += 1;
            }
            next += 1;
            (next - 1).to_string()
        };
        for transceiver in self.transceivers.iter().filter(|t| t.mid.is_none()) {
            sections.push(transceiver.section(new_mid()));
        }
        if self.wants_data && self.data_mid.is_none() {
            sections.push(data_section(new_mid()));
        }
        self.describe(ufrag, sections)
    }

    /// What the answer to the remote offer in force says.
    pub(crate) fn answer(&self, ufrag: String) -> Option<Sdp> {
        let Signaling::HaveRemoteOffer(offer) = &self.signaling else { return None };
        let sections = offer.sections.iter().map(|theirs| {
            let mut ours = self.section(&theirs.mid, theirs.kind);
            ours.sends &= theirs.receives;
            ours.receives &= theirs.sends;
            ours
        });
        Some(self.describe(ufrag, sections.collect()))
    }

    fn describe(&self, ufrag: String, sections: Vec<Section>) -> Sdp {
        let has_candidates = self.style == Style::Whole;
        Sdp { fingerprint: self.fingerprint.clone(), ufrag, sections, has_candidates }
    }

    fn section(&self, mid: &str, kind: Kind) -> Section {
        match self.transceivers.iter().find(|t| t.mid.as_deref() == Some(mid)) {
            Some(transceiver) => transceiver.section(mid.to_owned()),
            None if kind == Kind::Data => data_section(mid.to_owned()),
            None => Section { mid: mid.to_owned(), kind, sends: false, receives: false, msid: None },
        }
    }

    /// `setLocalDescription`.
    pub(crate) fn set_local(&mut self, kind: DescriptionKind, sdp: Sdp) -> Result<(), RtcFailure> {
        if sdp.fingerprint != self.fingerprint {
            return Err(failure("InvalidModificationError", "the description is not this connection's"));
        }
        match (kind, &self.signaling) {
            (DescriptionKind::Offer, Signaling::Stable | Signaling::HaveLocalOffer(_)) => {
                self.early = self.remote.is_some() && !self.was_connected;
                self.unassign();
                self.assign(&sdp);
                self.signaling = Signaling::HaveLocalOffer(sdp);
                Ok(())
            }
            (DescriptionKind::Answer, Signaling::HaveRemoteOffer(_)) => {
                if sdp.carries_data() && self.stale_data.take().is_some_and(|mid| sdp.section(&mid).is_none())
                {
                    self.broken = true;
                    return Err(failure("OperationError", "Failed to start SCTP transport."));
                }
                let before = std::mem::replace(&mut self.signaling, Signaling::Stable);
                if let Signaling::HaveRemoteOffer(offer) = before {
                    self.remote = Some(offer);
                }
                self.local = Some(sdp);
                self.wants_negotiation = false;
                Ok(())
            }
            _ => Err(failure("InvalidStateError", "setLocalDescription in the wrong signalling state")),
        }
    }

    /// `setRemoteDescription`, with the roll-back that an offer implies. Returns what happens to tracks.
    pub(crate) fn set_remote(
        &mut self,
        kind: DescriptionKind,
        sdp: Sdp,
        keys: &mut u64,
    ) -> Result<Vec<RtcInput>, RtcFailure> {
        self.check_remote(kind, &sdp)?;
        match kind {
            DescriptionKind::Offer => {
                if matches!(self.signaling, Signaling::HaveLocalOffer(_)) {
                    let before = self.data_mid.clone();
                    self.stuck |= self.style == Style::Trickle && self.early;
                    self.unassign();
                    if self.style == Style::Trickle && self.data_mid.is_none() {
                        self.stale_data = before.or(self.stale_data.take());
                    }
                }
                self.adopt(&sdp);
                let tracks = self.receive(&sdp, keys);
                self.signaling = Signaling::HaveRemoteOffer(sdp);
                Ok(tracks)
            }
            DescriptionKind::Answer => {
                let tracks = self.receive(&sdp, keys);
                let before = std::mem::replace(&mut self.signaling, Signaling::Stable);
                if let Signaling::HaveLocalOffer(offer) = before {
                    self.local = Some(offer);
                }
                self.remote = Some(sdp);
                self.wants_negotiation = false;
                Ok(tracks)
            }
        }
    }

    fn check_remote(&self, kind: DescriptionKind, sdp: &Sdp) -> Result<(), RtcFailure> {
        let secret = format!("a=ice-pwd:pwd-{}", sdp.ufrag);
        if self.remote.as_ref().is_some_and(|remote| remote.fingerprint != sdp.fingerprint) {
            return Err(failure("InvalidAccessError", &format!("another fingerprint came with {secret}")));
        }
        let expected = match (kind, &self.signaling) {
            (DescriptionKind::Offer, Signaling::HaveRemoteOffer(_) | Signaling::Stable) => &self.order[..],
            (DescriptionKind::Offer, Signaling::HaveLocalOffer(_)) => {
                let agreed = self.local.as_ref().map_or(0, |local| local.sections.len());
                &self.order[..agreed.min(self.order.len())]
            }
            (DescriptionKind::Answer, Signaling::HaveLocalOffer(_)) => {
                if sdp.sections.len() != self.order.len() {
                    return Err(failure("InvalidAccessError", "the answer does not fit the offer"));
                }
                &self.order[..]
            }
            (DescriptionKind::Answer, _) => {
                return Err(failure("InvalidStateError", "an answer in the wrong signalling state"));
            }
        };
        let fits = sdp.sections.len() >= expected.len()
            && expected.iter().zip(&sdp.sections).all(|((mid, kind), s)| *mid == s.mid && *kind == s.kind);
        if fits { Ok(()) } else { Err(failure("InvalidAccessError", "the order of m-lines has changed")) }
    }

    /// Gives transceivers the sections of an own offer.
    fn assign(&mut self, sdp: &Sdp) {
        for section in sdp.sections.iter().skip(self.order.len()) {
            if section.kind == Kind::Data {
                self.data_mid = Some(section.mid.clone());
            } else if let Some(new) =
                self.transceivers.iter_mut().find(|t| t.mid.is_none() && t.kind == section.kind)
            {
                new.mid = Some(section.mid.clone());
            }
        }
        self.order = sdp.sections.iter().map(|section| (section.mid.clone(), section.kind)).collect();
    }

    /// Takes back what only an own offer had said.
    fn unassign(&mut self) {
        let agreed = self.local.as_ref().map_or(0, |local| local.sections.len());
        for (mid, _) in self.order.split_off(agreed.min(self.order.len())) {
            for transceiver in &mut self.transceivers {
                transceiver.mid.take_if(|known| *known == mid);
            }
            self.data_mid.take_if(|known| *known == mid);
        }
    }

    /// Gives the sections of a remote offer to transceivers.
    fn adopt(&mut self, sdp: &Sdp) {
        for section in sdp.sections.iter().skip(self.order.len()) {
            let mid = Some(section.mid.clone());
            if section.kind == Kind::Data {
                self.data_mid = mid;
                continue;
            }
            let free = |t: &&mut Transceiver| t.mid.is_none() && t.kind == section.kind && t.from_attach;
            match self.transceivers.iter_mut().find(free) {
                Some(free) => free.mid = mid,
                None => self.transceivers.push(Transceiver {
                    mid,
                    kind: section.kind,
                    sender: None,
                    msid: None,
                    receiver: None,
                    receiver_key: None,
                    from_attach: false,
                }),
            }
        }
        self.order = sdp.sections.iter().map(|section| (section.mid.clone(), section.kind)).collect();
    }

    /// Tracks that come and go with a remote description.
    fn receive(&mut self, sdp: &Sdp, keys: &mut u64) -> Vec<RtcInput> {
        let mut inputs = Vec::new();
        let style = self.style;
        for transceiver in &mut self.transceivers {
            let section = transceiver.mid.as_deref().and_then(|mid| sdp.section(mid));
            let sends = section.is_some_and(|section| section.sends);
            if sends
                && transceiver.receiver.is_none()
                && let Some(section) = section
            {
                let track = transceiver.receiver_track(section, style, &mut self.streams, keys);
                transceiver.receiver = Some(track.clone());
                inputs.push(RtcInput::Track(track));
            } else if !sends && let Some(track) = transceiver.receiver.take() {
                for stream in &track.streams {
                    inputs.push(RtcInput::TrackRemoved { stream: stream.id.clone(), track: track.key });
                }
            }
        }
        inputs
    }

    /// Whether something has changed that the other side does not know of.
    pub(crate) fn needs_negotiation(&self) -> bool {
        if self.wants_data && self.data_mid.is_none() {
            return true;
        }
        self.transceivers.iter().any(|transceiver| {
            let Some(mid) = &transceiver.mid else { return true };
            let said = self.local.as_ref().and_then(|local| local.section(mid)).is_some_and(|s| s.sends);
            said != transceiver.sender.is_some()
        })
    }

    /// Whether both descriptions in force carry data channels.
    pub(crate) fn carries_data(&self) -> bool {
        let carries = |sdp: &Option<Sdp>| sdp.as_ref().is_some_and(Sdp::carries_data);
        carries(&self.local) && carries(&self.remote)
    }

    /// The ICE generations in force on this side and on the other.
    pub(crate) fn generations(&self) -> Option<(&str, &str)> {
        Some((&self.local.as_ref()?.ufrag, &self.remote.as_ref()?.ufrag))
    }
}

impl Transceiver {
    fn section(&self, mid: String) -> Section {
        Section {
            mid,
            kind: self.kind,
            sends: self.sender.is_some(),
            receives: true,
            msid: self.msid.clone(),
        }
    }

    fn receiver_track(
        &mut self,
        section: &Section,
        style: Style,
        streams: &mut Vec<RemoteStream>,
        keys: &mut u64,
    ) -> RemoteTrack {
        let mut number = || {
            *keys += 1;
            *keys
        };
        let key = *self.receiver_key.get_or_insert_with(|| RemoteTrackKey(number()));
        let (stream, sent) = section.msid.clone().unwrap_or(("-".to_owned(), String::new()));
        let mut of = Vec::new();
        if stream != "-" {
            if !streams.iter().any(|known| known.id == stream) {
                streams.push(RemoteStream { key: RemoteStreamKey(number()), id: stream.clone() });
            }
            of.extend(streams.iter().find(|known| known.id == stream).cloned());
        }
        let id = if style == Style::OwnTrackIds { format!("made-up-{}", key.0) } else { sent };
        let kind = if self.kind == Kind::Audio { MediaKind::Audio } else { MediaKind::Video };
        RemoteTrack { key, id, mid: Some(section.mid.clone()), kind, streams: of }
    }
}

impl From<MediaKind> for Kind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Audio,
            MediaKind::Video => Self::Video,
        }
    }
}

fn data_section(mid: String) -> Section {
    Section { mid, kind: Kind::Data, sends: true, receives: true, msid: None }
}

pub(crate) fn failure(name: &str, message: &str) -> RtcFailure {
    RtcFailure { name: name.to_owned(), message: message.to_owned() }
}
