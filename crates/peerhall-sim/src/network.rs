//! The way between clients and server: ordered streams that take time, and that can be cut, stalled and
//! refused.

use std::collections::VecDeque;
use std::time::Duration;

use peerhall_core::{CloseCode, SocketId, Time};
use peerhall_hub::ConnId;

use crate::actor::ActorId;

/// One WebSocket, as the network knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WireId(pub(crate) usize);

/// What travels to the server.
#[derive(Debug)]
pub(crate) enum Up {
    Open(String),
    Text(String),
    Close(CloseCode),
    Lost,
}

/// What travels to a client.
#[derive(Debug)]
pub(crate) enum Down {
    Opened,
    Text(Box<str>),
    Closed { code: CloseCode, reason: String, http_status: Option<u16> },
    ConstructionFailed,
}

/// How long messages take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// Time of one way. Default: 20 ms.
    pub latency: Duration,
    /// Up to this much longer, drawn for each message; order on one connection is kept. Default: 5 ms.
    pub jitter: Duration,
}

impl Default for Weather {
    fn default() -> Self {
        Self { latency: Duration::from_millis(20), jitter: Duration::from_millis(5) }
    }
}

/// What becomes of an attempt to open a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialling {
    /// It opens, if the server is there.
    #[default]
    Works,
    /// It is refused, with the status of the upgrade where there is one.
    Refused(Option<u16>),
    /// Nothing answers at all.
    Hangs,
    /// The socket opens, and the server behind it never says a word.
    Mute,
    /// The platform cannot even make a socket.
    Impossible,
}

/// One WebSocket.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) actor: ActorId,
    pub(crate) socket: SocketId,
    pub(crate) conn: Option<ConnId>,
    /// The client was told of its end, or gave it up.
    pub(crate) client_done: bool,
    /// The server was told of its end, or ended it.
    pub(crate) server_done: bool,
    /// The client has seen it open.
    pub(crate) opened: bool,
    /// The client has begun to close it, for this reason.
    pub(crate) client_closing: bool,
    pub(crate) close_reason: String,
    /// What is under way is lost.
    pub(crate) broken: bool,
    /// Nothing gets through; what is sent waits.
    pub(crate) stalled: bool,
    /// The server behind it never answers.
    pub(crate) mute: bool,
    pub(crate) held_up: VecDeque<Up>,
    pub(crate) held_down: VecDeque<Down>,
    /// When the last message in each direction arrives: the next one does not overtake it.
    up_until: Time,
    down_until: Time,
}

impl Wire {
    pub(crate) fn new(actor: ActorId, socket: SocketId) -> Self {
        Self {
            actor,
            socket,
            conn: None,
            client_done: false,
            server_done: false,
            opened: false,
            client_closing: false,
            close_reason: String::new(),
            broken: false,
            stalled: false,
            mute: false,
            held_up: VecDeque::new(),
            held_down: VecDeque::new(),
            up_until: Time::ZERO,
            down_until: Time::ZERO,
        }
    }

    /// When something sent upwards now arrives.
    pub(crate) fn up_at(&mut self, now: Time, weather: Weather, rng: &mut fastrand::Rng) -> Time {
        self.up_until = self.up_until.max(now + weather.way(rng));
        self.up_until
    }

    /// When something sent downwards now arrives.
    pub(crate) fn down_at(&mut self, now: Time, weather: Weather, rng: &mut fastrand::Rng) -> Time {
        self.down_until = self.down_until.max(now + weather.way(rng));
        self.down_until
    }
}

impl Weather {
    /// No delay at all.
    pub const CALM: Self = Self { latency: Duration::ZERO, jitter: Duration::ZERO };

    pub(crate) fn way(&self, rng: &mut fastrand::Rng) -> Duration {
        let jitter = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX);
        // Whole milliseconds, as both clocks count.
        let micros = self.latency + Duration::from_micros(rng.u64(0..=jitter));
        Duration::from_millis(u64::try_from(micros.as_millis()).unwrap_or(u64::MAX))
    }
}
