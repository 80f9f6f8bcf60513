//! One TCP connection of a client, plain or encrypted, that never blocks.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

use crate::engine::{Client, Transport};
use crate::framing;

/// First byte of a TLS handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Bytes that may wait for a slow reader. Beyond that whole messages are lost, as the network would lose
/// datagrams: a call wants the newest ones.
const MAX_WAITING: usize = 256 << 10;

/// Memory that a stream keeps when nothing waits.
const KEPT: usize = 4 << 10;

/// How the bytes of a socket are to be read.
#[derive(Debug)]
enum Cover {
    /// Nothing has come yet that would tell.
    Unknown,
    Plain,
    Tls(Box<ServerConnection>),
}

/// A connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    pub(super) client: Client,
    /// The beginning of a message whose rest has not come.
    pub(super) tail: Vec<u8>,
    /// Since when it waits for that rest.
    pub(super) partial_since: Option<Instant>,
    /// Since when it has no allocation.
    pub(super) idle_since: Option<Instant>,
    /// Since when its reader takes nothing.
    pub(super) blocked_since: Option<Instant>,
    /// Has something to write in this turn.
    pub(super) dirty: bool,
    cover: Cover,
    out: Vec<u8>,
    written: usize,
    /// Where the message ends of which the first bytes have been written.
    message_end: usize,
}

impl Stream {
    /// A connection that was just accepted.
    pub(super) fn accepted(socket: TcpStream, from: SocketAddr, id: u64, now: Instant) -> Self {
        Self {
            socket,
            client: Client { from, transport: Transport::Stream(id) },
            tail: Vec::new(),
            partial_since: None,
            idle_since: Some(now),
            blocked_since: None,
            dirty: false,
            cover: Cover::Unknown,
            out: Vec::new(),
            written: 0,
            message_end: 0,
        }
    }

    /// A connection that began elsewhere in this process, with its TLS session if it has one.
    pub(super) fn adopted(self, session: Option<ServerConnection>) -> Self {
        let cover = session.map_or(Cover::Plain, |session| Cover::Tls(Box::new(session)));
        let mut stream = Self { cover, ..self };
        stream.name_transport();
        stream
    }

    /// Whether it is encrypted is a part of who the client is, and is known before its first message.
    fn name_transport(&mut self) {
        if let (Cover::Tls(_), Transport::Stream(id)) = (&self.cover, self.client.transport) {
            self.client.transport = Transport::Secure(id);
        }
    }

    /// Reads what is there. 0 bytes: the other end has finished.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing is there. Any other: this is no stream of STUN.
    pub(super) fn read(&mut self, buf: &mut [u8], tls: Option<&Arc<ServerConfig>>) -> io::Result<usize> {
        if matches!(self.cover, Cover::Unknown) {
            let mut first = [0];
            if self.socket.peek(&mut first)? == 0 {
                return Ok(0);
            }
            self.cover = cover(first, tls)?;
            self.name_transport();
        }
        match &mut self.cover {
            Cover::Unknown | Cover::Plain => self.socket.read(buf),
            Cover::Tls(session) => rustls::Stream::new(&mut **session, &mut self.socket).read(buf),
        }
    }

    /// Queues one message. Says whether there was room for it.
    pub(super) fn queue(&mut self, [head, payload]: [&[u8]; 2]) -> bool {
        let length = head.len() + payload.len();
        if self.out.len() - self.written + length > MAX_WAITING {
            return false;
        }
        self.out.extend_from_slice(head);
        self.out.extend_from_slice(payload);
        // Of STUN the length is a multiple of four anyway.
        self.out.extend_from_slice([0; 3].get(..framing::padding(length)).unwrap_or_default());
        true
    }

    /// Writes what can be written now.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn flush(&mut self, now: Instant) -> io::Result<()> {
        match self.write_out() {
            Ok(()) => {
                self.blocked_since = None;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked_since.get_or_insert(now);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn write_out(&mut self) -> io::Result<()> {
        while let Some(rest) = self.out.get(self.written..)
            && !rest.is_empty()
        {
            let count = match &mut self.cover {
                Cover::Unknown | Cover::Plain => self.socket.write(rest),
                Cover::Tls(session) => {
                    // A record for each message: coturn's client takes a record for one message and drops
                    // what follows in it.
                    if self.written == self.message_end {
                        self.message_end +=
                            framing::front(rest).ok().flatten().map_or(rest.len(), |f| f.taken);
                    }
                    let message = self.out.get(self.written..self.message_end).unwrap_or(rest);
                    rustls::Stream::new(&mut **session, &mut self.socket).write(message)
                }
            };
            match count {
                Ok(0) => return Err(io::ErrorKind::WouldBlock.into()),
                Ok(count) => {
                    self.written += count;
                    self.blocked_since = None;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.forget_written();
                    return Err(error);
                }
            }
        }
        self.forget_written();
        match &mut self.cover {
            Cover::Unknown | Cover::Plain => Ok(()),
            Cover::Tls(session) => rustls::Stream::new(&mut **session, &mut self.socket).flush(),
        }
    }

    fn forget_written(&mut self) {
        self.out.drain(..self.written);
        self.message_end = self.message_end.saturating_sub(self.written);
        self.written = 0;
        if self.out.is_empty() {
            self.out.shrink_to(KEPT);
        }
    }

    /// Says goodbye where that is possible.
    pub(super) fn finish(&mut self) {
        if let Cover::Tls(session) = &mut self.cover {
            session.send_close_notify();
            // Whoever does not read any more misses nothing.
            drop(session.write_tls(&mut self.socket));
        }
    }
}

/// The first byte tells TLS from STUN, so both may come to one port.
fn cover([first]: [u8; 1], tls: Option<&Arc<ServerConfig>>) -> io::Result<Cover> {
    match tls {
        Some(config) if first == TLS_HANDSHAKE => {
            let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            Ok(Cover::Tls(Box::new(session)))
        }
        Some(_) | None if framing::is_stun(first) => Ok(Cover::Plain),
        Some(_) | None => Err(io::ErrorKind::InvalidData.into()),
    }
}
