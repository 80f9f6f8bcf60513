//! Perfect negotiation, one step at a time (sdk-behaviour, sections 6.3, 6.4 and 6.6). At most one call of
//! the platform is under way; descriptions that come meanwhile wait in order.

use std::collections::VecDeque;

use super::candidates::{Candidates, Verdict};
use super::event::ErrorInfo;
use super::restart::{ANSWER_TIMEOUT, Ladder, Step};
use super::rtc::{
    Description, DescriptionKind, IceCandidate, IceState, RtcCommand, RtcFailure, RtcInput, RtcState,
};
use super::sdp::Sdp;
use crate::ids::LinkId;
use crate::output::LogLevel;
use crate::time::{Time, earlier};

/// Descriptions that may wait; a peer that sends more gets no turn for them.
const MAX_WAITING: usize = 16;

/// Ordinary offers in a row that may stay unanswered before the link stops asking by itself.
const MAX_UNANSWERED: u32 = 3;

/// What a link wants done, in order.
#[derive(Debug)]
pub(crate) enum LinkOut {
    Command(RtcCommand),
    SendDescription(Description),
    SendCandidate(Option<IceCandidate>),
    NegotiationError(ErrorInfo),
    CandidateError(ErrorInfo),
    /// The ladder ended.
    Exhausted,
    /// Offers stay unanswered.
    Unanswered,
    /// The remote peer made a new connection; ours cannot follow and must be replaced.
    OtherEnd(Description),
    Log(LogLevel, String),
}

/// The call of the platform that is under way.
#[derive(Debug)]
enum Call {
    CreateOffer { restart: bool },
    SetOffer { offer: Description, restart: bool },
    ApplyOffer { sdp: Sdp, offer: Description },
    ApplyAnswer { sdp: Sdp },
    CreateAnswer,
    SetAnswer { answer: Description },
}

/// What both sides have agreed on.
#[derive(Debug)]
enum Side {
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
    polite: bool,
    side: Side,
    call: Option<Call>,
    waiting: VecDeque<Description>,
    candidates: Candidates,
    /// The last offer was ignored; candidates that belong to it fail in silence.
    ignoring: bool,
    needs_offer: bool,
    needs_restart: bool,
    /// A lost offer is to be replaced although it was not answered.
    replaces_offer: bool,
    unanswered: u32,
    remote: Option<Sdp>,
    /// Counts applied remote descriptions.
    generation: u64,
    ladder: Ladder,
    ice: IceState,
    /// When negotiation began.
    since: Option<Time>,
    out: Vec<LinkOut>,
}

impl Link {
    pub(crate) fn new(id: LinkId, polite: bool) -> Self {
        Self {
            id,
            polite,
            side: Side::Stable,
            call: None,
            waiting: VecDeque::new(),
            candidates: Candidates::default(),
            ignoring: false,
            needs_offer: false,
            needs_restart: false,
            replaces_offer: false,
            unanswered: 0,
            remote: None,
            generation: 0,
            ladder: Ladder::default(),
            ice: IceState::New,
            since: None,
            out: Vec::new(),
        }
    }

    pub(crate) fn take_out(&mut self) -> Vec<LinkOut> {
        std::mem::take(&mut self.out)
    }

    /// The remote description in force, to find tracks by.
    pub(crate) fn remote_sdp(&self) -> Sdp {
        self.remote.clone().unwrap_or_default()
    }

    pub(crate) fn has_remote_description(&self) -> bool {
        self.remote.is_some()
    }

    /// When this link began to negotiate.
    pub(crate) fn negotiating_since(&self) -> Option<Time> {
        self.since
    }

    /// The remote peer sent a description.
    pub(crate) fn description(&mut self, now: Time, description: Description) {
        if self.waiting.len() >= MAX_WAITING {
            return self.log(LogLevel::Warn, "too many descriptions wait; one was dropped");
        }
        self.waiting.push_back(description);
        self.advance(now);
    }

    /// The remote peer sent a candidate.
    pub(crate) fn candidate(&mut self, candidate: Option<IceCandidate>) {
        if self.candidates.add(candidate) == (Verdict::Dropped { first: true }) {
            self.log(LogLevel::Warn, "candidates beyond the cap of a negotiation are dropped");
        }
        self.hand_on_candidates();
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
            RtcInput::LocalCandidate(candidate) => self.out.push(LinkOut::SendCandidate(candidate)),
            RtcInput::State(RtcState::Connected) => {
                self.ladder.recovered();
                self.unanswered = 0;
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
        earlier(answer_by, self.ladder.deadline())
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
        let works = matches!(self.ice, IceState::Connected | IceState::Completed);
        if self.ladder.due(now, works, self.generation) {
            self.needs_restart = true;
        }
        self.advance(now);
    }

    /// An offer was not answered in time.
    fn offer_lost(&mut self, now: Time, restart: bool) {
        if restart {
            return self.climb(now);
        }
        self.unanswered += 1;
        if self.unanswered < MAX_UNANSWERED {
            self.needs_offer = true;
            self.replaces_offer = true;
        } else {
            self.out.push(LinkOut::Unanswered);
        }
    }

    fn climb(&mut self, now: Time) {
        match self.ladder.failed(now, self.generation) {
            Step::Scheduled | Step::Nothing => {}
            Step::Exhausted => self.out.push(LinkOut::Exhausted),
        }
    }

    /// A failed ICE climbs the ladder unless an offer is under way already.
    fn check_ice(&mut self, now: Time) {
        let restarting = matches!(self.side, Side::HaveLocalOffer { restart: true, answer_by: Some(_) });
        if self.ice == IceState::Failed && self.call.is_none() && !self.needs_restart && !restarting {
            self.climb(now);
        }
    }

    /// Does what can be done now.
    fn advance(&mut self, now: Time) {
        while self.call.is_none() {
            if let Some(description) = self.waiting.pop_front() {
                match description.kind {
                    DescriptionKind::Offer => self.apply_offer(description),
                    DescriptionKind::Answer => self.apply_answer(description),
                }
            } else if self.needs_restart {
                self.ladder.attempted();
                self.needs_restart = false;
                self.create_offer(true);
            } else if self.needs_offer && (matches!(self.side, Side::Stable) || self.replaces_offer) {
                self.create_offer(false);
            } else {
                break;
            }
        }
        if self.since.is_none() && (self.call.is_some() || self.generation > 0) {
            self.since = Some(now);
        }
        self.hand_on_candidates();
    }

    fn create_offer(&mut self, restart: bool) {
        self.needs_offer = false;
        self.replaces_offer = false;
        self.call = Some(Call::CreateOffer { restart });
        self.out.push(LinkOut::Command(RtcCommand::CreateOffer { ice_restart: restart }));
    }

    fn apply_offer(&mut self, offer: Description) {
        let collision = matches!(self.side, Side::HaveLocalOffer { answer_by: Some(_), .. });
        if collision && !self.polite {
            self.ignoring = true;
            return self.log(LogLevel::Debug, "an offer met our own and was ignored");
        }
        self.ignoring = false;
        let sdp = Sdp::read(&offer.sdp);
        if self.remote.as_ref().is_some_and(|remote| sdp.is_other_end_than(remote)) {
            self.waiting.clear();
            return self.out.push(LinkOut::OtherEnd(offer));
        }
        self.out.push(LinkOut::Command(RtcCommand::SetRemote(offer.clone())));
        self.call = Some(Call::ApplyOffer { sdp, offer });
    }

    fn apply_answer(&mut self, answer: Description) {
        if !matches!(self.side, Side::HaveLocalOffer { .. }) {
            let error = ErrorInfo::new("InvalidStateError", "an answer came that no offer waits for");
            return self.out.push(LinkOut::NegotiationError(error));
        }
        self.ignoring = false;
        let sdp = Sdp::read(&answer.sdp);
        if self.remote.as_ref().is_some_and(|remote| sdp.is_other_end_than(remote)) {
            self.waiting.clear();
            return self.out.push(LinkOut::OtherEnd(answer));
        }
        self.call = Some(Call::ApplyAnswer { sdp });
        self.out.push(LinkOut::Command(RtcCommand::SetRemote(answer)));
    }

    fn offer_created(&mut self, result: Result<Description, RtcFailure>) {
        let Some(Call::CreateOffer { restart }) = self.call.take() else { return };
        match result {
            Ok(offer) => {
                // The offer does not know of what the other side has just offered; who gives way drops it
                // before it is in force.
                let overtaken = self.waiting.iter().any(|waiting| waiting.kind == DescriptionKind::Offer);
                if overtaken && self.polite {
                    self.needs_restart |= restart;
                    self.needs_offer |= !restart;
                    return;
                }
                self.out.push(LinkOut::Command(RtcCommand::SetLocal(offer.clone())));
                self.call = Some(Call::SetOffer { offer, restart });
            }
            Err(failure) => self.out.push(LinkOut::NegotiationError(failure.into())),
        }
    }

    fn answer_created(&mut self, result: Result<Description, RtcFailure>) {
        let Some(Call::CreateAnswer) = self.call.take() else { return };
        match result {
            Ok(answer) => {
                self.out.push(LinkOut::Command(RtcCommand::SetLocal(answer.clone())));
                self.call = Some(Call::SetAnswer { answer });
            }
            Err(failure) => self.out.push(LinkOut::NegotiationError(failure.into())),
        }
    }

    fn local_set(&mut self, now: Time, result: Result<(), RtcFailure>) {
        match (self.call.take(), result) {
            (Some(Call::SetOffer { offer, restart }), Ok(())) => {
                if restart {
                    self.candidates.next_generation();
                }
                self.side = Side::HaveLocalOffer { answer_by: Some(now + ANSWER_TIMEOUT), restart };
                self.out.push(LinkOut::SendDescription(offer));
            }
            (Some(Call::SetAnswer { answer }), Ok(())) => {
                self.side = Side::Stable;
                self.out.push(LinkOut::SendDescription(answer));
                self.check_ice(now);
            }
            (Some(Call::SetOffer { .. } | Call::SetAnswer { .. }), Err(failure)) => {
                self.out.push(LinkOut::NegotiationError(failure.into()));
            }
            (other, _) => self.call = other,
        }
    }

    fn remote_set(&mut self, now: Time, result: Result<(), RtcFailure>) {
        match (self.call.take(), result) {
            (Some(Call::ApplyOffer { sdp, .. }), Ok(())) => {
                self.remote_applied(sdp);
                self.side = Side::Stable;
                self.call = Some(Call::CreateAnswer);
                self.out.push(LinkOut::Command(RtcCommand::CreateAnswer));
            }
            (Some(Call::ApplyAnswer { sdp }), Ok(())) => {
                self.remote_applied(sdp);
                self.side = Side::Stable;
                self.check_ice(now);
            }
            (Some(Call::ApplyOffer { sdp, offer }), Err(failure)) => {
                let begins_anew = self.remote.as_ref().is_some_and(|remote| !sdp.shares_ufrag_with(remote));
                self.out.push(LinkOut::NegotiationError(failure.into()));
                if begins_anew {
                    self.out.push(LinkOut::OtherEnd(offer));
                }
            }
            (Some(Call::ApplyAnswer { .. }), Err(failure)) => {
                self.out.push(LinkOut::NegotiationError(failure.into()));
            }
            (other, _) => self.call = other,
        }
    }

    fn remote_applied(&mut self, sdp: Sdp) {
        let restarted = self.remote.as_ref().is_some_and(|remote| !sdp.shares_ufrag_with(remote));
        if restarted && self.ice == IceState::Failed {
            // Its failure belongs to the generation before.
            self.ice = IceState::Checking;
        }
        self.remote = Some(sdp);
        self.generation += 1;
        self.unanswered = 0;
        self.candidates.next_generation();
    }

    fn hand_on_candidates(&mut self) {
        let applying = matches!(self.call, Some(Call::ApplyOffer { .. } | Call::ApplyAnswer { .. }));
        let Some(remote) = self.remote.as_ref().filter(|_| !applying) else { return };
        while let Some(candidate) = self.candidates.next(remote) {
            self.out.push(LinkOut::Command(RtcCommand::AddCandidate(candidate)));
        }
    }

    fn log(&mut self, level: LogLevel, line: &str) {
        self.out.push(LinkOut::Log(level, line.to_owned()));
    }
}
