//! TCP connections: let in, cut into messages, given up when they keep nobody's time.

use std::io;
use std::time::{Duration, Instant};

use mio::Token;
use mio::net::TcpStream;

use super::{KIND_BITS, Now, Rest, STREAM, Worker, stream_token};
use crate::framing::{self, Frame};
use crate::server::Adopted;
use crate::server::streams::Read;

/// Room for the largest message and for as much again, so that a read is seldom cut short.
pub(super) const BUFFER_BYTES: usize = 160 << 10;

/// Largest message of a client that has proven nothing: a request, which is some hundred bytes.
const MAX_GUEST_FRAME: usize = 2_048;

/// How often connections are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

impl Worker<'_> {
    /// Lets one connection in.
    pub(super) fn accept(&mut self, number: usize, now: Now) -> Rest {
        let Some(acceptor) = self.acceptors.get(number) else { return Rest::Nothing };
        let (socket, from) = match acceptor.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Rest::Nothing,
            // Of the process (descriptors) or of this one connection; the next event tries again.
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection for TURN");
                return if is_passing(&error) { Rest::More } else { Rest::Nothing };
            }
        };
        let registry = self.wires.registry();
        match self.wires.streams.accept(registry, socket, from, now.at) {
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "a connection was gone before it began"),
        }
        Rest::More
    }

    /// Takes over a connection that came to another listener of this process.
    pub(super) fn adopt(&mut self, connection: Adopted, now: Now) {
        let Adopted { socket, session, received, from } = connection;
        if let Err(error) = socket.set_nonblocking(true) {
            tracing::debug!(%error, "a connection was gone before it was taken over");
            return;
        }
        let registry = self.wires.registry();
        let socket = TcpStream::from_std(socket);
        let Ok(Some(place)) = self.wires.streams.adopt(registry, socket, session, from, now.at) else {
            return;
        };
        if let Some(front) = self.stream_buffer.get_mut(..received.len()) {
            front.copy_from_slice(&received);
            self.take_messages(place, received.len(), now);
            // What its session has decrypted already is no event.
            self.unread.push(stream_token(place));
        } else {
            self.end_stream(place);
        }
    }

    /// The socket behind a token may take more, if it is that of a connection.
    pub(super) fn may_write(&mut self, socket: Token) {
        if socket.0 & ((1 << KIND_BITS) - 1) == STREAM
            && let Ok(place) = u32::try_from(socket.0 >> KIND_BITS)
        {
            self.wires.streams.mark(place);
        }
    }

    /// Reads a connection once.
    pub(super) fn read_stream(&mut self, number: usize, now: Now) -> Rest {
        let Ok(place) = u32::try_from(number) else { return Rest::Nothing };
        match self.wires.streams.read(place, &mut self.stream_buffer) {
            Read::Filled(filled) => {
                self.take_messages(place, filled, now);
                Rest::More
            }
            Read::Nothing => Rest::Nothing,
            Read::End => {
                self.end_stream(place);
                Rest::Nothing
            }
        }
    }

    /// Gives the engine each whole message at the front of the buffer and keeps the rest.
    fn take_messages(&mut self, place: u32, filled: usize, now: Now) {
        let Some(client) = self.wires.streams.client(place) else { return };
        let Self { engine, wires, stream_buffer, .. } = self;
        let mut rest = stream_buffer.get(..filled).unwrap_or_default();
        let is_whole = loop {
            match framing::front(rest) {
                Err(framing::Broken) => break false,
                Ok(Some(Frame { taken, .. })) if taken > MAX_GUEST_FRAME && !engine.serves(client) => {
                    break false;
                }
                Ok(Some(Frame { length, taken })) if taken <= rest.len() => {
                    engine.receive(now, client, rest.get(..length).unwrap_or_default(), wires);
                    rest = rest.get(taken..).unwrap_or_default();
                }
                Ok(Some(_) | None) => break true,
            }
        };
        if is_whole {
            wires.streams.settle(place, rest, engine.serves(client), now.at);
        } else {
            self.end_stream(place);
        }
    }

    /// Gives up connections whose time is up.
    pub(super) fn sweep(&mut self, now: Instant) {
        if now < self.sweep_at {
            return;
        }
        self.sweep_at = now + SWEEP_EVERY;
        let Self { engine, wires, .. } = self;
        let overdue = wires.streams.overdue(now, |client| engine.serves(client));
        overdue.into_iter().for_each(|place| self.end_stream(place));
    }

    /// Writes what connections have to say.
    pub(super) fn flush_streams(&mut self, now: Instant) {
        let lost = self.wires.streams.flush(now);
        lost.into_iter().for_each(|place| self.end_stream(place));
    }

    fn end_stream(&mut self, place: u32) {
        let registry = self.wires.registry();
        if let Some(client) = self.wires.streams.close(registry, place) {
            self.engine.client_gone(client, &mut self.wires);
        }
    }
}

/// Errors that concern the one connection that was to be accepted.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
