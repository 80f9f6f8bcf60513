//! What a remote peer says on labelled channels: to the readers of its frames, and to a session.
//!
//! Input: records of one byte what to do, two bytes a length, and as many bytes of a message. A session that
//! has opened the label `files` hears them in turn, on channels and through the server.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use peerhall_labelled::frame::control::Control;
use peerhall_labelled::frame::{Frame, MAX_MESSAGE_BYTES};
use peerhall_labelled::{
    CHUNK, CONTROL_LABEL, ChannelId, ChannelOptions, Config, Event, Have, IncomingId, Kind, Message,
    OutgoingId, Output, PROTOCOL, RemoteChannel, Role, Sending, Session, WINDOW,
};

/// Label that both sides open.
const LABEL: &str = "files";

/// Bytes of the message that this side sends.
const OWN: usize = 40_000;

/// Letters of a text that the server takes.
const ROOM: usize = 1_000;

/// Tries one input.
///
/// # Panics
///
/// When a frame that is understood is written as something else, or the session panics, sends what no channel
/// takes, holds more than its window, or goes on after it has cut the remote off.
pub fn run(data: &[u8]) {
    let mut side = Side::open();
    let mut rest = data;
    while let Some(([what, high, low], tail)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (message, tail) = tail.split_at(length);
        reads(message);
        side.step(*what, message);
        rest = tail;
    }
}

fn reads(message: &[u8]) {
    let message = Bytes::copy_from_slice(message);
    if let Ok(frame) = Frame::decode(message.clone()) {
        let written = frame.encode();
        assert!(written.len() <= MAX_MESSAGE_BYTES, "{} bytes", written.len());
        assert_eq!(Frame::decode(written), Ok(frame));
    }
    if let Ok(control) = Control::decode(message) {
        assert_eq!(Control::decode(control.encode()), Ok(control));
    }
}

/// A session, and what its driver knows.
struct Side {
    session: Session,
    now: Duration,
    control: Option<ChannelId>,
    lane: Option<ChannelId>,
    sending: Option<OutgoingId>,
    /// Bytes of messages that came and were not read.
    unread: HashMap<IncomingId, usize>,
    waiting: Vec<IncomingId>,
    is_cut_off: bool,
}

impl Side {
    /// The one that asks; the remote creates channels.
    fn open() -> Self {
        let mut session = Session::new(Role::Asker, 1, Config::default());
        session.open(Duration::ZERO, LABEL, ChannelOptions::default()).expect("a label");
        session.capable();
        let mut side = Self {
            session,
            now: Duration::ZERO,
            control: None,
            lane: None,
            sending: None,
            unread: HashMap::new(),
            waiting: Vec::new(),
            is_cut_off: false,
        };
        side.control = side.remote_channel(CONTROL_LABEL);
        side.hear(side.control, &Control::Hello { version: 1, tag: 2 }.encode());
        side.lane = side.remote_channel(LABEL);
        let sending =
            Sending { kind: Kind::Bytes, info: Bytes::new(), total: Some(OWN as u64), content: None };
        side.sending = side.session.send(side.now, LABEL, sending).ok();
        side.carry_out();
        side
    }

    fn remote_channel(&mut self, label: &str) -> Option<ChannelId> {
        let init = ChannelOptions { protocol: PROTOCOL.to_owned(), ..ChannelOptions::default() };
        let id = self.session.remote_channel(RemoteChannel { label: label.to_owned(), init });
        if let Some(id) = id {
            self.session.opened(self.now, id, Some(2));
        }
        self.carry_out();
        id
    }

    fn step(&mut self, what: u8, message: &[u8]) {
        match what {
            0xf0..=0xf7 => self.session.direct(self.now, &base64(message), ROOM),
            0xf8..=0xff => self.session.detour(self.now, message.is_empty().then_some(ROOM)),
            _ => self.step_on_the_connection(what, message),
        }
        self.carry_out();
    }

    fn step_on_the_connection(&mut self, what: u8, message: &[u8]) {
        match what % 8 {
            0 | 1 => self.hear(self.lane, message),
            2 => self.hear(self.control, message),
            3 => {
                self.now += Duration::from_millis(u64::try_from(message.len()).unwrap_or(0) * 100);
                self.session.handle_timeout(self.now);
            }
            4 => self.read_all(),
            5 => {
                if let Some(lane) = self.lane.take() {
                    self.session.closed(self.now, lane);
                }
                self.lane = self.remote_channel(LABEL);
            }
            6 => {
                self.session.reset(self.now, Role::Asker);
                self.session.capable();
                self.control = self.remote_channel(CONTROL_LABEL);
                self.lane = self.remote_channel(LABEL);
            }
            _ => {
                if let Some(id) = self.sending.take() {
                    self.session.abort(self.now, id, "enough");
                }
            }
        }
    }

    fn hear(&mut self, channel: Option<ChannelId>, message: &[u8]) {
        if let Some(channel) = channel {
            self.session.message(self.now, channel, 0, Message::Binary(Bytes::copy_from_slice(message)));
        }
        self.carry_out();
    }

    fn read_all(&mut self) {
        for id in std::mem::take(&mut self.waiting) {
            let have = Have { bytes: 0, hasher: Default::default() };
            self.session.accept(self.now, id, have);
        }
        for (id, bytes) in std::mem::take(&mut self.unread) {
            self.session.read(self.now, id, bytes);
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            // What the remote opens then is closed, it is told goodbye, and nothing else is done.
            let closes = matches!(output, Output::Close(_) | Output::Direct { .. });
            assert!(closes || !self.is_cut_off, "after the end: {output:?}");
            match output {
                Output::Send { bytes, .. } => assert!(bytes.len() <= CHUNK, "{} bytes", bytes.len()),
                Output::Want { transfer, .. } => {
                    self.session.provide(self.now, transfer, Bytes::from(vec![7; OWN]), true);
                }
                Output::Event(event) => self.happens(event),
                Output::Direct { number, text } => {
                    assert!(text.len() <= ROOM, "{} letters", text.len());
                    self.session.direct_done(self.now, number, Ok(()));
                }
                Output::Create { .. } => panic!("only the other side creates"),
                Output::Negotiate | Output::Close(_) | Output::Rewind(_) => {}
            }
        }
        let held: usize = self.unread.values().sum();
        assert!(held <= WINDOW, "{held} bytes wait to be read");
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Incoming { incoming, offer, .. } if offer.waits => self.waiting.push(incoming),
            Event::Data { incoming, bytes } => *self.unread.entry(incoming).or_default() += bytes.len(),
            Event::IncomingFailed { incoming, .. } => drop(self.unread.remove(&incoming)),
            Event::CutOff(_) => self.is_cut_off = true,
            Event::Incoming { .. }
            | Event::Complete { .. }
            | Event::Ready
            | Event::Way(_)
            | Event::OverQuota
            | Event::Channel { .. }
            | Event::Progress { .. }
            | Event::Sent { .. }
            | Event::SendFailed { .. }
            | Event::Text { .. } => {}
        }
    }
}

/// Bytes as the text in which they come through the server.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = |place: usize| bytes.get(place / 8).map(|byte| (byte >> (7 - place % 8)) & 1);
    let letter =
        |place: usize| (place..place + 6).fold(0, |digit, bit| (digit << 1) | bits(bit).unwrap_or(0));
    let places = (0..bytes.len() * 8).step_by(6);
    places.filter_map(|place| LETTERS.get(usize::from(letter(place))).copied().map(char::from)).collect()
}
