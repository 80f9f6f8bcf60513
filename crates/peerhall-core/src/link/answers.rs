//! What follows from the answers of the platform to negotiation calls (sdk-behaviour, sections 6.3 and
//! 6.4).

use super::negotiation::{Call, Link, LinkOut, Side};
use super::restart::ANSWER_TIMEOUT;
use super::rtc::{Description, DescriptionKind, IceState, RtcCommand, RtcFailure};
use super::sdp::Sdp;
use super::signal::Ends;
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
                self.out.push(LinkOut::Command(RtcCommand::SetLocal(offer.clone())));
                self.call = Some(Call::SetOffer { offer, restart });
            }
            Err(failure) => self.out.push(LinkOut::NegotiationError(failure.into())),
        }
    }

    pub(super) fn answer_created(&mut self, result: Result<Description, RtcFailure>) {
        let Some(Call::CreateAnswer) = self.call.take() else { return };
        match result {
            Ok(answer) => {
                self.out.push(LinkOut::Command(RtcCommand::SetLocal(answer.clone())));
                self.call = Some(Call::SetAnswer { answer });
            }
            Err(failure) => self.out.push(LinkOut::NegotiationError(failure.into())),
        }
    }

    pub(super) fn local_set(&mut self, now: Time, result: Result<(), RtcFailure>) {
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
                self.side = Side::Stable;
                let ends = self.ends();
                self.out.push(LinkOut::SendDescription(answer, ends));
                self.check_ice(now);
            }
            (Some(Call::SetOffer { .. } | Call::SetAnswer { .. }), Err(failure)) => {
                self.out.push(LinkOut::NegotiationError(failure.into()));
            }
            (other, _) => self.call = other,
        }
    }

    pub(super) fn remote_set(&mut self, now: Time, result: Result<(), RtcFailure>) {
        match (self.call.take(), result) {
            (Some(Call::ApplyOffer { sdp, ends, .. }), Ok(())) => {
                self.remote_applied(sdp, ends);
                self.side = Side::Stable;
                self.call = Some(Call::CreateAnswer);
                self.out.push(LinkOut::Command(RtcCommand::CreateAnswer));
            }
            (Some(Call::ApplyAnswer { sdp, ends }), Ok(())) => {
                self.remote_applied(sdp, ends);
                self.side = Side::Stable;
                self.check_ice(now);
            }
            (Some(Call::ApplyOffer { sdp, offer, ends }), Err(failure)) => {
                let begins_anew = self.remote.as_ref().is_some_and(|remote| !sdp.shares_ufrag_with(remote));
                self.out.push(LinkOut::NegotiationError(failure.into()));
                if begins_anew {
                    self.out.push(LinkOut::OtherEnd(Some((offer, ends))));
                }
            }
            (Some(Call::ApplyAnswer { .. }), Err(failure)) => {
                self.out.push(LinkOut::NegotiationError(failure.into()));
            }
            (other, _) => self.call = other,
        }
    }

    fn remote_applied(&mut self, sdp: Sdp, ends: Ends) {
        let restarted = self.remote.as_ref().is_some_and(|remote| !sdp.shares_ufrag_with(remote));
        if restarted && self.ice == IceState::Failed {
            // Its failure belongs to the generation before.
            self.ice = IceState::Checking;
        }
        self.remote = Some(sdp);
        if ends.from.is_some() {
            self.other_tag = ends.from;
        }
        if cfg!(feature = "labelled") && self.labelled.is_none_or(|known| ends.labelled && !known) {
            self.labelled = Some(ends.labelled);
            self.out.push(LinkOut::Labelled(ends.labelled));
        }
        self.generation += 1;
        self.unanswered = 0;
        self.candidates.next_generation();
    }
}
