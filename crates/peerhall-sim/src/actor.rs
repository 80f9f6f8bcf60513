//! Those who take part: a mind, what it has seen, and what is known of it.

use std::collections::{HashMap, HashSet};
use std::fmt;

use peerhall_core::{
    ChannelKey, CloseCode, LinkId, LocalTrack, OpId, Output, Peer, RemoteKey, RtcInput, Secret, Signalling,
    SocketId, StreamKey, Time, TokenId, TrackKey,
};
use serde_json::Value;

use crate::labels::Layer;
use crate::network::{Dialling, Weather, WireId};
use crate::raw::Raw;
use crate::rtc::Style;
use crate::seen::Seen;
use crate::tokens::TokenMood;
use crate::vendor::Vendor;

/// One who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(pub(crate) usize);

/// Called with every event at its place; what it does to the peer counts before the next one.
pub type Handler = Box<dyn FnMut(&Seen, &mut Peer<Value>, Time) -> Vec<Wish>>;

/// What a handler wants that the core has no part in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// `createDataChannel` on the present connection to a remote peer.
    OpenChannel {
        /// Where.
        remote: RemoteKey,
        /// Its label.
        label: String,
    },
    /// Sends on a data channel.
    SendOn(ChannelKey, String),
}

/// What somebody thinks with.
#[derive(Debug)]
pub(crate) enum Mind {
    Peer(Box<Peer<Value>>),
    Client(Box<Signalling<Value>>),
    Raw(Box<Raw>),
    Vendor(Box<Vendor>),
}

/// One who takes part.
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) mind: Mind,
    pub(crate) style: Style,
    pub(crate) weather: Option<Weather>,
    pub(crate) dialling: Option<Dialling>,
    pub(crate) tokens: TokenMood,
    pub(crate) seen: Vec<Seen>,
    pub(crate) handler: Option<Handler>,
    /// When its deadline is planned.
    pub(crate) wakes_at: Option<Time>,
    /// How often in a row it was woken at one moment.
    pub(crate) spins: u32,
    pub(crate) asked: HashSet<OpId>,
    pub(crate) answered: HashSet<OpId>,
    pub(crate) tracks: HashMap<TrackKey, LocalTrack>,
    pub(crate) streams: HashMap<StreamKey, String>,
    pub(crate) labels: HashMap<ChannelKey, String>,
    /// The layer of labels, if there is one.
    pub(crate) layer: Option<Box<Layer>>,
    pub(crate) names: HashMap<RemoteKey, String>,
    /// Connections, with the number of negotiation calls that have no answer.
    pub(crate) links: HashMap<LinkId, u32>,
    pub(crate) wires: Vec<WireId>,
    pub(crate) sockets_opened: u32,
    /// It ended for good.
    pub(crate) ended: bool,
}

impl Actor {
    pub(crate) fn new(name: &str, mind: Mind) -> Self {
        Self {
            name: name.to_owned(),
            mind,
            style: Style::default(),
            weather: None,
            dialling: None,
            tokens: TokenMood::of(name),
            seen: Vec::new(),
            handler: None,
            wakes_at: None,
            spins: 0,
            asked: HashSet::new(),
            answered: HashSet::new(),
            tracks: HashMap::new(),
            streams: HashMap::new(),
            labels: HashMap::new(),
            layer: None,
            names: HashMap::new(),
            links: HashMap::new(),
            wires: Vec::new(),
            sockets_opened: 0,
            ended: false,
        }
    }

    /// When it wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let layer = self.layer.as_ref().and_then(|layer| layer.deadline());
        self.mind.deadline().into_iter().chain(layer).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) {
        if self.mind.deadline().is_some_and(|deadline| deadline <= now) {
            self.mind.handle_timeout(now);
        }
        if let Some(layer) = &mut self.layer {
            layer.handle_timeout(now);
        }
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Passes one call on to whichever mind there is.
macro_rules! each {
    ($self:ident, $mind:ident => $call:expr) => {
        match $self {
            Self::Peer($mind) => $call,
            Self::Client($mind) => $call,
            Self::Raw($mind) => $call,
            Self::Vendor($mind) => $call,
        }
    };
}

impl Mind {
    pub(crate) fn poll_output(&mut self) -> Option<Output<Value>> {
        each!(self, mind => mind.poll_output())
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        each!(self, mind => mind.deadline())
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) {
        each!(self, mind => mind.handle_timeout(now));
    }

    pub(crate) fn token(&mut self, now: Time, id: TokenId, token: Result<Secret, String>) {
        each!(self, mind => mind.token(now, id, token));
    }

    pub(crate) fn socket_opened(&mut self, now: Time, socket: SocketId) {
        each!(self, mind => mind.socket_opened(now, socket));
    }

    pub(crate) fn socket_failed(&mut self, now: Time, socket: SocketId, error: &str) {
        each!(self, mind => mind.socket_failed(now, socket, error));
    }

    pub(crate) fn socket_text(&mut self, now: Time, socket: SocketId, text: &str) {
        let units = text.encode_utf16().count();
        each!(self, mind => mind.socket_text(now, socket, units, || serde_json::from_str(text).ok()));
    }

    pub(crate) fn socket_closed(
        &mut self,
        now: Time,
        socket: SocketId,
        code: CloseCode,
        reason: &str,
        http_status: Option<u16>,
    ) {
        each!(self, mind => mind.socket_closed(now, socket, code, reason, http_status));
    }

    pub(crate) fn rtc(&mut self, now: Time, link: LinkId, input: RtcInput) {
        match self {
            Self::Peer(peer) => peer.rtc(now, link, input),
            Self::Vendor(vendor) => vendor.rtc(now, link, input),
            Self::Client(_) | Self::Raw(_) => {}
        }
    }
}
