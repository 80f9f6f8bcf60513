//! Negotiation as the vendor's SDKs do it: signals are started as they come, and the platform's chain of
//! operations puts them in order (sdk-behaviour, sections 6.3 and 6.4).

use std::collections::VecDeque;

use peerhall_core::{
    Description, DescriptionKind, IceCandidate, IceState, LinkId, RtcCommand, RtcInput, Time,
};
use serde_json::{Value, json};

use super::{Kind, Vendor};

/// What a call of the platform was made for; answers come in the order of the calls.
#[derive(Debug)]
enum Call {
    Offer { generation: u64 },
    SetOffer(Description),
    RemoteOffer,
    RemoteAnswer,
    Answer,
    SetAnswer(Description),
}

/// What is known of the negotiation with one remote peer.
#[derive(Debug)]
pub(super) struct Negotiation {
    pub(super) link: LinkId,
    polite: bool,
    making_offer: bool,
    /// An own offer waits for its answer.
    offered: bool,
    applying_answer: bool,
    generation: u64,
    described: bool,
    waiting_candidates: Vec<Option<IceCandidate>>,
    calls: VecDeque<Call>,
}

impl Negotiation {
    pub(super) fn new(link: LinkId, polite: bool) -> Self {
        Self {
            link,
            polite,
            making_offer: false,
            offered: false,
            applying_answer: false,
            generation: 0,
            described: false,
            waiting_candidates: Vec::new(),
            calls: VecDeque::new(),
        }
    }
}

impl Vendor {
    pub(super) fn signal(&mut self, from: &str, data: &Value) {
        let Some(remote) = self.remotes.get_mut(from) else { return };
        let link = remote.link;
        match data["type"].as_str() {
            Some("rtc-description") => {
                let sdp = data["description"]["sdp"].as_str().unwrap_or_default().to_owned();
                let kind = match data["description"]["type"].as_str() {
                    Some("offer") => DescriptionKind::Offer,
                    Some("answer") => DescriptionKind::Answer,
                    _ => return,
                };
                if kind == DescriptionKind::Offer {
                    let collision = remote.making_offer || (remote.offered && !remote.applying_answer);
                    if collision && !remote.polite {
                        return;
                    }
                    remote.calls.push_back(Call::RemoteOffer);
                } else {
                    remote.applying_answer = true;
                    remote.calls.push_back(Call::RemoteAnswer);
                }
                self.rtc_command(link, RtcCommand::SetRemote(Description { kind, sdp }));
            }
            Some("rtc-ice") => {
                let candidate = data["candidate"]["candidate"].as_str().map(|line| IceCandidate {
                    candidate: line.to_owned(),
                    sdp_mid: data["candidate"]["sdpMid"].as_str().map(str::to_owned),
                    sdp_m_line_index: None,
                    username_fragment: data["candidate"]["usernameFragment"].as_str().map(str::to_owned),
                });
                if remote.described {
                    self.rtc_command(link, RtcCommand::AddCandidate(candidate));
                } else {
                    remote.waiting_candidates.push(candidate);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn rtc(&mut self, _now: Time, link: LinkId, input: RtcInput) {
        let Some(id) = self.remotes.iter().find(|(_, remote)| remote.link == link).map(|(id, _)| id.clone())
        else {
            return;
        };
        match input {
            RtcInput::NegotiationNeeded => self.make_offer(&id, false),
            RtcInput::Ice(IceState::Failed) if self.kind == Kind::Python => {
                // aiortc cannot restart ICE: a new connection takes the place of the old one.
                self.remove(&id);
                self.add(id);
            }
            RtcInput::Ice(IceState::Failed) => self.make_offer(&id, true),
            RtcInput::OfferCreated(Ok(description)) | RtcInput::AnswerCreated(Ok(description)) => {
                self.created(&id, description);
            }
            RtcInput::LocalSet(result) => self.local_set(&id, result.is_ok()),
            RtcInput::RemoteSet(result) => self.remote_set(&id, result.is_ok()),
            RtcInput::OfferCreated(Err(_)) | RtcInput::AnswerCreated(Err(_)) => {
                if let Some(remote) = self.remotes.get_mut(&id) {
                    remote.calls.pop_front();
                    remote.making_offer = false;
                }
            }
            RtcInput::LocalCandidate(candidate) => self.send_candidate(&id, candidate),
            RtcInput::CreateFailed(_)
            | RtcInput::CandidateAdded(_)
            | RtcInput::AttachFailed { .. }
            | RtcInput::Replaced { .. }
            | RtcInput::State(_)
            | RtcInput::Ice(_)
            | RtcInput::Track(_)
            | RtcInput::TrackEnded(_)
            | RtcInput::TrackRemoved { .. }
            | RtcInput::DataChannel(_)
            | RtcInput::Stats(_) => {}
        }
    }

    fn make_offer(&mut self, id: &str, restart: bool) {
        let Some(remote) = self.remotes.get_mut(id) else { return };
        remote.making_offer = true;
        remote.calls.push_back(Call::Offer { generation: remote.generation });
        let link = remote.link;
        self.rtc_command(link, RtcCommand::CreateOffer { ice_restart: restart });
    }

    fn created(&mut self, id: &str, description: Description) {
        let Some(remote) = self.remotes.get_mut(id) else { return };
        match remote.calls.pop_front() {
            Some(Call::Offer { generation }) if generation != remote.generation => {
                // A remote description came meanwhile: the offer is abandoned.
                remote.making_offer = false;
                return;
            }
            Some(Call::Offer { .. }) => remote.calls.push_back(Call::SetOffer(description.clone())),
            Some(Call::Answer) => remote.calls.push_back(Call::SetAnswer(description.clone())),
            _ => return,
        }
        let link = remote.link;
        self.rtc_command(link, RtcCommand::SetLocal(description));
    }

    fn local_set(&mut self, id: &str, ok: bool) {
        let Some(remote) = self.remotes.get_mut(id) else { return };
        let call = remote.calls.pop_front();
        let description = match call {
            Some(Call::SetOffer(offer)) => {
                remote.making_offer = false;
                remote.offered = ok;
                offer
            }
            Some(Call::SetAnswer(answer)) => answer,
            _ => return,
        };
        if ok {
            let kind = if description.kind == DescriptionKind::Offer { "offer" } else { "answer" };
            let description = json!({"type": kind, "sdp": description.sdp});
            self.send(id, json!({"type": "rtc-description", "description": description}));
        }
    }

    fn remote_set(&mut self, id: &str, ok: bool) {
        let Some(remote) = self.remotes.get_mut(id) else { return };
        let call = remote.calls.pop_front();
        let link = remote.link;
        if ok {
            remote.generation += 1;
            remote.described = true;
        }
        match call {
            Some(Call::RemoteOffer) if ok => {
                remote.offered = false;
                remote.calls.push_back(Call::Answer);
                self.rtc_command(link, RtcCommand::CreateAnswer);
            }
            Some(Call::RemoteAnswer) => {
                remote.applying_answer = false;
                remote.offered &= !ok;
            }
            _ => {}
        }
        let waiting = match self.remotes.get_mut(id) {
            Some(remote) if ok => std::mem::take(&mut remote.waiting_candidates),
            _ => Vec::new(),
        };
        for candidate in waiting {
            self.rtc_command(link, RtcCommand::AddCandidate(candidate));
        }
    }

    fn send_candidate(&mut self, id: &str, candidate: Option<IceCandidate>) {
        let candidate = candidate.map(|candidate| {
            json!({"candidate": candidate.candidate, "sdpMid": candidate.sdp_mid,
                "sdpMLineIndex": candidate.sdp_m_line_index, "usernameFragment": candidate.username_fragment})
        });
        self.send(id, json!({"type": "rtc-ice", "candidate": candidate}));
    }
}
