//! Descriptions taking effect.

use std::sync::Arc;

use peerhall_proto::signal::{Description, DescriptionKind};
use str0m::Rtc;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, Mid};

use super::{Created, LocalIdentity, Negotiation, Offer};
use crate::error::{BadDescription, NegotiationError, Step};
use crate::event::{Event, SignalingState};
use crate::sdp::{self, Alias, MediaSection, SectionKind, Summary};
use crate::wake::Wake;

/// ICE user names of earlier generations that are remembered, so that late candidates are known.
const FORMER_UFRAGS: usize = 16;

impl Negotiation {
    /// Makes what was created last the local description.
    pub(crate) fn set_local(&mut self, description: &Description) -> Result<(), NegotiationError> {
        match description.kind {
            DescriptionKind::Offer => self.set_local_offer(&description.sdp),
            DescriptionKind::Answer => self.set_local_answer(&description.sdp),
        }
    }

    /// Makes the remote's description take effect, and tells what that means for its tracks.
    pub(crate) fn set_remote(
        &mut self,
        rtc: &mut Rtc,
        description: &Description,
        wake: &Arc<Wake>,
        events: &mut Vec<Event>,
    ) -> Result<(), NegotiationError> {
        let step = Step::SetRemote(description.kind);
        let allowed: &[_] = match description.kind {
            DescriptionKind::Offer => {
                &[SignalingState::Stable, SignalingState::HaveLocalOffer, SignalingState::HaveRemoteOffer]
            }
            DescriptionKind::Answer => &[SignalingState::HaveLocalOffer],
        };
        self.expect(step, allowed)?;
        let summary = self.check(&description.sdp)?;
        match description.kind {
            DescriptionKind::Offer => self.accept_offer(rtc, &description.sdp, &summary)?,
            DescriptionKind::Answer => self.accept_answer(rtc, &description.sdp, &summary)?,
        }
        self.finish_remote(summary, wake, events);
        Ok(())
    }

    fn set_local_offer(&mut self, sdp: &str) -> Result<(), NegotiationError> {
        let step = Step::SetLocal(DescriptionKind::Offer);
        self.expect(step, &[SignalingState::Stable, SignalingState::HaveLocalOffer])?;
        if self.pending.as_ref().is_some_and(|pending| pending.sdp == sdp) {
            return Ok(());
        }
        match self.created.take() {
            Some(Created::Offer(offer)) if offer.sdp == sdp => {
                self.local = identity(&offer.summary);
                self.pending = Some(offer);
                self.state = SignalingState::HaveLocalOffer;
                Ok(())
            }
            other => {
                self.created = other;
                Err(NegotiationError::NotCreatedHere)
            }
        }
    }

    fn set_local_answer(&mut self, sdp: &str) -> Result<(), NegotiationError> {
        let step = Step::SetLocal(DescriptionKind::Answer);
        self.expect(step, &[SignalingState::HaveRemoteOffer])?;
        match self.created.take() {
            Some(Created::Answer { sdp: created }) if created == sdp => {
                self.local = identity(&sdp::summary(sdp)?);
                self.become_stable();
                Ok(())
            }
            other => {
                self.created = other;
                Err(NegotiationError::NotCreatedHere)
            }
        }
    }

    fn accept_offer(
        &mut self,
        rtc: &mut Rtc,
        offer: &str,
        summary: &Summary,
    ) -> Result<(), NegotiationError> {
        self.check_order(summary)?;
        let sending = self.transceivers.senders_in_offer(&summary.sections);
        let narrowed = sdp::narrow_offer(offer, |mid| sending.iter().any(|name| name == mid));
        let inside = Alias::inward(self.alias.as_ref(), narrowed);
        let parsed = SdpOffer::from_sdp_string(&inside).map_err(|_| BadDescription::Syntax)?;
        read_alike(&inside, parsed.media_lines.iter().map(|line| line.mid()))?;
        // An offer of ours is void from here on; a restart in it is still wanted.
        self.pending = None;
        self.transceivers.roll_back();
        let answer = Self::answer_of_engine(rtc, parsed, &sending)?;
        self.transceivers.apply_offer(&summary.sections);
        let answer = Alias::outward(self.alias.as_ref(), answer.to_sdp_string());
        let sdp = sdp::with_tracks(&answer, |mid| self.transceivers.msid(mid));
        self.created = Some(Created::Answer { sdp });
        self.state = SignalingState::HaveRemoteOffer;
        Ok(())
    }

    /// The engine's answer, in which sections that have fallen silent take part again when a track has
    /// come into them: the engine leaves silence in a section of its own to the side that opened it.
    fn answer_of_engine(
        rtc: &mut Rtc,
        offer: SdpOffer,
        sending: &[String],
    ) -> Result<SdpAnswer, NegotiationError> {
        let mids = sending.iter().map(|name| Mid::from(name.as_str()));
        let silent = |mid: &Mid| rtc.media(*mid).is_some_and(|m| m.direction() == Direction::Inactive);
        let woken: Vec<_> = mids.filter(silent).collect();
        let mut api = rtc.sdp_api();
        for mid in woken {
            api.set_direction(mid, Direction::RecvOnly);
        }
        api.accept_offer(offer).map_err(|_| NegotiationError::Refused)
    }

    fn accept_answer(
        &mut self,
        rtc: &mut Rtc,
        answer: &str,
        summary: &Summary,
    ) -> Result<(), NegotiationError> {
        // The engine takes the token with the first answer, good or bad, so a stray answer has to be
        // told before it gets there.
        let restarted = self.remote.as_ref().is_some_and(|known| known.ufrag != summary.ufrag);
        let fits = |pending: &Offer| belongs(pending, summary) && (!restarted || pending.restart);
        if !self.pending.as_ref().is_some_and(fits) {
            return Err(NegotiationError::ForeignAnswer);
        }
        let alias = self.pending.as_ref().and_then(|pending| pending.alias.as_ref());
        let inside = Alias::inward(alias, sdp::without_candidates(answer));
        let parsed = SdpAnswer::from_sdp_string(&inside).map_err(|_| BadDescription::Syntax)?;
        read_alike(&inside, parsed.media_lines.iter().map(|line| line.mid()))?;
        let offer = self.pending.take().ok_or(NegotiationError::ForeignAnswer)?;
        let accepted = rtc.sdp_api().accept_answer(offer.token, parsed);
        if accepted.is_ok() {
            self.transceivers.apply_answer(&summary.sections);
            self.alias = offer.alias;
            self.wants_restart &= !offer.restart;
        } else {
            self.transceivers.roll_back();
        }
        self.become_stable();
        accepted.map_err(|_| NegotiationError::Refused)
    }

    fn become_stable(&mut self) {
        self.pending = None;
        self.created = None;
        self.state = SignalingState::Stable;
        self.announced = false;
    }

    fn finish_remote(&mut self, summary: Summary, wake: &Arc<Wake>, events: &mut Vec<Event>) {
        self.has_channels |= summary
            .sections
            .iter()
            .any(|section| section.kind == SectionKind::Application && !section.rejected);
        self.transceivers.follow_remote(&summary.sections, wake, events);
        let former = self.remote.as_ref().filter(|known| known.ufrag != summary.ufrag);
        if let Some(former) = former {
            self.former_ufrags.push(former.ufrag.clone());
            if self.former_ufrags.len() > FORMER_UFRAGS {
                self.former_ufrags.remove(0);
            }
            // The remote's restart renews both sides, which is all that ours was for.
            self.wants_restart = false;
        }
        self.remote = Some(summary);
    }

    /// Reads the remote's description and tells whether it is still the same remote.
    fn check(&self, sdp: &str) -> Result<Summary, NegotiationError> {
        let summary = sdp::summary(sdp)?;
        match &self.remote {
            Some(known) if known.fingerprint != summary.fingerprint => Err(NegotiationError::RemoteReplaced),
            Some(_) | None => Ok(summary),
        }
    }

    /// Sections keep their place for the life of a session (RFC 8829 section 5.3.1); only the place
    /// of a refused one may be taken by another.
    fn check_order(&self, summary: &Summary) -> Result<(), BadDescription> {
        let Some(known) = &self.remote else { return Ok(()) };
        let mut now = summary.sections.iter();
        let kept = known.sections.iter().all(|before| {
            let same = |s: &MediaSection| s.mid == before.mid && s.kind == before.kind;
            let retired = before.rejected || self.transceivers.is_stopped(&before.mid);
            now.next().is_some_and(|section| same(section) || retired)
        });
        kept.then_some(()).ok_or(BadDescription::Order)
    }
}

/// Whether an answer has the sections of the offer.
fn belongs(offer: &Offer, answer: &Summary) -> bool {
    let key = |section: &MediaSection| (section.mid.clone(), section.kind);
    offer.summary.sections.iter().map(key).eq(answer.sections.iter().map(key))
}

fn identity(summary: &Summary) -> Option<LocalIdentity> {
    let section = summary.sections.first()?.mid.clone();
    Some(LocalIdentity { section, ufrag: summary.ufrag.clone() })
}

/// Whether the engine has read the sections that we read. It stops at a line that it finds no place for, and a line that
/// is not as it should be may take those behind it along.
fn read_alike(inside: &str, engine: impl Iterator<Item = Mid>) -> Result<(), BadDescription> {
    let alike = engine.map(|mid| mid.to_string()).eq(sdp::names(inside).map(str::to_owned));
    alike.then_some(()).ok_or(BadDescription::Syntax)
}
