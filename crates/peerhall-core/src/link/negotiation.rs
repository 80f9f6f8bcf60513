//! Perfect negotiation, one step at a time (sdk-behaviour, sections 6.3, 6.4 and 6.6). At most one call of
//! the platform is under way; descriptions that come meanwhile wait in order.

use std::time::Duration;

use super::candidates::{Candidates, Verdict};
use super::event::ErrorInfo;
use super::restart::{ANSWER_TIMEOUT, Ladder, Step};
use super::rtc::{Description, DescriptionKind, IceCandidate, IceState, RtcCommand, RtcInput, RtcState};
use super::sdp::Sdp;
use super::signal::{Ends, Knows};
use super::silence::{Gathering, Wait};
use crate::ids::LinkId;
use crate::output::LogLevel;
use crate::queue::Queue;
use crate::time::{Time, earlier};

/// Descriptions that may wait; a peer that sends more gets no turn for them.
const MAX_WAITING: usize = 16;

/// How long an own offer waits for a remote peer that gathers before it offers to end its candidates. The
/// vendor's Python SDK does so once the server has acknowledged the offer. Until that is acknowledged, too, it
/// takes an offer for a collision, though its own has been answered. So long, too, for one that is expected to make
/// the first offer.
pub(super) const REMOTE_OFFERING: Duration = Duration::from_secs(1);

/// How long the acknowledgement may take to get there.
pub(super) const REMOTE_SETTLING: Duration = Duration::from_millis(250);

/// What a link wants done, in order.
#[derive(Debug)]
pub(crate) enum LinkOut {
    Command(RtcCommand),
    SendDescription(Description, Ends),
    SendCandidate(Option<IceCandidate>),
    NegotiationError(ErrorInfo),
    CandidateError(ErrorInfo),
    /// The ladder ended.
    Exhausted,
    /// This connection is of no use any more and must be replaced: the remote peer made a new one, or the
    /// platform fails on ours for good. The offer is for the one that comes, and so are the candidates. `begins` says that
    /// the remote peer makes the first offer.
    Renew {
        offer: Option<(Description, Ends)>,
        candidates: Queue<Option<IceCandidate>>,
        begins: bool,
    },
    /// The remote peer speaks to a connection that is gone, and is told so.
    SendReset(Ends),
    /// What the remote peer knows of labelled channels.
    Knows(Knows),
    Log(LogLevel, String),
}

/// The call of the platform that is under way.
#[derive(Debug)]
pub(super) enum Call {
    CreateOffer { restart: bool },
    SetOffer { offer: Description, restart: bool },
    ApplyOffer { sdp: Sdp },
    ApplyAnswer { sdp: Sdp, ends: Ends },
    CreateAnswer,
    SetAnswer { answer: Description },
}

/// What both sides have agreed on.
#[derive(Debug)]
pub(super) enum Side {
    Stable,
    /// An own offer is on its way. `answer_by` is empty once it counts as lost.
    HaveLocalOffer {
        answer_by: Option<Time>,
        restart: bool,
    },
}

/// One peer connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    /// What this connection is called in what it sends, and what the other end called itself.
    pub(super) tag: String,
    pub(super) other_tag: Option<String>,
    /// What the remote peer knows of labelled channels, once it has spoken.
    pub(super) knows: Option<Knows>,
    pub(super) polite: bool,
    pub(super) side: Side,
    pub(super) call: Option<Call>,
    /// The remote offer that is applied and answered now.
    pub(super) offered: Option<(Description, Ends)>,
    pub(super) waiting: Queue<(Description, Ends)>,
    pub(super) candidates: Candidates,
    /// The last offer was ignored; candidates that belong to it fail in silence.
    pub(super) ignoring: bool,
    pub(super) needs_offer: bool,
    pub(super) needs_restart: bool,
    /// A lost offer is to be replaced although it was not answered.
    pub(super) replaces_offer: bool,
    pub(super) unanswered: u32,
    /// Until when the remote peer may be busy with the offer that it sent, or is about to send.
    pub(super) remote_offering: Option<Time>,
    /// Until when an own offer waits for the first connection.
    pub(super) connecting: Option<Time>,
    /// Whether it has been connected.
    pub(super) connected: bool,
    pub(super) remote: Option<Sdp>,
    /// Whether the last remote description was answered, or is an answer.
    pub(super) agreed: bool,
    /// Counts applied remote descriptions.
    pub(super) generation: u64,
    pub(super) ladder: Ladder,
    /// For a candidate of the remote peer.
    pub(super) silence: Wait,
    /// For an own candidate, or their end.
    pub(super) muteness: Wait,
    pub(super) gathering: Gathering,
    pub(super) ice: IceState,
    /// When negotiation began.
    pub(super) since: Option<Time>,
    pub(super) out: Vec<LinkOut>,
}

impl Link {
    pub(crate) fn new(id: LinkId, tag: String, polite: bool) -> Self {
        Self {
            id,
            tag,
            other_tag: None,
            knows: None,
            polite,
            side: Side::Stable,
            call: None,
            offered: None,
            waiting: Queue::new(),
            candidates: Candidates::default(),
            ignoring: false,
            needs_offer: false,
            needs_restart: false,
            replaces_offer: false,
            unanswered: 0,
            remote_offering: None,
            connecting: None,
            connected: false,
            remote: None,
            agreed: false,
            generation: 0,
            ladder: Ladder::default(),
            silence: Wait::for_remote(polite),
            muteness: Wait::OWN,
            gathering: Gathering::NotBegun,
            ice: IceState::New,
            since: None,
            out: Vec::new(),
        }
    }

    /// A link in the place of an earlier one. Who does not give way leaves the first offer to a remote peer that `begins`
    /// now and has sent something, so that it will again: two that meet cost a negotiation, and Chromium, which has to
    /// take its own back, may gather no candidates after that. Those who gather before they speak wait themselves.
    pub(crate) fn following(mut self, earlier: &Self, begins: Option<Time>) -> Self {
        if earlier.gathering == Gathering::Mute {
            self.muteness = Wait::after(earlier.muteness);
        }
        let sent = earlier.remote.as_ref().is_some_and(|remote| remote.sends() && !remote.is_gathered());
        self.remote_offering = begins.filter(|_| sent && !self.polite).map(|now| now + REMOTE_OFFERING);
        self
    }

    pub(crate) fn take_out(&mut self) -> Vec<LinkOut> {
        std::mem::take(&mut self.out)
    }

    /// The remote description to find tracks by: tracks of one that is being applied are told of before
    /// its call is answered.
    pub(crate) fn remote_sdp(&self) -> Sdp {
        match &self.call {
            Some(Call::ApplyOffer { sdp, .. } | Call::ApplyAnswer { sdp, .. }) => sdp.clone(),
            _ => self.remote.clone().unwrap_or_default(),
        }
    }

    /// Whether this side gives way when both offer at once.
    pub(crate) fn polite(&self) -> bool {
        self.polite
    }

    /// Tells with the next description whether the remote peer knows labelled channels, as with the first.
    pub(crate) fn listen_for_labels(&mut self) {
        self.knows = None;
    }

    pub(crate) fn has_remote_description(&self) -> bool {
        self.remote.is_some()
    }

    /// When this link began to negotiate.
    pub(crate) fn negotiating_since(&self) -> Option<Time> {
        self.since
    }

    /// The remote peer sent a description.
    pub(crate) fn description(&mut self, now: Time, description: Description, ends: Ends) {
        if ends.to.as_ref().is_some_and(|to| *to != self.tag) {
            self.log(LogLevel::Debug, "a description for an earlier connection; dropped");
            if description.kind == DescriptionKind::Offer && ends.from.is_some() {
                let ends = Ends { from: Some(self.tag.clone()), to: ends.from, knows: Knows::Nothing };
                self.out.push(LinkOut::SendReset(ends));
            }
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            return self.log(LogLevel::Warn, "too many descriptions; dropped");
        }
        self.waiting.push_back((description, ends));
        self.advance(now);
    }

    /// The remote peer says that it has a new connection. It concerns this one if it is the one that the
    /// remote peer's old connection spoke to.
    pub(crate) fn reset(&mut self, ends: &Ends) {
        if ends.to.as_ref() == Some(&self.tag) && ends.from != self.other_tag {
            self.waiting.clear();
            self.offered = None;
            self.renew(true);
        }
    }

    /// What this connection calls itself.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// What the connection at the other end calls itself.
    pub(crate) fn other_tag(&self) -> Option<&str> {
        self.other_tag.as_deref()
    }

    /// The remote peer sent a candidate.
    pub(crate) fn candidate(&mut self, now: Time, candidate: Option<IceCandidate>) {
        if candidate.is_none() && self.remote_offering.is_some() {
            self.remote_offering = Some(now + REMOTE_SETTLING);
        }
        if self.candidates.add(candidate) == (Verdict::Dropped { first: true }) {
            self.log(LogLevel::Warn, "too many candidates; dropped");
        }
        self.advance(now);
    }

    /// The platform reports.
    pub(crate) fn input(&mut self, now: Time, input: RtcInput) {
        match input {
            RtcInput::NegotiationNeeded => self.needs_offer = true,
            RtcInput::OfferCreated(result) => self.offer_created(result),
            RtcInput::AnswerCreated(result) => self.answer_created(result),
            RtcInput::LocalSet(result) => self.local_set(now, result),
            RtcInput::RemoteSet(result) => self.remote_set(now, result),
            RtcInput::CandidateAdded(Err(failure)) if !self.ignoring => {
                self.out.push(LinkOut::CandidateError(failure.into()));
            }
            RtcInput::LocalCandidate(candidate) => {
                self.gathering = Gathering::Spoken;
                self.out.push(LinkOut::SendCandidate(candidate));
            }
            RtcInput::State(RtcState::Connected) => {
                self.ladder.recovered();
                self.silence = Wait::for_remote(self.polite);
                self.muteness = Wait::OWN;
                self.gathering = Gathering::Spoken;
                self.unanswered = 0;
                self.connected = true;
            }
            RtcInput::Ice(ice) => {
                self.ice = ice;
                self.check_ice(now);
            }
            RtcInput::CreateFailed(failure) => self.out.push(LinkOut::NegotiationError(failure.into())),
            RtcInput::CandidateAdded(_)
            | RtcInput::State(_)
            | RtcInput::AttachFailed { .. }
            | RtcInput::Replaced { .. }
            | RtcInput::Track(_)
            | RtcInput::TrackEnded(_)
            | RtcInput::TrackRemoved { .. }
            | RtcInput::DataChannel(_)
            | RtcInput::Stats(_) => {}
        }
        self.advance(now);
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let answer_by = match self.side {
            Side::HaveLocalOffer { answer_by, .. } => answer_by,
            Side::Stable => None,
        };
        let wants = self.needs_offer || self.needs_restart;
        let offers = self.call.is_none() && wants && matches!(self.side, Side::Stable);
        let offer_at = self.offer_at().filter(|_| offers);
        earlier(earlier(answer_by, offer_at), earlier(self.ladder.deadline(), self.gathered_by()))
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) {
        let busy = self.call.is_some();
        if let Side::HaveLocalOffer { answer_by, restart } = &mut self.side
            && answer_by.is_some_and(|by| now >= by)
        {
            *answer_by = busy.then(|| now + ANSWER_TIMEOUT);
            let restart = *restart;
            if !busy {
                self.offer_lost(now, restart);
            }
        }
        let works = self.ice_works();
        if self.ladder.due(now, works, self.generation) {
            self.needs_restart = true;
        }
        if !busy && self.gathered_too_late(now) {
            return self.renew(false);
        }
        self.advance(now);
    }

    pub(super) fn ice_works(&self) -> bool {
        matches!(self.ice, IceState::Connected | IceState::Completed)
    }

    /// The network is back: what failed, or was given up, is tried at once.
    pub(crate) fn network_available(&mut self, now: Time) {
        if self.ice == IceState::Failed {
            self.ladder.begin_again();
            self.check_ice(now);
        }
        if matches!(self.side, Side::HaveLocalOffer { answer_by: None, restart: false }) {
            self.unanswered = 0;
            self.needs_offer = true;
            self.replaces_offer = true;
        }
        self.handle_timeout(now);
    }

    /// Looks for a path anew, whatever the present one is worth; the budget of restarts is whole again.
    pub(crate) fn restart(&mut self, now: Time) {
        self.ladder.begin_again();
        self.needs_restart = true;
        self.advance(now);
    }

    pub(super) fn climb(&mut self, now: Time) {
        match self.ladder.failed(now, self.generation) {
            Step::Scheduled | Step::Nothing => {}
            Step::Exhausted => {
                let message = "the connection was lost and could not be made anew";
                self.tell_error("IceRestartExhaustedError", message);
                self.out.push(LinkOut::Exhausted);
            }
        }
    }

    /// A failed ICE climbs the ladder unless an offer is under way already.
    pub(super) fn check_ice(&mut self, now: Time) {
        let restarting = matches!(self.side, Side::HaveLocalOffer { restart: true, answer_by: Some(_) });
        if self.ice == IceState::Failed && self.call.is_none() && !self.needs_restart && !restarting {
            self.climb(now);
        }
    }

    /// Does what can be done now.
    fn advance(&mut self, now: Time) {
        if self.call.is_none() {
            self.replace_lost_restart();
        }
        while self.call.is_none() {
            if let Some((description, ends)) = self.waiting.pop_front() {
                match description.kind {
                    DescriptionKind::Offer => self.apply_offer(now, description, ends),
                    DescriptionKind::Answer => self.apply_answer(description, ends),
                }
            } else if self.needs_restart && self.may_restart(now) {
                self.ladder.attempted();
                self.needs_restart = false;
                self.create_offer(true);
            } else if self.needs_offer && self.may_offer(now) {
                self.create_offer(false);
            } else {
                break;
            }
        }
        if self.since.is_none() && (self.call.is_some() || self.generation > 0) {
            self.since = Some(now);
        }
        self.hand_on_candidates();
        self.watch_gathering(now);
    }

    fn apply_offer(&mut self, now: Time, offer: Description, ends: Ends) {
        let collision = matches!(self.side, Side::HaveLocalOffer { answer_by: Some(_), .. });
        if collision && !self.polite {
            self.ignoring = true;
            return self.log(LogLevel::Debug, "an offer met our own and was ignored");
        }
        self.ignoring = false;
        let sdp = Sdp::read(&offer.sdp);
        if self.is_other_end(&sdp, &ends) {
            self.waiting.clear();
            self.offered = Some((offer, ends));
            return self.renew(false);
        }
        if collision && self.remote.is_none() {
            // What was gathered goes with the own offer that is taken back.
            self.gathering = Gathering::NotBegun;
        }
        self.remote_offering = sdp.is_gathered().then(|| now + REMOTE_OFFERING);
        self.command(RtcCommand::SetRemote(offer.clone()));
        self.offered = Some((offer, ends));
        self.call = Some(Call::ApplyOffer { sdp });
    }

    fn apply_answer(&mut self, answer: Description, ends: Ends) {
        if !matches!(self.side, Side::HaveLocalOffer { .. }) {
            return self.tell_error("InvalidStateError", "an answer came that no offer waits for");
        }
        self.ignoring = false;
        let sdp = Sdp::read(&answer.sdp);
        if self.is_other_end(&sdp, &ends) {
            self.waiting.clear();
            return self.renew(false);
        }
        self.call = Some(Call::ApplyAnswer { sdp, ends });
        self.command(RtcCommand::SetRemote(answer));
    }

    /// Whether a description comes from another connection than the one that this one speaks to.
    pub(super) fn is_other_end(&self, sdp: &Sdp, ends: &Ends) -> bool {
        match (&self.other_tag, &ends.from) {
            (Some(known), Some(from)) => known != from,
            _ => self.remote.as_ref().is_some_and(|remote| sdp.is_other_end_than(remote)),
        }
    }

    pub(super) fn ends(&self) -> Ends {
        Ends { from: Some(self.tag.clone()), to: self.other_tag.clone(), knows: Knows::Nothing }
    }

    /// They wait while an offer is applied and answered: if that fails, they are for the connection that follows.
    fn hand_on_candidates(&mut self) {
        let ready = matches!(self.call, None | Some(Call::CreateOffer { .. } | Call::SetOffer { .. }));
        let Some(remote) = self.remote.as_ref().filter(|_| ready) else { return };
        while let Some(candidate) = self.candidates.next(remote) {
            self.out.push(LinkOut::Command(RtcCommand::AddCandidate(candidate)));
        }
    }

    pub(super) fn command(&mut self, command: RtcCommand) {
        self.out.push(LinkOut::Command(command));
    }

    pub(super) fn log(&mut self, level: LogLevel, line: &str) {
        self.out.push(LinkOut::Log(level, line.to_owned()));
    }
}
