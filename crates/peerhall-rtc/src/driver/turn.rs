//! A turn: input for the engine, its output carried out, and what follows from it.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Event as EngineEvent, Input, Output, Reason};

use super::{Driver, Visible, media};
use crate::event::{CandidateKind, Event};
use crate::net;

/// Errors of the engine in a row after which it is taken for broken.
const MAX_ENGINE_ERRORS: u32 = 64;

/// How long a connection that closes may go on sending what it has to say, and how long its relays may take
/// to confirm that they are not needed any more.
const CLOSING_TIME: Duration = Duration::from_millis(100);

/// A deadline for an engine that has none.
const FAR: Duration = Duration::from_secs(3600);

impl Driver {
    /// Feeds one datagram.
    pub(super) fn receive(&mut self, local: SocketAddr, remote: SocketAddr, datagram: &[u8], at: Instant) {
        // What is no STUN, DTLS or RTP is not for us.
        let Ok(receive) = Receive::new(Protocol::Udp, remote, local, datagram) else { return };
        if !is_check(datagram) {
            self.slack.used();
        }
        // The sockets are this connection's alone, so the engine need not be asked whose it is: path
        // checks are checked by their password, the rest by its encryption, and a first handshake
        // message that overtakes the check of its path is worth a second of waiting.
        if let Err(error) = self.rtc.handle_input(Input::Receive(at, receive)) {
            tracing::debug!(%error, "a datagram was refused by the engine");
        }
        self.drain();
    }

    /// Lets time pass for the engine.
    pub(super) fn advance(&mut self, now: Instant) {
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            self.on_engine_error(&error);
        }
        self.drain();
    }

    /// Carries out everything that the engine wants done.
    pub(super) fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.engine_errors = 0;
                    return at;
                }
                Ok(Output::Transmit(transmit)) => self.transmit(&transmit),
                Ok(Output::Event(event)) => self.on_engine_event(event),
                Err(error) => {
                    self.on_engine_error(&error);
                    if self.ending {
                        return Instant::now() + FAR;
                    }
                }
            }
        }
    }

    /// Hands the messages of channels to the engine, as far as it takes them.
    pub(super) fn pump(&mut self) {
        let now = Instant::now();
        while self.channels.pump(&mut self.rtc, now) {
            self.drain();
        }
    }

    /// Everything that follows from what has happened; returns when the next thing is due.
    pub(super) fn finish_turn(&mut self) -> Instant {
        self.take_intake();
        self.channels.settle(&mut self.rtc, Instant::now());
        self.pump();
        self.channels.tell_handed();
        let engine = self.drain();
        self.announce();
        self.network.flush();
        let engine = if self.can_wait() { self.slack.put_off(Instant::now(), engine) } else { engine };
        let due = [self.states.deadline(), self.intake.deadline()];
        due.into_iter().flatten().fold(engine, Instant::min)
    }

    /// Whether what the engine waits for may come a little later: a check of a path that works, or figures.
    fn can_wait(&self) -> bool {
        self.states.settled && matches!(self.rtc.last_timeout_reason(), Reason::Ice | Reason::Stats)
    }

    /// Takes the datagrams that may pass now.
    fn take_intake(&mut self) {
        if self.intake.is_paused() && self.channels.unread().has_room() {
            self.intake.resume();
        }
        let now = Instant::now();
        while let Some(datagram) = self.intake.next(now) {
            self.receive(datagram.local, datagram.remote, &datagram.bytes, now);
            if self.channels.unread().is_full() {
                self.intake.pause(now);
            }
        }
    }

    /// Tells the owner what is new.
    fn announce(&mut self) {
        if self.negotiation.take_due() {
            self.ends.needed.store(true, Ordering::Release);
            self.emit(Event::NegotiationNeeded);
        }
        self.show();
    }

    /// Shows the states, and tells of those that changed.
    pub(super) fn show(&mut self) {
        let now = Visible {
            signaling: self.negotiation.state(),
            ice: self.states.ice,
            connection: self.states.overall(),
        };
        let before = self.ends.visible.send_replace(now);
        if before.signaling != now.signaling {
            self.emit(Event::SignalingState(now.signaling));
        }
        if before.ice != now.ice {
            self.emit(Event::IceState(now.ice));
        }
        if before.connection != now.connection {
            self.emit(Event::ConnectionState(now.connection));
        }
    }

    /// Tells the owner, who may have lost interest.
    pub(super) fn emit(&mut self, event: Event) {
        if self.ends.events.try_send(event).is_err() {
            // Nobody reads, or nobody is left to read: a connection without an owner ends.
            self.ending = true;
        }
    }

    /// The connection is to end after this turn.
    pub(super) fn close(&mut self) {
        self.ending = true;
    }

    /// Ends the connection: says goodbye to the remote and to everybody here.
    pub(super) async fn end(mut self: Box<Self>) {
        if let Err(error) = self.rtc.close() {
            tracing::debug!(%error, "closing without a word to the remote");
        }
        self.drain();
        self.network.flush();
        self.channels.close_all();
        self.negotiation.close();
        self.states.close();
        let visible = Visible::END;
        self.ends.visible.send_replace(visible);
        for event in [
            Event::SignalingState(visible.signaling),
            Event::IceState(visible.ice),
            Event::ConnectionState(visible.connection),
        ] {
            // The queue may be full or gone, which is why the connection ends.
            let _ = self.ends.events.try_send(event);
        }
        // What waits in the sockets goes out when they are polled, a relay's datagrams among it.
        let _ = tokio::time::timeout(CLOSING_TIME, async {
            while self.rtc.is_alive() {
                self.network.next().await;
            }
        })
        .await;
        self.network.close(CLOSING_TIME).await;
    }

    fn transmit(&mut self, transmit: &Transmit) {
        let (local, remote) = (transmit.source, transmit.destination);
        self.stats.bytes_sent += transmit.contents.len() as u64;
        // Path checks try every path; the rest goes where the engine has settled.
        let check = is_check(&transmit.contents);
        if !check {
            self.slack.used();
        }
        if !check && self.path != Some((local, remote)) {
            self.path = Some((local, remote));
            self.channels.path_changed();
            let (local, remote) = self.path_kinds(local, remote);
            self.emit(Event::SelectedPair { local, remote });
        }
        self.network.send(local, remote, &transmit.contents);
    }

    pub(super) fn path_kinds(&self, local: SocketAddr, remote: SocketAddr) -> (CandidateKind, CandidateKind) {
        let relayed = self
            .local_candidates
            .iter()
            .any(|known| known.base() == local && matches!(known.kind, net::CandidateKind::Relayed { .. }));
        let local = if relayed { CandidateKind::Relayed } else { CandidateKind::Host };
        (local, self.remote_candidates.kind_of(remote))
    }

    fn on_engine_event(&mut self, event: EngineEvent) {
        match event {
            EngineEvent::Connected => self.states.encrypted(),
            EngineEvent::IceConnectionStateChange(state) => {
                self.states.ice(state, Instant::now());
            }
            EngineEvent::MediaData(data) => {
                media::received(&self.negotiation.transceivers, data);
            }
            EngineEvent::KeyframeRequest(request) => {
                let found = self.negotiation.transceivers.by_mid(&request.mid);
                let source = found.and_then(|t| t.sender.as_ref()).and_then(|s| s.source.as_ref());
                if let Some(source) = source {
                    source.track.request_keyframe();
                }
            }
            EngineEvent::ChannelOpen(id, label) => {
                if let Some(channel) = self.channels.opened(&mut self.rtc, id, label) {
                    self.emit(Event::DataChannel(channel));
                }
            }
            EngineEvent::ChannelData(data) => self.channels.received(data),
            EngineEvent::ChannelClose(id) => self.channels.closed(id),
            EngineEvent::PeerStats(stats) => self.on_peer_stats(&stats),
            EngineEvent::MediaEgressStats(stats) => self.on_egress_stats(&stats),
            EngineEvent::MediaIngressStats(stats) => self.on_ingress_stats(&stats),
            // The remote said goodbye; there is no way back on this connection.
            EngineEvent::Closed => self.ending = true,
            // Sections are followed in the descriptions themselves; the rest is not asked for.
            EngineEvent::MediaAdded(_)
            | EngineEvent::MediaChanged(_)
            | EngineEvent::ChannelBufferedAmountLow(_)
            | EngineEvent::EgressBitrateEstimate(_)
            | EngineEvent::StreamPaused(_)
            | EngineEvent::SenderFeedback(_)
            | EngineEvent::RtpPacket(_)
            | EngineEvent::AppSpecificFeedback(_)
            | EngineEvent::RawPacket(_)
            | _ => {}
        }
    }

    fn on_engine_error(&mut self, error: &str0m::RtcError) {
        tracing::debug!(%error, "an error of the engine");
        self.engine_errors += 1;
        if self.engine_errors > MAX_ENGINE_ERRORS {
            tracing::warn!("the engine goes on failing, the connection ends");
            self.ending = true;
        }
    }
}

/// Whether a datagram is STUN's (RFC 7983).
fn is_check(datagram: &[u8]) -> bool {
    datagram.first().is_none_or(|first| *first < 4)
}
