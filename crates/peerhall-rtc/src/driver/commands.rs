//! What the handles ask of the connection.

use std::sync::atomic::Ordering;
use std::time::Instant;

use peerhall_proto::signal::{Candidate, Description, DescriptionKind};
use str0m::crypto::Fingerprint;
use str0m::stats::{MediaEgressStats, MediaIngressStats, PeerStats};
use tokio::sync::oneshot;

use super::{Driver, media};
use crate::channel::{Channel, DataChannelInit};
use crate::config::IceServer;
use crate::error::{CandidateError, ChannelError, NegotiationError, TrackError};
use crate::negotiation::OfferOptions;
use crate::net;
use crate::net::server::{ServerError, ServerTransport};
use crate::peer_connection::Fingerprints;
use crate::sdp::{self, MAX_SECTIONS, Msid};
use crate::stats::{InboundStats, OutboundStats, PairStats, RelayProtocol, Stats};
use crate::track::{LocalTrack, SenderId, token};
use crate::transceiver::Sender;

/// Where an answer goes. The asker may have gone.
pub(crate) type Reply<T> = oneshot::Sender<T>;

/// What the handles ask of the connection.
pub(crate) enum Command {
    CreateOffer(OfferOptions, Reply<Result<Description, NegotiationError>>),
    CreateAnswer(Reply<Result<Description, NegotiationError>>),
    SetLocal(Description, Reply<Result<(), NegotiationError>>),
    SetRemote(Description, Reply<Result<(), NegotiationError>>),
    AddCandidate(Option<Candidate>, Reply<Result<(), CandidateError>>),
    SetServers(Vec<IceServer>, Reply<Result<(), ServerError>>),
    AddTrack(LocalTrack, Vec<String>, Reply<Result<SenderId, TrackError>>),
    RemoveTrack(SenderId, Reply<Result<(), TrackError>>),
    ReplaceTrack(SenderId, Option<LocalTrack>, Reply<Result<(), TrackError>>),
    CreateChannel(String, DataChannelInit, Reply<Result<Channel, ChannelError>>),
    Stats(Reply<Stats>),
    Fingerprints(Reply<Option<Fingerprints>>),
    Close,
}

impl Driver {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::CreateOffer(options, reply) => {
                answer(reply, self.negotiation.create_offer(&mut self.rtc, options));
            }
            Command::CreateAnswer(reply) => answer(reply, self.negotiation.create_answer()),
            Command::SetLocal(description, reply) => {
                let done = self.set_local(&description);
                self.show();
                answer(reply, done);
            }
            Command::SetRemote(description, reply) => {
                let done = self.set_remote(&description);
                self.show();
                answer(reply, done);
            }
            Command::AddCandidate(candidate, reply) => {
                let done = self.add_candidate(candidate.as_ref());
                answer(reply, done);
            }
            Command::SetServers(servers, reply) => answer(reply, self.network.set_servers(&servers)),
            Command::AddTrack(track, streams, reply) => {
                let done = self.add_track(&track, &streams);
                answer(reply, done);
            }
            Command::RemoveTrack(sender, reply) => {
                let done = self.remove_track(sender);
                answer(reply, done);
            }
            Command::ReplaceTrack(sender, track, reply) => {
                let done = self.replace_track(sender, track.as_ref());
                answer(reply, done);
            }
            Command::CreateChannel(label, init, reply) => {
                let made = self.channels.create(&mut self.rtc, label, init);
                self.negotiation.wants_channels |= made.is_ok();
                answer(reply, made);
            }
            Command::Stats(reply) => answer(reply, self.stats()),
            Command::Fingerprints(reply) => answer(reply, self.fingerprints()),
            Command::Close => self.close(),
        }
        self.drain();
    }

    fn set_local(&mut self, description: &Description) -> Result<(), NegotiationError> {
        let before = self.negotiation.local().cloned();
        self.negotiation.set_local(description)?;
        self.ends.needed.store(false, Ordering::Release);
        let now = self.negotiation.local().map(|local| &local.ufrag);
        if now != before.as_ref().map(|local| &local.ufrag) {
            // A first description or an ICE restart.
            self.states.started(Instant::now());
            self.network.gather();
        }
        Ok(())
    }

    fn set_remote(&mut self, description: &Description) -> Result<(), NegotiationError> {
        let before = self.negotiation.remote().map(|remote| remote.ufrag.clone());
        let mut events = Vec::new();
        let (rtc, wake) = (&mut self.rtc, &self.wake);
        self.negotiation.set_remote(rtc, description, wake, &mut events)?;
        self.ends.needed.store(false, Ordering::Release);
        self.drain();
        events.into_iter().for_each(|event| self.emit(event));
        if let Some(remote) = self.negotiation.remote() {
            self.channels.set_max_message(remote.max_message);
            if before.is_some_and(|before| before != remote.ufrag)
                && description.kind == DescriptionKind::Answer
            {
                self.states.started(Instant::now());
            }
        }
        self.remote_candidates.restart();
        for line in sdp::candidates(&description.sdp) {
            let candidate = Candidate {
                candidate: line.to_owned(),
                sdp_mid: None,
                sdp_m_line_index: None,
                username_fragment: None,
            };
            if let Err(error) = self.add_candidate(Some(&candidate)) {
                tracing::debug!(%error, "a candidate in a description is left out");
            }
        }
        Ok(())
    }

    fn add_candidate(&mut self, candidate: Option<&Candidate>) -> Result<(), CandidateError> {
        let Some(candidate) = candidate else { return Ok(()) };
        if self.remote_candidates.add(&mut self.rtc, &self.negotiation, candidate)? {
            self.drain();
        }
        Ok(())
    }

    fn add_track(&mut self, track: &LocalTrack, streams: &[String]) -> Result<SenderId, TrackError> {
        let transceivers = &mut self.negotiation.transceivers;
        let sent = transceivers.iter().filter_map(|t| t.sender.as_ref()?.source.as_ref());
        if sent.into_iter().any(|source| source.track.id() == track.id()) {
            return Err(TrackError::AlreadySent);
        }
        if transceivers.len() >= MAX_SECTIONS {
            return Err(TrackError::TooMany);
        }
        let id = SenderId::next();
        let streams = streams.iter().map(|stream| token(stream)).filter(|s| !s.is_empty());
        let msid = Msid { streams: streams.collect(), track: track.id().to_owned() };
        let source = Some(track.subscribe(id, self.frames.0.clone()));
        let sender = Sender { id, msid, source };
        let remote_renews = self.negotiation.remote_renews();
        self.negotiation.transceivers.add(track.kind(), sender, remote_renews);
        Ok(id)
    }

    fn remove_track(&mut self, sender: SenderId) -> Result<(), TrackError> {
        self.clocks.forget(sender);
        let removed = self.negotiation.transceivers.remove(sender);
        removed.map(drop).ok_or(TrackError::UnknownSender)
    }

    fn replace_track(&mut self, sender: SenderId, track: Option<&LocalTrack>) -> Result<(), TrackError> {
        let found = self.negotiation.transceivers.by_sender(sender);
        let transceiver = found.ok_or(TrackError::UnknownSender)?;
        if let Some(track) = track {
            if track.kind() != transceiver.kind {
                return Err(TrackError::OtherKind);
            }
            let refused = |mid| !media::takes(&mut self.rtc, mid, track.codec());
            if transceiver.mid.as_deref().is_some_and(refused) {
                return Err(TrackError::CodecNotNegotiated);
            }
        }
        let frames = &self.frames.0;
        if let Some(sender) = &mut transceiver.sender {
            sender.source = track.map(|track| track.subscribe(sender.id, frames.clone()));
        }
        if let Some(track) = track {
            // The receiver's decoder knows nothing of what the new source has shown so far.
            track.request_keyframe();
        }
        self.clocks.splice(sender);
        Ok(())
    }

    fn fingerprints(&mut self) -> Option<Fingerprints> {
        let dtls = self.rtc.direct_api();
        let bytes = |print: &Fingerprint| <[u8; 32]>::try_from(print.bytes.as_slice()).ok();
        let local = bytes(dtls.local_dtls_fingerprint())?;
        let remote = bytes(dtls.remote_dtls_fingerprint()?)?;
        Some(Fingerprints { local, remote })
    }

    fn stats(&self) -> Stats {
        let rtt = self.stats.pair.and_then(|pair| pair.current_rtt);
        let pair = self.path.map(|(local, remote)| {
            let (local_kind, remote_kind) = self.path_kinds(local, remote);
            let via = self.local_candidates.iter().find(|c| c.base() == local).map(|c| c.kind);
            PairStats {
                local: local_kind,
                remote: remote_kind,
                relay_protocol: via.and_then(relay_protocol),
                current_rtt: rtt,
            }
        });
        Stats { pair, channels: self.channels.stats(), ..self.stats.clone() }
    }

    pub(super) fn on_peer_stats(&mut self, stats: &PeerStats) {
        let Some((local, remote)) = self.path else { return };
        let (local, remote) = self.path_kinds(local, remote);
        let pair = stats.selected_candidate_pair.as_ref();
        let current_rtt = pair.and_then(|pair| pair.current_round_trip_time);
        self.stats.pair = Some(PairStats { local, remote, relay_protocol: None, current_rtt });
    }

    pub(super) fn on_egress_stats(&mut self, stats: &MediaEgressStats) {
        let mid = stats.mid.to_string();
        let found = self.negotiation.transceivers.by_mid(&mid);
        let now = OutboundStats {
            sender: found.and_then(|t| t.sender.as_ref()).map(|sender| sender.id),
            packets: stats.packets,
            bytes: stats.bytes,
            lost: stats.remote.as_ref().map_or(0, |remote| remote.packets_lost),
            nacks: stats.nacks,
            plis: stats.plis,
            firs: stats.firs,
            rtt: stats.rtt,
            mid,
        };
        self.stats.outbound.retain(|known| known.mid != now.mid);
        self.stats.outbound.push(now);
    }

    pub(super) fn on_ingress_stats(&mut self, stats: &MediaIngressStats) {
        let now = InboundStats {
            mid: stats.mid.to_string(),
            packets: stats.packets,
            bytes: stats.bytes,
            loss: stats.loss.unwrap_or(0.0),
            jitter: stats.jitter,
            nacks: stats.nacks,
            plis: stats.plis,
            firs: stats.firs,
        };
        self.stats.inbound.retain(|known| known.mid != now.mid);
        self.stats.inbound.push(now);
    }
}

fn relay_protocol(kind: net::CandidateKind) -> Option<RelayProtocol> {
    match kind {
        net::CandidateKind::Relayed { via: ServerTransport::Udp } => Some(RelayProtocol::Udp),
        net::CandidateKind::Relayed { via: ServerTransport::Tcp } => Some(RelayProtocol::Tcp),
        net::CandidateKind::Relayed { via: ServerTransport::Tls } => Some(RelayProtocol::Tls),
        net::CandidateKind::Host | net::CandidateKind::ServerReflexive => None,
    }
}

fn answer<T>(reply: Reply<T>, value: T) {
    // The asker may have stopped waiting; what was done stays done.
    let _ = reply.send(value);
}
