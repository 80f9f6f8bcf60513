//! What follows from the answers of the platform to negotiation calls (sdk-behaviour, sections 6.3 and
//! 6.4).

use super::event::ErrorInfo;
use super::negotiation::{Call, Link, LinkOut, Side};
use super::restart::ANSWER_TIMEOUT;
use super::rtc::{Description, DescriptionKind, IceState, RtcCommand, RtcFailure};
use super::sdp::Sdp;
use super::signal::Ends;
use super::silence::{Gathering, Wait};
use crate::time::Time;

impl Link {
    pub(super) fn offer_created(&mut self, result: Result<Description, RtcFailure>) {
        let Some(Call::CreateOffer { restart }) = self.call.take() else { return };
        match result {
            Ok(offer) => {
                // The offer does not know of what the other side has just offered; who gives way drops it
                // before it is in force.
                let overtaken = self.waiting.iter().any(|waiting| waiting.0.kind == DescriptionKind::Offer);
                if overtaken && self.polite {
                    self.needs_restart |= restart;
                    self.needs_offer |= !restart;
                    return;
                }
                self.command(RtcCommand::SetLocal(offer.clone()));
                self.call = Some(Call::SetOffer { offer, restart });
            }
            Err(failure) => self.offer_failed(failure),
        }
    }

    pub(super) fn answer_created(&mut self, result: Result<Description, RtcFailure>) {
        let Some(Call::CreateAnswer) = self.call.take() else { return };
        match result {
            Ok(answer) => {
                self.command(RtcCommand::SetLocal(answer.clone()));
                self.call = Some(Call::SetAnswer { answer });
            }
            Err(failure) => {
                self.failed(failure);
                self.agreed = false;
                self.renew(false);
            }
        }
    }

    pub(super) fn local_set(&mut self, now: Time, result: Result<(), RtcFailure>) {
        if result.is_ok() && self.gathering == Gathering::NotBegun {
            self.gathering = Gathering::Mute;
        }
        match (self.call.take(), result) {
            (Some(Call::SetOffer { offer, restart }), Ok(())) => {
                if restart {
                    self.candidates.next_generation();
                }
                self.side = Side::HaveLocalOffer { answer_by: Some(now + ANSWER_TIMEOUT), restart };
                let ends = self.ends();
                self.out.push(LinkOut::SendDescription(offer, ends));
            }
            (Some(Call::SetAnswer { answer }), Ok(())) => {
                self.offered = None;
                self.side = Side::Stable;
                self.agreed = true;
                let ends = self.ends();
                self.out.push(LinkOut::SendDescription(answer, ends));
                self.check_ice(now);
            }
            (Some(Call::SetOffer { .. }), Err(failure)) => self.offer_failed(failure),
            (Some(Call::SetAnswer { .. }), Err(failure)) => {
                self.failed(failure);
                self.agreed = false;
                self.renew(false);
            }
            (other, _) => self.call = other,
        }
    }

    pub(super) fn remote_set(&mut self, now: Time, result: Result<(), RtcFailure>) {
        match (self.call.take(), result) {
            (Some(Call::ApplyOffer { sdp }), Ok(())) => {
                let ends = self.offered.as_ref().map(|(_, ends)| ends.clone()).unwrap_or_default();
                self.remote_applied(sdp, ends);
                self.side = Side::Stable;
                self.call = Some(Call::CreateAnswer);
                self.command(RtcCommand::CreateAnswer);
            }
            (Some(Call::ApplyAnswer { sdp, ends }), Ok(())) => {
                self.remote_applied(sdp, ends);
                self.side = Side::Stable;
                self.agreed = true;
                self.check_ice(now);
            }
            (Some(Call::ApplyOffer { sdp }), Err(failure)) => {
                let begins_anew = self.remote.as_ref().is_some_and(|remote| !sdp.shares_ufrag_with(remote));
                self.failed(failure);
                // Chromium does not always get over an own offer that it takes back.
                if begins_anew || self.offers() {
                    self.renew(false);
                }
                self.offered = None;
            }
            (Some(Call::ApplyAnswer { .. }), Err(failure)) => self.failed(failure),
            (other, _) => self.call = other,
        }
    }

    /// An own offer came to nothing. What works is left alone, and what has not begun: another connection
    /// would have no more to offer.
    fn offer_failed(&mut self, failure: RtcFailure) {
        self.failed(failure);
        if !self.ice_works() && (self.offers() || self.remote.is_some()) {
            self.renew(false);
        }
    }

    /// This connection is of no use any more; the offer that it could not answer is for the one that comes.
    pub(super) fn renew(&mut self, begins: bool) {
        let (offer, candidates) = (self.offered.take(), self.candidates.take_all());
        self.out.push(LinkOut::Renew { offer, candidates, begins });
    }

    pub(super) fn tell_error(&mut self, name: &str, message: &str) {
        self.out.push(LinkOut::NegotiationError(ErrorInfo::new(name, message)));
    }

    fn failed(&mut self, failure: RtcFailure) {
        self.out.push(LinkOut::NegotiationError(failure.into()));
    }

    /// Whether an own offer waits for its answer.
    fn offers(&self) -> bool {
        !matches!(self.side, Side::Stable)
    }

    fn remote_applied(&mut self, sdp: Sdp, ends: Ends) {
        let restarted = self.remote.as_ref().is_some_and(|remote| !sdp.shares_ufrag_with(remote));
        self.candidates.named_by(&sdp, restarted);
        if restarted {
            self.silence = Wait::after(self.silence);
        }
        if restarted && self.ice == IceState::Failed {
            // Its failure belongs to the generation before.
            self.ice = IceState::Checking;
        }
        self.remote = Some(sdp);
        if ends.from.is_some() {
            self.other_tag = ends.from;
        }
        if cfg!(feature = "labelled") && self.knows.is_none_or(|known| ends.knows > known) {
            self.knows = Some(ends.knows);
            self.out.push(LinkOut::Knows(ends.knows));
        }
        self.generation += 1;
        self.unanswered = 0;
        self.candidates.next_generation();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LinkId;
    use crate::link::rtc::{IceCandidate, RtcInput};

    const NOW: Time = Time::ZERO;

    type Renewal = (Option<String>, usize);

    fn described(kind: DescriptionKind, sdp: &str) -> Description {
        Description { kind, sdp: sdp.to_owned() }
    }

    fn refused<T>() -> Result<T, RtcFailure> {
        Err(RtcFailure { name: "OperationError".to_owned(), message: "ERROR_CONTENT".to_owned() })
    }

    /// A polite link to which a remote peer has sent an offer, and a candidate after it.
    fn offered(link: &mut Link) {
        let ends = Ends { from: Some("theirs".to_owned()), ..Ends::default() };
        link.description(NOW, described(DescriptionKind::Offer, "a=ice-ufrag:u1"), ends);
        let candidate = IceCandidate {
            candidate: "candidate:1".to_owned(),
            sdp_mid: None,
            sdp_m_line_index: None,
            username_fragment: None,
        };
        link.candidate(NOW, Some(candidate));
    }

    fn link() -> Link {
        Link::new(LinkId(1), "ours".to_owned(), true)
    }

    /// A link whose own offer is on its way.
    fn offering() -> Link {
        let mut link = link();
        link.input(NOW, RtcInput::NegotiationNeeded);
        link.input(NOW, RtcInput::OfferCreated(Ok(described(DescriptionKind::Offer, "v=0"))));
        link.input(NOW, RtcInput::LocalSet(Ok(())));
        link
    }

    /// A link that has answered an offer, with a path in this state.
    fn answered(ice: IceState) -> Link {
        let mut link = link();
        offered(&mut link);
        link.input(NOW, RtcInput::RemoteSet(Ok(())));
        link.input(NOW, RtcInput::AnswerCreated(Ok(described(DescriptionKind::Answer, "v=0"))));
        link.input(NOW, RtcInput::LocalSet(Ok(())));
        link.input(NOW, RtcInput::Ice(ice));
        link
    }

    /// What a link asked for: how many failures it told, and whether it wants another connection, with which
    /// offer and how many candidates.
    fn outcome(link: &mut Link) -> (usize, Option<Renewal>) {
        let out = link.take_out();
        let told = out.iter().filter(|out| matches!(out, LinkOut::NegotiationError(_))).count();
        let renewal = out.into_iter().find_map(|out| {
            let LinkOut::Renew { offer, candidates, .. } = out else { return None };
            Some((offer.map(|(offer, _)| offer.sdp), candidates.len()))
        });
        (told, renewal)
    }

    fn replayed() -> Option<Renewal> {
        Some((Some("a=ice-ufrag:u1".to_owned()), 1))
    }

    #[test]
    fn an_answer_that_the_platform_refuses_is_left_to_another_connection_with_the_offer_and_its_candidates() {
        for late in [false, true] {
            let mut link = link();
            offered(&mut link);
            link.input(NOW, RtcInput::RemoteSet(Ok(())));
            if late {
                link.input(NOW, RtcInput::AnswerCreated(Ok(described(DescriptionKind::Answer, "v=0"))));
                link.input(NOW, RtcInput::LocalSet(refused()));
            } else {
                link.input(NOW, RtcInput::AnswerCreated(refused()));
            }
            assert_eq!(outcome(&mut link), (1, replayed()));
        }
    }

    #[test]
    fn candidates_are_handed_on_once_the_answer_is_in_force() {
        let mut link = answered(IceState::Checking);
        let handed = |out: &LinkOut| matches!(out, LinkOut::Command(RtcCommand::AddCandidate(_)));
        assert_eq!(link.take_out().iter().filter(|out| handed(out)).count(), 1);
    }

    #[test]
    fn an_offer_that_cannot_be_applied_is_tried_on_another_connection_only_if_it_took_back_an_own_one() {
        let mut link = link();
        offered(&mut link);
        link.input(NOW, RtcInput::RemoteSet(refused()));
        assert_eq!(outcome(&mut link), (1, None));

        let mut link = offering();
        offered(&mut link);
        link.input(NOW, RtcInput::RemoteSet(refused()));
        assert_eq!(outcome(&mut link), (1, replayed()));
    }

    #[test]
    fn an_own_offer_that_fails_ends_a_connection_that_does_not_work_and_no_other() {
        for (ice, renewal) in [(IceState::Failed, Some((None, 0))), (IceState::Connected, None)] {
            for created in [false, true] {
                let mut link = answered(ice);
                link.take_out();
                link.input(NOW, RtcInput::NegotiationNeeded);
                if created {
                    link.input(NOW, RtcInput::OfferCreated(Ok(described(DescriptionKind::Offer, "v=0"))));
                    link.input(NOW, RtcInput::LocalSet(refused()));
                } else {
                    link.input(NOW, RtcInput::OfferCreated(refused()));
                }
                assert_eq!(outcome(&mut link), (1, renewal.clone()));
            }
        }
        let mut link = link();
        link.input(NOW, RtcInput::NegotiationNeeded);
        link.input(NOW, RtcInput::OfferCreated(refused()));
        assert_eq!(outcome(&mut link), (1, None), "it has not begun, and another could do no better");
    }
}
