//! New sockets: within the process's limits, without delay, spread over turns.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Token};
use peerhall_hub::Now;
use rustls::ServerConnection;

use super::conn::Conn;
use super::{Accepting, Shard};
use crate::stream::Stream;
use crate::timers::Reason;

/// What a turn spends on new sockets, and again on the requests of newcomers and the ends of others, so that a
/// rush of them does not hold up those who are there; one is always served. In time and not in number, because
/// one with TLS costs fifty times as much as one without.
const DOOR_WITHIN: Duration = Duration::from_micros(500);

/// How long accepting rests when the process has no descriptor left.
pub(super) const BREATHER: Duration = Duration::from_millis(100);

impl Shard {
    /// Reads what newcomers have sent, and the last words of those who end, in the order in which they came, as
    /// far as there is time.
    pub(super) fn serve_the_door(&mut self, now: Now) {
        let begin = Instant::now();
        while let Some((conn, until)) = self.at_the_door.pop_front() {
            self.isolated(conn, now, |shard| shard.receive(conn, until, now));
            if begin.elapsed() > DOOR_WITHIN {
                return;
            }
        }
    }

    pub(super) fn accept(&mut self, now: Now) {
        // Who cannot be served now waits in the backlog of the system, where it costs nothing.
        if self.accepting == Accepting::Idle || !self.at_the_door.is_empty() {
            return;
        }
        let begin = Instant::now();
        while begin.elapsed() < DOOR_WITHIN {
            match self.listener.accept() {
                Ok((socket, address)) => self.welcome_socket(socket, address.ip(), now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.accepting = Accepting::Idle;
                    return;
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    self.accepting = Accepting::Exhausted;
                    return;
                }
            }
        }
        self.accepting = Accepting::More;
    }

    fn welcome_socket(&mut self, socket: TcpStream, address: IpAddr, now: Now) {
        if self.all_metrics.sockets() >= self.max_connections {
            // Dropped without an answer: answering would cost what there is too little of.
            self.metrics.shed.fetch_add(1, Relaxed);
            return;
        }
        // Without it small frames wait for acknowledgements of earlier ones.
        let _ = socket.set_nodelay(true);
        let session = match &self.tls {
            None => None,
            Some(config) => match ServerConnection::new(Arc::clone(config)) {
                Ok(session) => Some(session),
                Err(error) => {
                    tracing::error!(%error, "cannot begin a TLS session");
                    return;
                }
            },
        };
        let id = self.conns.insert(Conn::new(Stream::new(socket, session), address, now.at));
        self.metrics.sockets.fetch_add(1, Relaxed);
        let token = Token(id.index as usize);
        let registered = self.conns.get_mut(id).map(|conn| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(conn.stream.socket_mut(), token, interest)
        });
        if let Some(Err(error)) = registered {
            tracing::error!(%error, "cannot watch a socket");
            self.forget(id);
            return;
        }
        self.timers.add(now.at + self.admission.config.limits.handshake_timeout, id, Reason::Handshake);
        if self.draining {
            // Long enough to be told 503, and not so long that the stop waits for it.
            self.timers.add(now.at + BREATHER, id, Reason::Drain);
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
