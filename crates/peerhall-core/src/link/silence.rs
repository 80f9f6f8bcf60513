//! A connection that has been agreed on, and one side of which names no way to itself.
//!
//! Chromium that takes an own offer back while it gathers candidates may gather none any more: `iceGatheringState`
//! stays at `gathering`, `iceConnectionState` at `new`, and neither side ever hears that anything failed (seen in 156).
//! Mostly the next generation of ICE is gathered as ever, so the other side asks for one; another connection always is,
//! so who is mute itself makes one where the other side can follow.

use std::time::Duration;

use super::negotiation::{Link, Side};
use super::rtc::IceState;
use crate::output::LogLevel;
use crate::time::{Time, earlier};

/// How long the waiting lasts, each time: longer after each, since what was gathered is thrown away then. Host candidates
/// take milliseconds; who may go through a relay only has the time that TURN over TLS takes. The first ends after
/// `offers::CONNECTING`, so that an offer that waited as long does not meet what follows.
const PATIENCE: [Duration; 4] =
    [Duration::from_secs(6), Duration::from_secs(12), Duration::from_secs(24), Duration::from_secs(48)];

/// Whether the platform finds own candidates.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gathering {
    /// There is no own description yet.
    NotBegun,
    /// Neither a candidate nor their end was found.
    Mute,
    Spoken,
}

/// For candidates that do not come, and how often that has led to something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    until: Option<Time>,
    /// Where it stands in [`PATIENCE`].
    times: usize,
}

impl Wait {
    /// For own candidates: longer than the other side waits for its first restart.
    pub(super) const OWN: Self = Self { until: None, times: 1 };

    /// For candidates of the remote peer. Who gives way waits longer, so that two who wait for each other do not begin
    /// at once, and is more often the one that is mute.
    pub(super) fn for_remote(polite: bool) -> Self {
        Self { until: None, times: usize::from(polite) }
    }

    /// For the connection that follows one.
    pub(super) fn after(earlier: Self) -> Self {
        Self { until: None, ..earlier }
    }

    /// Whether something should come now.
    pub(super) fn watch(&mut self, now: Time, waits: bool) {
        let patience = PATIENCE.get(self.times).filter(|_| waits);
        self.until = patience.map(|patience| self.until.unwrap_or(now + *patience));
    }

    /// Takes a moment at which something has to be done about it.
    pub(super) fn due(&mut self, now: Time) -> bool {
        let due = self.until.take_if(|until| now >= *until).is_some();
        self.times += usize::from(due);
        due
    }
}

impl Link {
    /// Waits for what should come now. What is negotiated meanwhile does not make the waiting longer.
    pub(super) fn watch_gathering(&mut self, now: Time) {
        // What ICE found to have failed is for the ladder.
        let looks = self.agreed && matches!(self.ice, IceState::New | IceState::Checking);
        self.silence.watch(now, looks && !self.candidates.has_come());
        // Whoever does not answer may have no need of candidates.
        self.muteness.watch(now, self.remote.is_some() && self.gathering == Gathering::Mute);
    }

    pub(super) fn gathered_by(&self) -> Option<Time> {
        let idle = self.call.is_none() && matches!(self.side, Side::Stable);
        earlier(self.silence.until, self.muteness.until).filter(|_| idle)
    }

    /// Begins ICE anew when that is due; whether another connection is needed.
    pub(super) fn gathered_too_late(&mut self, now: Time) -> bool {
        if self.gathered_by().is_none_or(|by| now < by) {
            return false;
        }
        self.log(LogLevel::Warn, "no candidates come");
        // Only a peer of ours follows to another connection.
        if self.muteness.due(now) && self.other_tag.is_some() {
            return true;
        }
        self.silence.due(now);
        self.ladder.spare();
        self.needs_restart = true;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LinkId;
    use crate::link::negotiation::LinkOut;
    use crate::link::rtc::{Description, DescriptionKind, IceCandidate, RtcCommand, RtcInput, RtcState};
    use crate::link::signal::Ends;

    const NOW: Time = Time::ZERO;

    /// A link that does not give way, has answered an offer and has heard of no candidate.
    fn link_that_answered() -> Link {
        let mut link = Link::new(LinkId(1), "a".to_owned(), false);
        offered(&mut link, "a=ice-ufrag:one");
        link.input(NOW, RtcInput::LocalCandidate(None));
        link
    }

    /// The remote peer offers, and is answered.
    fn offered(link: &mut Link, sdp: &str) {
        let described = |kind, sdp: &str| Description { kind, sdp: sdp.to_owned() };
        link.description(NOW, described(DescriptionKind::Offer, sdp), Ends::default());
        link.input(NOW, RtcInput::RemoteSet(Ok(())));
        assert_eq!(link.deadline(), None, "the offer is not answered yet");
        link.input(NOW, RtcInput::AnswerCreated(Ok(described(DescriptionKind::Answer, "v=0"))));
        link.input(NOW, RtcInput::LocalSet(Ok(())));
    }

    fn candidate(ufrag: &str) -> Option<IceCandidate> {
        Some(IceCandidate {
            candidate: "candidate:1".to_owned(),
            sdp_mid: None,
            sdp_m_line_index: None,
            username_fragment: Some(ufrag.to_owned()),
        })
    }

    fn restarts(link: &mut Link, at: Time) -> bool {
        link.handle_timeout(at);
        let restart =
            |out: &LinkOut| matches!(out, LinkOut::Command(RtcCommand::CreateOffer { ice_restart: true }));
        link.take_out().iter().any(restart)
    }

    #[test]
    fn ice_begins_anew_when_an_agreement_is_followed_by_no_candidate_for_six_seconds() {
        let mut link = link_that_answered();
        let at = NOW + PATIENCE[0];
        assert_eq!(link.deadline(), Some(at));
        assert!(!restarts(&mut link, NOW + (PATIENCE[0] - Duration::from_millis(1))));
        assert!(restarts(&mut link, at));
    }

    #[test]
    fn the_end_of_candidates_and_candidates_of_another_generation_name_no_way() {
        let mut link = link_that_answered();
        link.candidate(NOW, None);
        link.candidate(NOW, candidate("two"));
        assert!(restarts(&mut link, NOW + PATIENCE[0]));
    }

    #[test]
    fn nobody_is_silent_who_names_a_candidate_or_is_connected() {
        let mut link = link_that_answered();
        link.candidate(NOW, candidate("one"));
        assert_eq!(link.deadline(), None);

        let mut link = link_that_answered();
        link.input(NOW, RtcInput::Ice(IceState::Connected));
        assert_eq!(link.deadline(), None);
    }

    #[test]
    fn a_generation_that_the_remote_peer_begins_has_its_candidates_still_to_come() {
        let mut link = link_that_answered();
        link.candidate(NOW, candidate("one"));
        offered(&mut link, "a=ice-ufrag:one");
        assert_eq!(link.deadline(), None, "the same generation");
        offered(&mut link, "a=ice-ufrag:two");
        assert_eq!(link.deadline(), Some(NOW + PATIENCE[0]));
    }

    #[test]
    fn a_restart_for_want_of_candidates_leaves_the_ladder_whole() {
        let mut link = link_that_answered();
        let at = NOW + PATIENCE[0];
        assert!(restarts(&mut link, at));
        let offer = Description { kind: DescriptionKind::Offer, sdp: "v=0".to_owned() };
        link.input(at, RtcInput::OfferCreated(Ok(offer)));
        link.input(at, RtcInput::LocalSet(Ok(())));
        let answer = Description { kind: DescriptionKind::Answer, sdp: "a=ice-ufrag:two".to_owned() };
        link.description(at, answer, Ends::default());
        link.input(at, RtcInput::RemoteSet(Ok(())));
        link.input(at, RtcInput::Ice(IceState::Failed));
        assert!(restarts(&mut link, at), "the first step is at once");
    }

    #[test]
    fn a_connection_lets_the_next_silence_be_another_one() {
        let mut link = link_that_answered();
        assert!(restarts(&mut link, NOW + PATIENCE[0]));
        assert_eq!(link.silence.times, 1);
        link.input(NOW, RtcInput::State(RtcState::Connected));
        assert_eq!(link.silence.times, 0);
    }
}
