//! Thousands of WebSocket clients in one thread.
//!
//! A [`Crowd`] owns the sockets and an epoll instance; a client costs some 300 bytes while nothing
//! happens. It knows WebSocket and nothing above: what the texts say is the caller's business, and
//! so is time (no timers, no clock).
//!
//! ```no_run
//! use std::time::Duration;
//! use peerhall_load::crowd::{Crowd, Event, Inbox};
//!
//! # fn main() -> std::io::Result<()> {
//! let mut crowd = Crowd::new(([127, 0, 0, 1], 7788).into())?;
//! let mut inbox = Inbox::new();
//! crowd.open("/v1?key=pk_live_x")?;
//! crowd.poll(Some(Duration::from_secs(1)), &mut inbox)?;
//! for event in &inbox {
//!     match event {
//!         Event::Open(peer) => crowd.send(peer, r#"{"type":"subscribe","channel":"room"}"#),
//!         Event::Text(_, text) => println!("{} bytes", text.len()),
//!         Event::Closed(_, code) => println!("closed, {code:?}"),
//!         other => println!("{other:?}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use mio::{Events, Interest, Poll, Token};

use self::connection::{Connection, Progress};
pub use self::dial::{Dial, Sources};
pub use self::inbox::{Event, Inbox, Iter};

mod connection;
mod dial;
mod frame;
mod inbox;
mod upgrade;

/// Sockets that one turn hears of. More wait in the kernel for the next.
const EVENTS_PER_TURN: usize = 1_024;

/// Names one client of a [`Crowd`], for good: no other gets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(usize);

impl PeerKey {
    /// The how-manieth client of its crowd this is, from 0: an index for what the caller keeps.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Many clients of one server.
#[derive(Debug)]
pub struct Crowd {
    addr: SocketAddr,
    host: String,
    sources: Sources,
    poll: Poll,
    events: Events,
    /// By [`PeerKey`]; a place is never used twice.
    peers: Vec<Option<Box<Connection>>>,
    open: usize,
    /// Have something to be written.
    unsent: Vec<PeerKey>,
    /// Have something to be read that no event will tell of.
    unread: Vec<PeerKey>,
    rng: Rng,
}

impl Crowd {
    /// Clients of the server at `addr`, none yet.
    ///
    /// # Errors
    ///
    /// When the system gives no event queue.
    pub fn new(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            addr,
            host: addr.to_string(),
            sources: Sources::default(),
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            peers: Vec::new(),
            open: 0,
            unsent: Vec::new(),
            unread: Vec::new(),
            rng: Rng::with_seed(0),
        })
    }

    /// Where the connections that follow come from. Default: [`Sources::Spread`].
    pub fn set_sources(&mut self, sources: Sources) {
        self.sources = sources;
    }

    /// The server that the connections that follow go to. Those that exist stay where they are.
    pub fn set_server(&mut self, addr: SocketAddr) {
        self.addr = addr;
        self.host = addr.to_string();
    }

    /// Begins to connect and to ask for an upgrade to `target`, such as `/v1?key=pk_live_…`.
    /// [`Event::Open`], [`Event::Refused`] or [`Event::Failed`] says what came of it.
    ///
    /// # Errors
    ///
    /// When there is no socket: mostly the limit on open files.
    pub fn open(&mut self, target: &str) -> io::Result<PeerKey> {
        self.open_with(&Dial::to(target))
    }

    /// The same with headers, a small receive buffer, or without a request at all.
    ///
    /// # Errors
    ///
    /// When there is no socket: mostly the limit on open files.
    pub fn open_with(&mut self, dial: &Dial) -> io::Result<PeerKey> {
        let key = PeerKey(self.peers.len());
        let mut stream = dial.connect(self.addr, self.sources.address(key.0, self.addr))?;
        self.poll.registry().register(&mut stream, Token(key.0), Interest::READABLE | Interest::WRITABLE)?;
        self.peers.push(Some(Box::new(Connection::new(stream, dial.request(&self.host)))));
        self.open += 1;
        Ok(key)
    }

    /// Sends a text. What is said between two turns is written together at the start of the next one.
    /// A client that is gone sends nothing.
    pub fn send(&mut self, key: PeerKey, text: &str) {
        self.push(key, frame::TEXT, text.as_bytes());
    }

    /// Sends a binary message; see [`send`](Self::send).
    pub fn send_binary(&mut self, key: PeerKey, payload: &[u8]) {
        self.push(key, frame::BINARY, payload);
    }

    /// Sends a ping of at most 125 bytes; see [`send`](Self::send).
    pub fn ping(&mut self, key: PeerKey, payload: &[u8]) {
        self.push(key, frame::PING, payload.get(..frame::MAX_CONTROL_BYTES).unwrap_or(payload));
    }

    /// Sends bytes as they are, framed or not: for what no proper client sends.
    pub fn send_raw(&mut self, key: PeerKey, bytes: &[u8]) {
        self.edit(key, |connection, _| connection.queue(bytes));
    }

    /// Asks for the end with code 1000. [`Event::Closed`] tells of the server's answer.
    pub fn close(&mut self, key: PeerKey) {
        self.push(key, frame::CLOSE, &frame::NORMAL.to_be_bytes());
    }

    /// Ends a connection without a word to the server but the end of the stream. No event follows.
    pub fn drop_peer(&mut self, key: PeerKey) {
        let _ = self.remove(key);
    }

    /// Ends a connection with a TCP reset, as a machine that loses its power and comes back. No event
    /// follows.
    pub fn reset(&mut self, key: PeerKey) {
        if let Some(connection) = self.remove(key) {
            connection.reset();
        }
    }

    /// Reads nothing more until [`resume_reading`](Self::resume_reading): a slow reader.
    pub fn pause_reading(&mut self, key: PeerKey) {
        if let Some(connection) = self.peer(key) {
            connection.pause(true);
        }
    }

    /// Reads again.
    pub fn resume_reading(&mut self, key: PeerKey) {
        if let Some(connection) = self.peer(key) {
            connection.pause(false);
            self.unread.push(key);
        }
    }

    /// Answers no ping from now on: a client that is there and not alive.
    pub fn leave_pings_unanswered(&mut self, key: PeerKey) {
        if let Some(connection) = self.peer(key) {
            connection.leave_pings_unanswered();
        }
    }

    /// Writes what is waiting, waits for something to happen for at most `timeout` (for ever when
    /// `None`), and puts it into `inbox` in place of what was there.
    ///
    /// # Errors
    ///
    /// When the event queue fails. What happens to one connection is an event.
    pub fn poll(&mut self, timeout: Option<Duration>, inbox: &mut Inbox) -> io::Result<()> {
        inbox.clear();
        self.flush(inbox);
        let waiting = std::mem::take(&mut self.unread);
        let timeout = if waiting.is_empty() && inbox.is_empty() { timeout } else { Some(Duration::ZERO) };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for key in waiting {
            self.read(key, inbox);
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let key = PeerKey(event.token().0);
            if event.is_writable() || event.is_error() {
                self.write(key, inbox);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(key, inbox);
            }
        }
        self.events = events;
        Ok(())
    }

    /// Whether a client still has its socket.
    #[must_use]
    pub fn is_there(&self, key: PeerKey) -> bool {
        self.peers.get(key.0).is_some_and(Option::is_some)
    }

    /// Clients that still have their socket.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open
    }

    /// Whether no client has a socket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    fn push(&mut self, key: PeerKey, opcode: u8, payload: &[u8]) {
        self.edit(key, |connection, mask| connection.queue_frame(opcode, payload, mask));
    }

    fn edit(&mut self, key: PeerKey, change: impl FnOnce(&mut Connection, u32)) {
        let mask = self.rng.u32(..);
        let Some(connection) = self.peer(key) else { return };
        let first = connection.has_nothing_to_say();
        change(connection, mask);
        if first {
            self.unsent.push(key);
        }
    }

    fn flush(&mut self, inbox: &mut Inbox) {
        let mut unsent = std::mem::take(&mut self.unsent);
        for key in unsent.drain(..) {
            self.write(key, inbox);
        }
        // Kept for its capacity.
        self.unsent = unsent;
    }

    fn write(&mut self, key: PeerKey, inbox: &mut Inbox) {
        let Some(connection) = self.peer(key) else { return };
        let progress = connection.write();
        self.settle(key, progress, inbox);
    }

    fn read(&mut self, key: PeerKey, inbox: &mut Inbox) {
        let mask = self.rng.u32(..);
        let Some(connection) = self.peer(key) else { return };
        let was_silent = connection.has_nothing_to_say();
        let progress = connection.read(key, mask, inbox);
        if was_silent && !connection.has_nothing_to_say() {
            self.unsent.push(key);
        }
        self.settle(key, progress, inbox);
    }

    fn settle(&mut self, key: PeerKey, progress: Progress, inbox: &mut Inbox) {
        match progress {
            Progress::Waiting => {}
            Progress::More => self.unread.push(key),
            Progress::Ended(ending) => {
                let _ = self.remove(key);
                inbox.push_ending(key, ending);
            }
        }
    }

    fn remove(&mut self, key: PeerKey) -> Option<Box<Connection>> {
        let mut connection = self.peers.get_mut(key.0)?.take()?;
        self.open -= 1;
        // A socket that leaves the queue with its descriptor needs no word about it.
        let _ = self.poll.registry().deregister(connection.stream());
        Some(connection)
    }

    fn peer(&mut self, key: PeerKey) -> Option<&mut Connection> {
        self.peers.get_mut(key.0)?.as_deref_mut()
    }
}

#[cfg(test)]
mod tests;
