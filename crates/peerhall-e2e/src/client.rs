//! A WebSocket client that does what it is told, the wrong things too.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::SockRef;

use crate::frame::Frame;
use crate::socket::{self, Opcode};
use crate::{PATIENCE, SILENCE};

/// What can come out of the socket.
#[derive(Debug, Clone)]
pub enum Event {
    /// A text frame.
    Frame(Frame),
    /// A WebSocket ping; it has been answered, unless the client is [`mute`](Client::mute).
    Ping,
    /// A WebSocket pong with its payload.
    Pong(Vec<u8>),
    /// The end; everything after it is the same end again.
    Ended(Ending),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With a close frame, which has been answered.
    Closed {
        /// Its code.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// Without one.
    Cut,
}

/// One connection, after the 101.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    /// Frames that came while something else was waited for.
    waiting: VecDeque<Frame>,
    peer: Option<String>,
    welcome: Option<Frame>,
    mute: bool,
    ended: Option<Ending>,
    requests: u32,
    patience: Duration,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, received: Vec<u8>) -> Self {
        Self {
            stream,
            received,
            waiting: VecDeque::new(),
            peer: None,
            welcome: None,
            mute: false,
            ended: None,
            requests: 0,
            patience: PATIENCE,
        }
    }

    /// Waits this long for what a server that has much else to do will send; 20 s where nothing is said.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Reads the first frame, which is the `welcome`.
    pub(crate) fn read_welcome(&mut self) {
        let welcome = self.expect("welcome");
        self.peer = Some(welcome.string("peerId"));
        self.welcome = Some(welcome);
    }

    /// The `welcome`.
    #[must_use]
    pub fn welcome(&self) -> &Frame {
        self.welcome.as_ref().expect("a client that was opened")
    }

    /// The own peer id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.peer.as_deref().expect("a client that was opened")
    }

    /// Answers no ping and no close from now on, as a machine that has vanished.
    pub fn mute(&mut self) {
        self.mute = true;
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("an open socket");
    }

    /// Sends bytes as they are, to a server that may have hung up already.
    pub fn try_write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends one text message.
    pub fn send_text(&mut self, text: &str) {
        self.write(&socket::masked(true, Opcode::Text, text.as_bytes()));
    }

    /// Sends one JSON message.
    pub fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string());
    }

    /// The next thing that comes, frames that were put aside first. `None` when `until` passes.
    pub fn poll(&mut self, until: Instant) -> Option<Event> {
        if let Some(frame) = self.waiting.pop_front() {
            return Some(Event::Frame(frame));
        }
        self.read_event(until)
    }

    fn read_event(&mut self, until: Instant) -> Option<Event> {
        loop {
            if let Some(ended) = &self.ended {
                return Some(Event::Ended(ended.clone()));
            }
            match socket::take(&mut self.received).unwrap_or_else(|error| panic!("{error}")) {
                Some(frame) => return Some(self.understand(frame.opcode, frame.payload)),
                None => self.fill(until)?,
            }
        }
    }

    /// Reads once. `None` when `until` passes first.
    fn fill(&mut self, until: Instant) -> Option<()> {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_micros(1));
        self.stream.set_read_timeout(Some(left)).expect("a timeout above zero");
        let mut chunk = [0; 65_536];
        match self.stream.read(&mut chunk) {
            Ok(0) => self.ended = Some(Ending::Cut),
            Ok(count) => self.received.extend(&chunk[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return None;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.ended = Some(Ending::Cut),
        }
        Some(())
    }

    fn understand(&mut self, opcode: Opcode, payload: Vec<u8>) -> Event {
        match opcode {
            Opcode::Text => {
                let text = String::from_utf8(payload).expect("text frames are UTF-8");
                let frame = Frame::read(text, self.peer.as_deref());
                let again = frame.kind() == "welcome" && self.welcome.is_some();
                assert!(!again, "a second welcome: {}", frame.text);
                Event::Frame(frame)
            }
            Opcode::Ping => {
                if !self.mute {
                    self.try_write(&socket::masked(true, Opcode::Pong, &payload));
                }
                Event::Ping
            }
            Opcode::Pong => Event::Pong(payload),
            Opcode::Close => {
                let ending = read_close(&payload);
                if !self.mute {
                    self.try_write(&socket::masked(
                        true,
                        Opcode::Close,
                        payload.get(..2).unwrap_or_default(),
                    ));
                }
                self.ended = Some(ending.clone());
                Event::Ended(ending)
            }
            Opcode::Binary | Opcode::Continuation => panic!("the server sent a {opcode:?} frame"),
        }
    }

    /// The next text frame within `limit`; `None` when none comes. Stops the test at the end of the
    /// connection.
    pub fn try_next(&mut self, limit: Duration) -> Option<Frame> {
        let until = Instant::now() + limit;
        loop {
            match self.poll(until)? {
                Event::Frame(frame) => return Some(frame),
                Event::Ping | Event::Pong(_) => {}
                Event::Ended(ending) => panic!("{:?} ended: {ending:?}", self.peer),
            }
        }
    }

    /// The next text frame.
    #[track_caller]
    pub fn next_frame(&mut self) -> Frame {
        self.try_next(self.patience).expect("a frame")
    }

    /// The next text frame, which has this type.
    #[track_caller]
    pub fn expect(&mut self, kind: &str) -> Frame {
        let frame = self.next_frame();
        assert_eq!(frame.kind(), kind, "{}", frame.text);
        frame
    }

    /// The next text frame, which is exactly this.
    #[track_caller]
    pub fn expect_json(&mut self, wanted: &Value) {
        assert_eq!(&self.next_frame().json(), wanted);
    }

    /// The next frame that `wanted` accepts; the others stay for later, in their order.
    #[track_caller]
    pub fn find(&mut self, what: &str, wanted: impl Fn(&Frame) -> bool) -> Frame {
        if let Some(place) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(place).expect("a place that was just found");
        }
        let until = Instant::now() + self.patience;
        loop {
            match self.read_event(until) {
                Some(Event::Frame(frame)) if wanted(&frame) => return frame,
                Some(Event::Frame(frame)) => self.waiting.push_back(frame),
                Some(Event::Ping | Event::Pong(_)) => {}
                Some(Event::Ended(ending)) => panic!("no {what}: {ending:?}"),
                None => panic!("no {what}, but {:?}", self.waiting),
            }
        }
    }

    /// A frame that was put aside while something else was waited for.
    pub fn take_waiting(&mut self) -> Option<Frame> {
        self.waiting.pop_front()
    }

    /// Sends a request with a fresh `requestId` and returns its one reply. What else comes stays for later.
    #[track_caller]
    pub fn request(&mut self, mut message: Value) -> Frame {
        self.requests += 1;
        let id = format!("request-{}", self.requests);
        message["requestId"] = json!(id);
        self.send(&message);
        self.find(&format!("reply to {message}"), |frame| {
            frame.has("requestId") && frame.raw("requestId") == format!("\"{id}\"")
        })
    }

    /// Sends a request that is acknowledged.
    #[track_caller]
    pub fn ack(&mut self, message: Value) -> Frame {
        let reply = self.request(message);
        assert_eq!(reply.kind(), "ack", "{}", reply.text);
        reply
    }

    /// Sends a request that is refused, and returns the code.
    #[track_caller]
    pub fn refusal(&mut self, message: Value) -> String {
        let reply = self.request(message);
        assert_eq!(reply.kind(), "error", "{}", reply.text);
        reply.string("code")
    }

    /// Subscribes, and returns the snapshot that follows the `ack`.
    #[track_caller]
    pub fn subscribe(&mut self, channel: &str) -> Frame {
        self.ack(json!({ "type": "subscribe", "channel": channel }));
        self.snapshot(channel)
    }

    /// The next presence frame of a channel.
    #[track_caller]
    pub fn snapshot(&mut self, channel: &str) -> Frame {
        let name = json!(channel);
        self.find(&format!("presence of {channel}"), |frame| {
            frame.kind() == "presence" && frame.get("channel") == name
        })
    }

    /// The next frame is `presence` of exactly these arrivals and departures.
    #[track_caller]
    pub fn expect_presence(&mut self, channel: &str, joined: &[&str], left: &[&str]) {
        let frame = self.expect("presence");
        assert_eq!(frame.get("channel"), json!(channel), "{}", frame.text);
        assert!(crate::same_peers(&frame.joined(), joined), "joined {joined:?}: {}", frame.text);
        assert!(crate::same_peers(&frame.left(), left), "left {left:?}: {}", frame.text);
    }

    /// Asks and is answered: everything that the server did for this connection before has come.
    #[track_caller]
    pub fn sync(&mut self) {
        let pong = self.request(json!({ "type": "ping" }));
        assert_eq!(pong.kind(), "pong", "{}", pong.text);
    }

    /// Nothing waits, and no frame comes within 500 ms.
    #[track_caller]
    pub fn silent(&mut self) {
        let frame = self.try_next(SILENCE);
        assert!(frame.is_none(), "not silent: {frame:?}");
    }

    /// Everything that comes until nothing has come for 500 ms.
    pub fn drain(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.try_next(SILENCE)).collect()
    }

    /// How the connection ends, within `limit`; frames before are dropped.
    #[track_caller]
    pub fn ending_within(&mut self, limit: Duration) -> Ending {
        let until = Instant::now() + limit;
        loop {
            match self.poll(until) {
                Some(Event::Ended(ending)) => return ending,
                Some(Event::Frame(_) | Event::Ping | Event::Pong(_)) => {}
                None => panic!("{:?} is still open after {limit:?}", self.peer),
            }
        }
    }

    /// The server closes; its code.
    #[track_caller]
    pub fn closed(&mut self) -> u16 {
        self.closed_within(self.patience)
    }

    /// The server closes within `limit`; its code.
    #[track_caller]
    pub fn closed_within(&mut self, limit: Duration) -> u16 {
        match self.ending_within(limit) {
            Ending::Closed { code, .. } => code,
            Ending::Cut => panic!("{:?} was cut without a close frame", self.peer),
        }
    }

    /// Closes with 1000 and waits for the answer: the server has let the connection go.
    #[track_caller]
    pub fn close(mut self) {
        self.write(&close_frame(1_000, "client requested close"));
        assert_eq!(self.closed(), 1_000, "the server answers the close with its code");
    }

    /// Ends the connection by a TCP reset.
    pub fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }

    /// Sends no more, as a process that was killed.
    pub fn cut(self) {
        self.stream.shutdown(Shutdown::Write).expect("an open socket");
    }

    /// The socket itself, for tests that need what is not here.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// A close frame with a code and a reason, masked.
#[must_use]
pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    socket::masked(true, Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

fn read_close(payload: &[u8]) -> Ending {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        panic!("a close frame without a code")
    };
    let reason = String::from_utf8(reason.to_vec()).expect("a reason is UTF-8");
    Ending::Closed { code: u16::from_be_bytes(*code), reason }
}

/// All of them are [`silent`](Client::silent) during the same 500 ms.
#[track_caller]
pub fn all_silent(clients: &mut [&mut Client]) {
    let until = Instant::now() + SILENCE;
    for client in clients {
        let frame = client.try_next(until.saturating_duration_since(Instant::now()));
        assert!(frame.is_none(), "{} is not silent: {frame:?}", client.id());
    }
}
