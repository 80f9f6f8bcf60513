//! A connection that has been agreed on, and one side of which names no way to itself.
//!
//! Chromium that takes an own offer back while it gathers candidates may gather none any more: `iceGatheringState`
//! stays at `gathering`, `iceConnectionState` at `new`, and neither side ever hears that anything failed. Sometimes
//! the next generation of ICE is gathered as ever, so the other side asks for one; another connection always is, so who
//! is mute itself makes one where the other side can follow.

use std::time::Duration;

use crate::time::Time;

/// How long the waiting lasts, each time: longer after each, since what was gathered is thrown away then. Host candidates
/// take milliseconds; who may go through a relay only has the time that TURN over TLS takes.
const PATIENCE: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(40)];

/// For candidates that do not come, and how often that has led to something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    until: Option<Time>,
    times: usize,
}

impl Wait {
    /// For a candidate of the remote peer: after so long ICE begins anew.
    pub(super) const THEIRS: Self = Self { until: None, times: 0 };

    /// For an own candidate, or their end: after so long the connection is replaced, or ICE begun anew. Longer than the
    /// other side waits for its first restart.
    pub(super) const OURS: Self = Self { until: None, times: 1 };

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

    pub(super) fn deadline(&self) -> Option<Time> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LinkId;
    use crate::link::negotiation::{Link, LinkOut};
    use crate::link::rtc::{Description, DescriptionKind, IceCandidate, RtcCommand, RtcInput, RtcState};
    use crate::link::signal::Ends;

    const NOW: Time = Time::ZERO;

    /// A link that answers an offer and has heard of no candidate.
    fn link_that_answered() -> Link {
        let mut link = Link::new(LinkId(1), "a".to_owned(), true);
        let described = |kind, sdp: &str| Description { kind, sdp: sdp.to_owned() };
        link.description(NOW, described(DescriptionKind::Offer, "a=ice-ufrag:one"), Ends::default());
        link.input(NOW, RtcInput::RemoteSet(Ok(())));
        assert_eq!(link.deadline(), None, "the offer is not answered yet");
        link.input(NOW, RtcInput::AnswerCreated(Ok(described(DescriptionKind::Answer, "v=0"))));
        link.input(NOW, RtcInput::LocalSet(Ok(())));
        link.input(NOW, RtcInput::LocalCandidate(None));
        link
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
    fn ice_begins_anew_when_an_agreement_is_followed_by_no_candidate_for_five_seconds() {
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
        link.input(NOW, RtcInput::Ice(crate::link::rtc::IceState::Connected));
        link.input(NOW, RtcInput::State(RtcState::Connected));
        assert_eq!(link.deadline(), None);
    }
}
