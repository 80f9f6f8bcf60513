//! One client: its socket, what it has not written and what it has not understood yet.

use std::io::{self, Read, Write};
use std::time::Duration;

use mio::net::TcpStream;
use socket2::SockRef;

use super::PeerKey;
use super::frame::{self, Frame, Kind};
use super::inbox::{Ending, Inbox};
use super::upgrade::{self, Answer};

/// Bytes that one read asks for.
const READ_BYTES: usize = 64 << 10;

/// Room for what is to be written that a connection keeps, so that who speaks often does not ask the
/// allocator each time.
const KEPT_BYTES: usize = 1 << 10;

/// Reads of one socket in one turn, so that a loud one does not silence the others.
const READS_PER_TURN: usize = 4;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// TCP.
    Connecting,
    /// The upgrade request is on its way, its answer has not come.
    Upgrading,
    /// Frames.
    Open,
    /// Bytes that nobody asked to be understood.
    Silent,
}

/// What a read or a write leaves to be done.
#[derive(Debug)]
pub(super) enum Progress {
    /// Nothing, until the socket is ready again.
    Waiting,
    /// There is more to read than this turn wanted.
    More,
    /// The connection has ended.
    Ended(Ending),
}

/// A message in the making.
#[derive(Debug)]
struct Message {
    kind: Kind,
    payload: Vec<u8>,
}

/// One client.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    phase: Phase,
    /// The phase after [`Phase::Connecting`].
    next: Phase,
    is_paused: bool,
    answers_pings: bool,
    /// To be written, the first `written` bytes of it done.
    out: Vec<u8>,
    written: usize,
    /// Read, and no complete frame.
    tail: Vec<u8>,
    /// The fragments so far of a message that has not ended.
    fragments: Option<Box<Message>>,
}

impl Connection {
    /// A connection under way; `request` is empty for a silent one.
    pub(super) fn new(stream: TcpStream, request: Vec<u8>) -> Self {
        Self {
            stream,
            phase: Phase::Connecting,
            next: if request.is_empty() { Phase::Silent } else { Phase::Upgrading },
            is_paused: false,
            answers_pings: true,
            out: request,
            written: 0,
            tail: Vec::new(),
            fragments: None,
        }
    }

    /// Adds bytes to what is to be written.
    pub(super) fn queue(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Adds a frame to what is to be written.
    pub(super) fn queue_frame(&mut self, head: u8, payload: &[u8], mask: u32) {
        frame::push(&mut self.out, head, payload, mask);
    }

    /// Whether nothing is to be written.
    pub(super) fn has_nothing_to_say(&self) -> bool {
        self.out.is_empty()
    }

    /// Stops reading, or goes on.
    pub(super) fn pause(&mut self, paused: bool) {
        self.is_paused = paused;
    }

    /// Answers no further ping.
    pub(super) fn leave_pings_unanswered(&mut self) {
        self.answers_pings = false;
    }

    /// The socket, for the event queue.
    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Ends with a TCP reset instead of an orderly end.
    pub(super) fn reset(self) {
        // Where the option fails the socket ends in order, which is the nearest there is.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Writes what is waiting, once the connection exists.
    pub(super) fn write(&mut self) -> Progress {
        if self.phase == Phase::Connecting {
            match self.connected() {
                Ok(true) => {}
                Ok(false) => return Progress::Waiting,
                Err(error) => return Progress::Ended(Ending::Failed(error)),
            }
        }
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Waiting,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Progress::Ended(Ending::Failed(error)),
            }
        }
        self.out.clear();
        self.written = 0;
        self.out.shrink_to(KEPT_BYTES);
        Progress::Waiting
    }

    /// Reads what is there and puts what it means into `inbox`.
    pub(super) fn read(&mut self, key: PeerKey, mask: u32, inbox: &mut Inbox) -> Progress {
        if self.phase == Phase::Connecting || self.is_paused {
            return Progress::Waiting;
        }
        for _ in 0..READS_PER_TURN {
            if inbox.is_full() {
                return Progress::More;
            }
            let start = inbox.end();
            inbox.append(&self.tail);
            match self.stream.read(inbox.room(READ_BYTES)) {
                Ok(0) => return Progress::Ended(Ending::Closed(None)),
                Ok(count) => {
                    inbox.grow(count);
                    match self.digest(key, mask, start, inbox) {
                        Ok(end) => self.tail = inbox.take_back(end),
                        Err(ending) => return Progress::Ended(ending),
                    }
                    if count < READ_BYTES {
                        return Progress::Waiting;
                    }
                }
                Err(error) => {
                    self.tail = inbox.take_back(start);
                    if error.kind() == io::ErrorKind::WouldBlock {
                        return Progress::Waiting;
                    }
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Progress::Ended(Ending::Failed(error));
                    }
                }
            }
        }
        Progress::More
    }

    /// Whether TCP has connected.
    fn connected(&mut self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            Err(error) => return Err(error),
        }
        self.phase = self.next;
        Ok(true)
    }

    /// Understands what stands in `inbox` from `at` on; gives back where that ends.
    fn digest(&mut self, key: PeerKey, mask: u32, at: usize, inbox: &mut Inbox) -> Result<usize, Ending> {
        let mut at = at;
        if self.phase == Phase::Silent {
            return Ok(inbox.end());
        }
        if self.phase == Phase::Upgrading {
            match upgrade::answer(inbox.since(at)) {
                Answer::Incomplete => return Ok(at),
                Answer::Switched(length) => at += length,
                Answer::Refused(status) => return Err(Ending::Refused(status)),
                Answer::Wrong(reason) => return Err(broken(reason)),
            }
            self.phase = Phase::Open;
            inbox.push_open(key);
        }
        while let Some(frame) = frame::next(inbox.since(at)).map_err(broken)? {
            let end = at + frame.payload.end;
            self.take(key, mask, frame, at, inbox)?;
            at = end;
        }
        Ok(at)
    }

    /// Takes a frame whose bytes begin at `base`.
    fn take(
        &mut self,
        key: PeerKey,
        mask: u32,
        frame: Frame,
        base: usize,
        inbox: &mut Inbox,
    ) -> Result<(), Ending> {
        let payload = base + frame.payload.start..base + frame.payload.end;
        match frame.kind {
            Kind::Text if frame.last => inbox.push_text(key, payload),
            Kind::Binary if frame.last => inbox.push_binary(key, payload),
            Kind::Text | Kind::Binary | Kind::Continuation => {
                return self.gather(key, &frame, payload.start, inbox);
            }
            Kind::Pong => inbox.push_pong(key),
            Kind::Ping if self.answers_pings => {
                let payload = inbox.since(payload.start).get(..payload.len()).unwrap_or_default();
                frame::push(&mut self.out, frame::PONG, payload, mask);
            }
            Kind::Ping => {}
            Kind::Close => {
                let said = inbox.since(payload.start).get(..payload.len()).unwrap_or_default();
                let code = said.first_chunk::<2>().copied().map(u16::from_be_bytes);
                frame::push(&mut self.out, frame::CLOSE, said, mask);
                // The last word of a connection that has its end already; it may or may not arrive.
                let _ = self.write();
                return Err(Ending::Closed(code));
            }
        }
        Ok(())
    }

    /// Puts the fragments of a message together.
    fn gather(&mut self, key: PeerKey, frame: &Frame, start: usize, inbox: &mut Inbox) -> Result<(), Ending> {
        let mut message = match (frame.kind, self.fragments.take()) {
            (Kind::Continuation, Some(message)) => message,
            (Kind::Continuation, None) | (_, Some(_)) => {
                return Err(broken("the server mixed up the fragments of its messages"));
            }
            (kind, None) => Box::new(Message { kind, payload: Vec::new() }),
        };
        let piece = inbox.since(start).get(..frame.payload.len()).unwrap_or_default();
        message.payload.extend_from_slice(piece);
        if !frame.last {
            self.fragments = Some(message);
            return Ok(());
        }
        match message.kind {
            Kind::Text => inbox.push_gathered_text(key, message.payload),
            Kind::Binary | Kind::Continuation | Kind::Close | Kind::Ping | Kind::Pong => {
                inbox.push_gathered_binary(key, message.payload);
            }
        }
        Ok(())
    }
}

fn broken(reason: &'static str) -> Ending {
    Ending::Failed(io::Error::new(io::ErrorKind::InvalidData, reason))
}
