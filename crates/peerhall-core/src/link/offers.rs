//! When an own offer is made, and what follows when it is lost (sdk-behaviour, sections 6.3 and 6.6).

use std::time::Duration;

use super::negotiation::{Call, Link, Side};
use super::rtc::RtcCommand;
use super::sdp::Sdp;
use crate::time::Time;

/// How long who gives way waits for the first connection with a second own offer, while the remote peer sends
/// something: Chromium, made to take an offer back while it gathers, may never gather candidates again.
const CONNECTING: Duration = Duration::from_secs(5);

/// Ordinary offers in a row that may stay unanswered before the link stops asking by itself.
const MAX_UNANSWERED: u32 = 3;

impl Link {
    /// The path came back by itself after an offer to restart it was lost. No restart is needed any more, but
    /// until that offer has an answer neither side can agree on anything else, so it is asked for again.
    pub(super) fn replace_lost_restart(&mut self) {
        let lost = matches!(self.side, Side::HaveLocalOffer { answer_by: None, restart: true });
        if lost && self.ice_works() && !self.needs_restart && self.ladder.deadline().is_none() {
            self.side = Side::HaveLocalOffer { answer_by: None, restart: false };
            self.ordinary_offer_lost();
        }
    }

    /// An offer was not answered in time.
    pub(super) fn offer_lost(&mut self, now: Time, restart: bool) {
        if restart {
            return self.climb(now);
        }
        self.ordinary_offer_lost();
    }

    pub(super) fn ordinary_offer_lost(&mut self) {
        self.unanswered += 1;
        if self.unanswered < MAX_UNANSWERED {
            self.needs_offer = true;
            self.replaces_offer = true;
        } else {
            self.tell_error("OfferTimeoutError", "the remote peer did not answer");
        }
    }

    /// Whether a restart may be offered now: while there is a path it waits as an ordinary offer does.
    pub(super) fn may_restart(&mut self, now: Time) -> bool {
        !(self.ice_works() && matches!(self.side, Side::Stable)) || self.may_offer(now)
    }

    /// Whether an ordinary offer may be made now.
    pub(super) fn may_offer(&mut self, now: Time) -> bool {
        let receives = self.remote.as_ref().is_some_and(Sdp::sends);
        let waits = self.polite && receives && !self.connected;
        self.connecting = waits.then(|| self.connecting.unwrap_or(now + CONNECTING));
        let stable = matches!(self.side, Side::Stable) && self.offer_at().is_none_or(|at| now >= at);
        stable || self.replaces_offer
    }

    /// Before then no ordinary offer is made.
    pub(super) fn offer_at(&self) -> Option<Time> {
        self.remote_offering.max(self.connecting)
    }

    pub(super) fn create_offer(&mut self, restart: bool) {
        self.needs_offer = false;
        self.replaces_offer = false;
        self.call = Some(Call::CreateOffer { restart });
        self.command(RtcCommand::CreateOffer { ice_restart: restart });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LinkId;
    use crate::link::negotiation::{LinkOut, REMOTE_OFFERING, REMOTE_SETTLING};
    use crate::link::restart::{ANSWER_TIMEOUT, RESTART_DELAYS};
    use crate::link::rtc::{Description, DescriptionKind, IceState, RtcInput, RtcState};
    use crate::link::signal::{Ends, Knows};

    fn link_with_a_lost_restart(ice: IceState, attempts: usize) -> (Link, Time) {
        let mut link = Link::new(LinkId(1), "a".to_owned(), true);
        let sent = Time::default();
        let by = sent + ANSWER_TIMEOUT;
        link.side = Side::HaveLocalOffer { answer_by: Some(by), restart: true };
        link.ice = ice;
        (0..attempts).for_each(|_| link.ladder.attempted());
        link.handle_timeout(by);
        (link, by)
    }

    fn offers(link: &mut Link) -> Vec<bool> {
        let mut offers = Vec::new();
        for out in link.take_out() {
            if let LinkOut::Command(RtcCommand::CreateOffer { ice_restart }) = out {
                offers.push(ice_restart);
            }
        }
        offers
    }

    #[test]
    fn r15_a_lost_offer_to_restart_a_path_that_works_again_is_replaced_by_an_ordinary_one() {
        let (mut link, _) = link_with_a_lost_restart(IceState::Connected, 0);
        assert_eq!(offers(&mut link), [false], "the path was back before the offer was given up");

        let (mut link, now) = link_with_a_lost_restart(IceState::Failed, 1);
        assert!(offers(&mut link).is_empty(), "the next attempt is a second away");
        link.input(now, RtcInput::Ice(IceState::Connected));
        link.input(now, RtcInput::State(RtcState::Connected));
        assert_eq!(offers(&mut link), [false], "the path came back meanwhile");
    }

    #[test]
    fn r15_a_lost_offer_to_restart_a_path_that_is_still_broken_is_followed_by_the_next_attempt() {
        let (mut link, now) = link_with_a_lost_restart(IceState::Failed, 1);
        link.handle_timeout(now + RESTART_DELAYS[1]);
        assert_eq!(offers(&mut link), [true]);
    }

    /// A link that has answered an offer and has something to offer itself.
    fn link_that_answered(offer: &str) -> (Link, Time) {
        let mut link = Link::new(LinkId(1), "a".to_owned(), true);
        let now = Time::default();
        let ends = Ends { from: None, to: None, knows: Knows::Nothing };
        let described = |kind, sdp: &str| Description { kind, sdp: sdp.to_owned() };
        link.description(now, described(DescriptionKind::Offer, offer), ends);
        link.input(now, RtcInput::RemoteSet(Ok(())));
        link.input(now, RtcInput::AnswerCreated(Ok(described(DescriptionKind::Answer, "v=0"))));
        link.input(now, RtcInput::LocalSet(Ok(())));
        link.input(now, RtcInput::NegotiationNeeded);
        (link, now)
    }

    /// The same, with an offer of the remote peer in which it sends something.
    fn link_that_receives() -> (Link, Time) {
        let offer = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=msid:camera picture\r\na=sendrecv\r\n\
                     a=candidate:1 1 udp 1 192.0.2.1 9 typ host";
        link_that_answered(offer)
    }

    #[test]
    fn who_gives_way_offers_again_once_there_is_a_connection() {
        let (mut link, now) = link_that_receives();
        assert!(offers(&mut link).is_empty(), "there is no connection yet");
        link.input(now, RtcInput::State(RtcState::Connected));
        assert_eq!(offers(&mut link), [false]);
    }

    #[test]
    fn a_restart_that_is_asked_for_before_the_first_connection_waits_for_it_while_there_is_a_path() {
        let (mut link, now) = link_that_receives();
        link.input(now, RtcInput::Ice(IceState::Connected));
        link.restart(now);
        assert!(offers(&mut link).is_empty(), "there is no connection yet");
        assert_eq!(link.deadline(), Some(now + CONNECTING));
        link.input(now, RtcInput::State(RtcState::Connected));
        assert_eq!(offers(&mut link), [true]);
    }

    #[test]
    fn an_offer_waits_five_seconds_for_a_connection_that_does_not_come() {
        let (mut link, now) = link_that_receives();
        assert_eq!(link.deadline(), Some(now + CONNECTING));
        link.handle_timeout(now + (CONNECTING - Duration::from_millis(1)));
        assert!(offers(&mut link).is_empty());
        link.handle_timeout(now + CONNECTING);
        assert_eq!(offers(&mut link), [false]);
    }

    #[test]
    fn who_does_not_give_way_offers_again_at_once() {
        let (mut link, now) = link_that_receives();
        link.polite = false;
        link.handle_timeout(now);
        assert_eq!(offers(&mut link), [false]);
    }

    #[test]
    fn an_offer_waits_until_a_remote_that_gathers_first_is_done_with_its_own() {
        let (mut link, now) = link_that_answered("a=end-of-candidates");
        assert!(offers(&mut link).is_empty(), "the remote may still be busy");
        link.candidate(now, None);
        assert_eq!(link.deadline(), Some(now + REMOTE_SETTLING));
        link.handle_timeout(now + REMOTE_SETTLING);
        assert_eq!(offers(&mut link), [false]);

        let (mut link, now) = link_that_answered("a=end-of-candidates");
        link.handle_timeout(now + REMOTE_OFFERING);
        assert_eq!(offers(&mut link), [false], "its last word was lost");
    }

    #[test]
    fn an_offer_does_not_wait_for_a_remote_whose_candidates_trickle_in() {
        let (mut link, _) = link_that_answered("a=ice-options:trickle\r\na=end-of-candidates");
        assert_eq!(offers(&mut link), [false]);
        let (mut link, _) = link_that_answered("a=mid:0");
        assert_eq!(offers(&mut link), [false]);
    }
}
