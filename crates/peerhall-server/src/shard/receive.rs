//! What comes in on one socket: an HTTP request first, then WebSocket messages.

use std::borrow::Cow;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use peerhall_hub::{ConnId, Ended, Now, Opening};
use peerhall_proto::code::CloseCode;
use peerhall_turn::Adopted;
use rustls::ServerConnection;

use super::conn::{CLOSE_GRACE, Handshake, Phase};
use super::{READ_BYTES, Shard};
use crate::admission::Refused;
use crate::failpoint;
use crate::handover::HandedOver;
use crate::timers::Reason;
use crate::ws::decode::{Decoded, Incoming, Limits, ProtocolError};
use crate::ws::{encode, handshake};

/// Bytes of one connection that are read where its event stands in the turn. Who brings more is read on behind
/// everybody else, so that those who say little do not wait for it.
const AT_ONCE: usize = 16 * 1024;

/// What a turn spends on those who bring much. One of them is always read on.
const MUCH_WITHIN: Duration = Duration::from_micros(200);

/// How far a connection is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// A read that leaves the buffer unfilled has taken everything: what comes later is an event.
    ShortRead,
    /// The other end has finished, which comes after its last bytes and is no event of its own.
    End,
}

/// What one read brought.
enum Read {
    /// That many bytes, and whether there may be more.
    Bytes(usize, bool),
    Nothing,
    End,
}

/// What the head of a request asks for.
enum Asked {
    /// More bytes are needed.
    NotYet,
    /// The WebSocket endpoint: answer with these bytes, then go on as told.
    Upgraded { response: Vec<u8>, head_bytes: usize, outcome: Box<Result<Opening, Refused>> },
    /// An HTTP answer that ends the connection.
    Answer(Vec<u8>),
    /// Anything else: the HTTP plane serves it.
    Other,
    /// STUN and TURN, which share the port.
    Relay(peerhall_turn::Handle),
}

impl Shard {
    /// Reads what has come on a connection, and leaves the rest for [`read_on`](Self::read_on) when it is much.
    pub(super) fn receive(&mut self, conn: ConnId, until: Until, now: Now) {
        // Who waits to be read on is not read between the others, and not noted twice.
        if self.conns.get(conn).is_some_and(|one| !one.unread) {
            self.read_some(conn, AT_ONCE, until, now);
        }
    }

    /// Reads on what those have brought who bring much, in turns, as far as there is time. Who has said little gets
    /// an answer before.
    pub(super) fn read_on(&mut self, now: Now) {
        if self.unread.is_empty() {
            return;
        }
        self.flush_little(now);
        let begin = Instant::now();
        while let Some(conn) = self.unread.pop_front() {
            let Some(one) = self.conns.get_mut(conn) else { continue };
            one.unread = false;
            self.isolated(conn, now, |shard| shard.read_some(conn, READ_BYTES, Until::End, now));
            if begin.elapsed() > MUCH_WITHIN {
                return;
            }
        }
    }

    /// Reads a connection until nothing is left or so many bytes have come.
    fn read_some(&mut self, conn: ConnId, most: usize, until: Until, now: Now) {
        let mut left = most;
        while left > 0 {
            let tail = self.restore_tail(conn);
            match self.read(conn, tail, left) {
                Read::Nothing => {
                    self.keep_tail(conn, 0, tail);
                    return;
                }
                Read::End => return self.ended(conn, now),
                Read::Bytes(count, more) => {
                    self.heard(conn, tail + count, now);
                    self.carry_out(now);
                    if !more && until == Until::ShortRead {
                        return;
                    }
                    left = left.saturating_sub(count);
                }
            }
        }
        if let Some(one) = self.conns.get_mut(conn) {
            one.unread = true;
            self.unread.push_back(conn);
        }
    }

    /// Puts the tail of the last read in front of the shared buffer. Returns its length.
    fn restore_tail(&mut self, conn: ConnId) -> usize {
        let Some(one) = self.conns.get_mut(conn) else { return 0 };
        let tail = std::mem::take(&mut one.tail);
        if let Some(front) = self.read_buf.get_mut(..tail.len()) {
            front.copy_from_slice(&tail);
        }
        tail.len()
    }

    /// Keeps what was not consumed for the next read; an idle connection keeps nothing.
    fn keep_tail(&mut self, conn: ConnId, from: usize, to: usize) {
        if from < to
            && let Some(one) = self.conns.get_mut(conn)
            && let Some(rest) = self.read_buf.get(from..to)
        {
            one.tail = rest.to_vec();
        }
    }

    fn read(&mut self, conn: ConnId, tail: usize, most: usize) -> Read {
        let Some(one) = self.conns.get_mut(conn) else { return Read::Nothing };
        let end = self.read_buf.len().min(tail + most);
        let Some(room) = self.read_buf.get_mut(tail..end) else { return Read::Nothing };
        loop {
            return match one.stream.read(room) {
                Ok(0) => Read::End,
                Ok(count) => Read::Bytes(count, count == room.len() || !one.stream.short_read_is_last()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Nothing,
                Err(_) => Read::End,
            };
        }
    }

    /// The other end will send no more.
    fn ended(&mut self, conn: ConnId, now: Now) {
        self.lost(conn, now);
        self.carry_out(now);
    }

    fn heard(&mut self, conn: ConnId, filled: usize, now: Now) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        one.heard = now.at;
        if std::mem::take(&mut one.probed) {
            self.hub.answered(conn, now);
        }
        let Some(one) = self.conns.get(conn) else { return };
        match &one.phase {
            Phase::Handshake(_) => self.continue_handshake(conn, filled, now),
            Phase::Open => self.decode(conn, 0, filled, now),
            // After our close frame only its answer is of interest; the rest is thrown away.
            Phase::Closing => self.await_close(conn, filled),
            Phase::Finishing => {}
        }
    }

    fn continue_handshake(&mut self, conn: ConnId, filled: usize, now: Now) {
        // A key that has just been made or revoked must be known before this client shows it, and a
        // peer that has just connected to another shard before this one asks for it.
        if self.exchange.has_mail(self.id) {
            self.read_mail(now);
        }
        let Some(mut handshake) = self.take_handshake(conn) else { return };
        let seen = handshake.head.len();
        handshake.head.extend_from_slice(self.read_buf.get(..filled).unwrap_or_default());
        match self.ask(&handshake, seen, now) {
            Asked::NotYet => {
                if let Some(one) = self.conns.get_mut(conn) {
                    one.phase = Phase::Handshake(handshake);
                }
            }
            Asked::Answer(response) => self.answer(conn, &response, now),
            Asked::Other => self.hand_over(conn, *handshake),
            Asked::Relay(relay) => self.hand_to_relay(conn, *handshake, &relay),
            Asked::Upgraded { response, head_bytes, outcome } => {
                let Some(one) = self.conns.get_mut(conn) else { return };
                one.outbox.push_raw(&response, now.at);
                self.mark_dirty(conn);
                match *outcome {
                    Ok(opening) => self.open(conn, opening, handshake.head.get(head_bytes..), now),
                    Err(refused) => self.say_close(conn, refused.code, refused.reason, now),
                }
            }
        }
    }

    fn take_handshake(&mut self, conn: ConnId) -> Option<Box<Handshake>> {
        let one = self.conns.get_mut(conn)?;
        match std::mem::replace(&mut one.phase, Phase::Finishing) {
            Phase::Handshake(handshake) => Some(handshake),
            other @ (Phase::Open | Phase::Closing | Phase::Finishing) => {
                one.phase = other;
                None
            }
        }
    }

    /// What the request wants, as far as it has come.
    fn ask(&self, handshake: &Handshake, seen: usize, now: Now) -> Asked {
        if handshake.head.first().is_some_and(|first| peerhall_turn::is_stun(*first))
            && let Some(relay) = self.admission.ice.as_ref().and_then(|ice| ice.relay())
        {
            return Asked::Relay(relay.clone());
        }
        let head = match handshake::parse(&handshake.head, seen) {
            Ok(None) => return Asked::NotYet,
            Err(refusal) => return Asked::Answer(refusal.response()),
            Ok(Some(head)) => head,
        };
        if !matches!(head.path(), "/v1" | "/v1/") || head.method() != "GET" {
            return Asked::Other;
        }
        let accept = match handshake::upgrade(&head) {
            Ok(accept) => accept,
            Err(refusal) => return Asked::Answer(refusal.response()),
        };
        if self.draining {
            return Asked::Answer(handshake::service_unavailable());
        }
        let source = self.admission.source(&head, handshake.address);
        if let Err(seconds) = self.admission.check_rate(source, handshake.address, now.at) {
            self.metrics.rate_limited.fetch_add(1, Relaxed);
            return Asked::Answer(handshake::too_many_requests(seconds));
        }
        let outcome = self.admission.admit(&head, handshake.address, now);
        Asked::Upgraded {
            response: accept.response,
            head_bytes: head.head_bytes(),
            outcome: Box::new(outcome),
        }
    }

    fn open(&mut self, conn: ConnId, opening: Opening, early: Option<&[u8]>, now: Now) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        one.phase = Phase::Open;
        self.metrics.accepted.fetch_add(1, Relaxed);
        self.timers.add(self.next_ping(conn, now), conn, Reason::Ping);
        if !self.echoes() {
            self.hub.open(conn, opening, now);
            self.carry_out(now);
        }
        let early = early.unwrap_or_default();
        if let Some(front) = self.read_buf.get_mut(..early.len()) {
            front.copy_from_slice(early);
            self.decode(conn, 0, early.len(), now);
        }
    }

    fn answer(&mut self, conn: ConnId, response: &[u8], now: Now) {
        if let Some(one) = self.conns.get_mut(conn) {
            one.outbox.push_raw(response, now.at);
            one.phase = Phase::Finishing;
            self.mark_dirty(conn);
        }
    }

    /// Gives a socket with STUN on it to the relay.
    fn hand_to_relay(&mut self, conn: ConnId, handshake: Handshake, relay: &peerhall_turn::Handle) {
        let Some((socket, session)) = self.take_socket(conn) else { return };
        // Without a port at its other end the connection is gone already.
        let Ok(from) = socket.peer_addr() else { return };
        relay.adopt(Adopted { socket: socket.into(), session, received: handshake.head, from });
    }

    /// The socket of a connection, which is none of this shard any more.
    fn take_socket(&mut self, conn: ConnId) -> Option<(TcpStream, Option<ServerConnection>)> {
        let mut one = self.conns.remove(conn)?;
        drop(self.poll.registry().deregister(one.stream.socket_mut()));
        self.metrics.sockets.fetch_sub(1, Relaxed);
        Some(one.stream.into_parts())
    }

    /// Gives a socket with an ordinary HTTP request to the HTTP plane.
    fn hand_over(&mut self, conn: ConnId, handshake: Handshake) {
        let Some((socket, session)) = self.take_socket(conn) else { return };
        let handed = HandedOver {
            socket: socket.into(),
            session,
            received: handshake.head,
            address: handshake.address,
        };
        self.http.serve(handed);
    }

    /// Takes the messages out of the shared buffer, one after the other.
    fn decode(&mut self, conn: ConnId, mut at: usize, filled: usize, now: Now) {
        let limits = Limits {
            max_message: self.admission.config.limits.max_message_bytes
                + peerhall_proto::limits::ENVELOPE_BYTES,
        };
        // The buffer is taken out, so that a message can be borrowed from it while the shard acts.
        let mut buffer = std::mem::take(&mut self.read_buf);
        while let Some(one) = self.conns.get_mut(conn).filter(|one| one.is_open()) {
            let Some(bytes) = buffer.get_mut(at..filled) else { break };
            match one.decoder.decode(bytes, limits) {
                Err(error) => {
                    self.protocol_error(conn, error, now);
                    at = filled;
                }
                Ok(Decoded { consumed, incoming: None }) => {
                    at += consumed;
                    break;
                }
                Ok(Decoded { consumed, incoming: Some(incoming) }) => {
                    at += consumed;
                    if matches!(incoming, Incoming::Text(_) | Incoming::Binary(_)) {
                        one.message_since = None;
                    }
                    self.incoming(conn, incoming, now);
                }
            }
        }
        self.read_buf = buffer;
        if self.conns.get(conn).is_some_and(|one| one.is_open()) {
            self.keep_tail(conn, at, filled);
            self.watch_message(conn, now);
        }
    }

    /// A message that has begun must end, or whoever sends it byte by byte keeps its memory for ever.
    fn watch_message(&mut self, conn: ConnId, now: Now) {
        let Some(one) = self.conns.get_mut(conn).filter(|one| one.decoder.is_mid_message()) else { return };
        if one.message_since.is_none() {
            one.message_since = Some(now.at);
            if !std::mem::replace(&mut one.message_watched, true) {
                let end = now.at + self.admission.config.limits.message_timeout;
                self.timers.add(end, conn, Reason::Message);
            }
        }
    }

    fn incoming(&mut self, conn: ConnId, incoming: Incoming<'_>, now: Now) {
        if self.exchange.has_mail(self.id) {
            self.read_mail(now);
        }
        match incoming {
            Incoming::Text(_) | Incoming::Binary(_) if self.echoes() => self.echo(conn, &incoming, now),
            Incoming::Text(text) => {
                self.metrics.bytes_in.fetch_add(text.len() as u64, Relaxed);
                let text: Cow<'_, str> = text;
                if !self.taps.is_empty() {
                    self.taps.text_came(conn, &text, now);
                }
                self.hub.text(conn, &text, now);
                failpoint::after_text(&text);
            }
            Incoming::Binary(bytes) => {
                if !self.taps.is_empty() {
                    self.taps.binary_came(conn, bytes.len(), now);
                }
                self.hub.binary(conn, now);
            }
            Incoming::Ping(payload) if self.echoes() || self.hub.ping(conn, now) => {
                let mut pong = Vec::new();
                encode::push_pong(&mut pong, payload);
                self.reply(conn, &pong, now);
            }
            Incoming::Ping(_) | Incoming::Pong(_) => {}
            Incoming::Close { code, .. } => {
                self.end_session(conn, Ended::ByClient(code.map(CloseCode)), now);
                self.timers.add(now.at + CLOSE_GRACE, conn, Reason::Close);
                let mut close = Vec::new();
                encode::push_close_reply(&mut close, code);
                self.reply(conn, &close, now);
                if let Some(one) = self.conns.get_mut(conn) {
                    one.phase = Phase::Finishing;
                }
            }
        }
    }

    /// Queues a control frame behind what the hub has queued already.
    pub(super) fn reply(&mut self, conn: ConnId, frame: &[u8], now: Now) {
        self.carry_out(now);
        if let Some(one) = self.conns.get_mut(conn) {
            one.outbox.push_raw(frame, now.at);
            self.check_outbox(conn, now);
        }
    }

    fn protocol_error(&mut self, conn: ConnId, error: ProtocolError, now: Now) {
        let code = CloseCode(error.close_code());
        self.end_session(conn, Ended::ByServer(code), now);
        self.carry_out(now);
        self.say_close(conn, code, "broken WebSocket message", now);
    }

    /// Waits for the client's close frame after ours.
    fn await_close(&mut self, conn: ConnId, filled: usize) {
        let limits = Limits { max_message: usize::MAX };
        let Some(one) = self.conns.get_mut(conn) else { return };
        let mut at = 0;
        let mut closed = false;
        while let Some(bytes) = self.read_buf.get_mut(at..filled) {
            match one.decoder.decode(bytes, limits) {
                Ok(Decoded { consumed, incoming: Some(incoming) }) => {
                    at += consumed;
                    closed |= matches!(incoming, Incoming::Close { .. });
                }
                Ok(Decoded { consumed, incoming: None }) => {
                    at += consumed;
                    break;
                }
                Err(_) => {
                    closed = true;
                    break;
                }
            }
        }
        self.keep_tail(conn, at, filled);
        if closed && let Some(one) = self.conns.get_mut(conn) {
            one.phase = Phase::Finishing;
            self.mark_dirty(conn);
        }
    }
}
