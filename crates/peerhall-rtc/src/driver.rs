//! The task of one connection. It owns the engine and the network, and everything that happens to
//! the connection happens here, one thing after the other.
//!
//! The engine's rule is that each change to it is followed by a full drain of its output; a turn is
//! one such change, or several with a drain after each, and one flush of the network at its end.

mod candidates;
mod channels;
mod commands;
#[cfg(test)]
mod far_tests;
mod fill;
mod intake;
mod media;
mod rotation;
mod slack;
mod states;
mod turn;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use str0m::rtp::Extension;
use str0m::{Rtc, RtcConfig};
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::error::OpenError;
use crate::event::{ConnectionState, Event, IceState, SignalingState};
use crate::negotiation::Negotiation;
use crate::net::{LocalCandidate, NetEvent, Network, Packets};
use crate::stats::Stats;
use crate::track::Delivery;
use crate::wake::{Wake, Work};

use candidates::RemoteCandidates;
use channels::Channels;
pub(crate) use commands::Command;
use intake::{Datagram, Intake};
use media::Clocks;
use slack::Slack;
use states::States;

/// Most frames of all tracks that wait for the connection, five seconds of one track at 50 a second.
const MAX_FRAMES: usize = 256;

/// Bytes of a datagram that the engine fills, as browsers do. The smallest packet of IPv6, 1,280 bytes (RFC 8200,
/// section 5), has room for 1,232 of them, and a relay takes 36 of these.
const DATAGRAM: usize = 1_196;

/// Bytes from which a datagram is taken for a mistake: those of an Ethernet frame less the headers of IPv6 and UDP.
const LARGEST_DATAGRAM: usize = 1_452;

/// The largest message that can be sent.
const MAX_MESSAGE: usize = 1024 * 1024;

/// Bytes of messages that the engine holds: the largest, which it takes whole or not at all, and what was there before.
/// What is beyond waits in the channels, as it came and not in packets.
const ENGINE_BUFFER: usize = MAX_MESSAGE + fill::MOST;

/// How often the engine counts. Figures are for people to look at.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Timing of path checks: the first repetition after 250 ms, later ones and the checks of a path
/// in use every 2 s, given up after six; a lost path is noticed after about 8 s.
const MAX_STUN_RTO: Duration = Duration::from_secs(2);
const MAX_STUN_RETRANSMITS: usize = 6;

/// What the handles can see of the connection without asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visible {
    pub(crate) signaling: SignalingState,
    pub(crate) ice: IceState,
    pub(crate) connection: ConnectionState,
}

impl Visible {
    pub(crate) const START: Self =
        Self { signaling: SignalingState::Stable, ice: IceState::New, connection: ConnectionState::New };

    pub(crate) const END: Self = Self {
        signaling: SignalingState::Closed,
        ice: IceState::Closed,
        connection: ConnectionState::Closed,
    };
}

/// The task's end of everything.
pub(crate) struct Ends {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) events: mpsc::Sender<Event>,
    /// Whether the need for an offer that was announced last still holds.
    pub(crate) needed: Arc<AtomicBool>,
    pub(crate) visible: watch::Sender<Visible>,
}

pub(crate) struct Driver {
    rtc: Rtc,
    network: Network,
    ends: Ends,
    negotiation: Negotiation,
    remote_candidates: RemoteCandidates,
    local_candidates: Vec<LocalCandidate>,
    channels: Channels,
    clocks: Clocks,
    states: States,
    intake: Intake,
    slack: Slack,
    wake: Arc<Wake>,
    frames: (mpsc::Sender<Delivery>, mpsc::Receiver<Delivery>),
    /// Ends of the path in use, as the engine sends on it.
    path: Option<(SocketAddr, SocketAddr)>,
    stats: Stats,
    /// Errors of the engine in a row.
    engine_errors: u32,
    /// Whether the connection is to end after this turn.
    ending: bool,
}

impl Driver {
    pub(crate) fn open(config: Config, ends: Ends) -> Result<Self, OpenError> {
        let network = Network::open(config.network)?;
        let wake = Arc::new(Wake::default());
        let send_buffer = config.send_buffer.max(1);
        Ok(Self {
            rtc: engine(config.max_message_size).build(Instant::now()),
            network,
            ends,
            negotiation: Negotiation::new(),
            remote_candidates: RemoteCandidates::default(),
            local_candidates: Vec::new(),
            channels: Channels::new(send_buffer, config.receive_buffer, Arc::clone(&wake)),
            clocks: Clocks::default(),
            states: States::new(config.connect_timeout, config.failed_timeout),
            intake: Intake::default(),
            slack: Slack::default(),
            wake,
            frames: mpsc::channel(MAX_FRAMES),
            path: None,
            stats: Stats::default(),
            engine_errors: 0,
            ending: false,
        })
    }

    /// Runs until the connection is closed by either side or its last handle is dropped.
    pub(crate) async fn run(mut self: Box<Self>) {
        let mut timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        // Until it has been told the time once, the engine names no deadline for its path checks, and
        // a side that hears nothing first, as through a relay, would send none.
        self.advance(Instant::now());
        loop {
            let deadline = self.finish_turn();
            if self.ending {
                break;
            }
            timer.as_mut().reset(deadline.into());
            tokio::select! {
                event = self.network.next() => {
                    self.on_network(event);
                    while let Some(event) = self.network.try_next() {
                        self.on_network(event);
                    }
                }
                command = self.ends.commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => self.close(),
                },
                () = self.wake.rung() => self.on_work(),
                Some(frame) = self.frames.1.recv() => self.on_frame(frame),
                line = self.remote_candidates.resolved() => self.on_resolved(line),
                () = &mut timer => self.on_timer(),
            }
        }
        self.end().await;
    }

    fn on_network(&mut self, event: NetEvent) {
        match event {
            NetEvent::Candidate(found) => self.on_local_candidate(found),
            NetEvent::CandidateLost(lost) => {
                self.local_candidates.retain(|known| *known != lost);
                candidates::remove_local(&mut self.rtc, lost);
                self.drain();
            }
            NetEvent::GatheringDone => self.emit(Event::LocalCandidate(None)),
            NetEvent::Packets(packets) => self.on_packets(&packets),
            NetEvent::Failed { server, reason } => {
                tracing::info!(%server, %reason, "a STUN or TURN server gives no candidate");
            }
            NetEvent::Changed => self.emit(Event::NetworkChanged),
        }
    }

    fn on_packets(&mut self, packets: &Packets) {
        for datagram in packets.datagrams.iter() {
            self.stats.bytes_received += datagram.len() as u64;
            if self.channels.unread().is_full() {
                self.intake.pause(packets.received_at);
            }
            if self.intake.holds(datagram) {
                let (local, remote) = (packets.local, packets.remote);
                self.intake.keep(Datagram { local, remote, bytes: datagram.to_vec() });
            } else {
                self.receive(packets.local, packets.remote, datagram, packets.received_at);
            }
        }
    }

    fn on_local_candidate(&mut self, found: LocalCandidate) {
        if !self.local_candidates.contains(&found) {
            self.local_candidates.push(found);
        }
        let line = candidates::add_local(&mut self.rtc, found);
        self.drain();
        if let (Some(line), Some(local)) = (line, self.negotiation.local()) {
            let signal = candidates::signal(&line, local);
            self.emit(Event::LocalCandidate(Some(signal)));
        }
    }

    fn on_resolved(&mut self, line: Option<String>) {
        if let Some(line) = line
            && self.remote_candidates.take(&mut self.rtc, &line).is_ok()
        {
            self.drain();
        }
    }

    fn on_frame(&mut self, frame: Delivery) {
        let now = Instant::now();
        let transceivers = &mut self.negotiation.transceivers;
        if media::write(&mut self.rtc, transceivers, &mut self.clocks, frame, now) {
            self.drain();
            self.advance(now);
        }
    }

    fn on_work(&mut self) {
        for work in self.wake.take() {
            match work {
                Work::Channel(key) => self.channels.has_work(key),
                Work::Room => {}
                Work::KeyFrame(mid) => {
                    if media::request_keyframe(&mut self.rtc, mid) {
                        self.drain();
                    }
                }
            }
        }
        self.pump();
        self.advance(Instant::now());
    }

    fn on_timer(&mut self) {
        let now = Instant::now();
        self.states.tick(now);
        self.advance(now);
    }
}

/// How the engine is set up for a user who takes messages of so many bytes.
fn engine(max_message_size: u32) -> RtcConfig {
    let mut engine = header_extensions(RtcConfig::new())
        .clear_codecs()
        .enable_opus(true, false)
        .enable_pcmu(true, false)
        .enable_pcma(true, false)
        .enable_vp8(true)
        .enable_h264(true)
        .enable_vp9(true)
        .enable_av1(true)
        .set_stats_interval(Some(STATS_INTERVAL))
        .set_sctp_max_buffered_amount(ENGINE_BUFFER)
        .set_sctp_max_message_size(max_message_size)
        .set_mtu(DATAGRAM..=LARGEST_DATAGRAM);
    engine.set_max_stun_rto(MAX_STUN_RTO);
    engine.set_max_stun_retransmits(MAX_STUN_RETRANSMITS);
    engine
}

/// The header extensions we offer. Their numbers are those that Chromium gives to nothing else,
/// whichever kind of media it offers first: when it rolls an offer of pictures back for one of sound, it
/// keeps the numbers of the first, and refuses its own next offer if one of them means two things.
fn header_extensions(config: RtcConfig) -> RtcConfig {
    config
        .clear_extension_map()
        .set_extension(2, Extension::AbsoluteSendTime)
        .set_extension(12, Extension::RtpMid)
        .set_extension(13, Extension::TransportSequenceNumber)
        .set_extension(14, Extension::AudioLevel)
}
