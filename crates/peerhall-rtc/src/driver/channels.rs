//! The data channels of one connection, between their users and the engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelData, ChannelId, Reliability};

use super::fill::Fill;
use super::rotation::Rotation;
use crate::channel::{Channel, ChannelEvent, DataChannelInit, Message, ReadyState, Shared, Unread};
use crate::error::ChannelError;
use crate::stats::ChannelStats;
use crate::wake::Wake;

/// Most channels of a connection, ours and the remote's together; Chromium ends there too.
const MAX_CHANNELS: usize = 1_024;

/// The largest id that users may agree on, which leaves the rest for the engine's placeholders.
const MAX_NEGOTIATED_ID: u16 = 1_023;

#[derive(Debug)]
pub(super) struct Channels {
    all: BTreeMap<u64, Entry>,
    by_engine: HashMap<ChannelId, u64>,
    /// Those with something on its way out, or about to close.
    active: BTreeSet<u64>,
    /// Those of them that have messages for the engine.
    turns: Rotation,
    /// Those that may be closed now.
    closing: Vec<u64>,
    /// Those of which the engine was handed something in this turn.
    handed: Vec<u64>,
    /// Bytes of all of them that the engine holds.
    in_engine: usize,
    /// Bytes that it may hold.
    fill: Fill,
    next_key: u64,
    send_buffer: usize,
    max_message: usize,
    wake: Arc<Wake>,
    unread: Arc<Unread>,
}

#[derive(Debug)]
struct Entry {
    shared: Arc<Shared>,
    engine: ChannelId,
    /// Bytes handed to the engine and not acknowledged yet.
    in_engine: usize,
    /// Bytes handed to the engine that the user was not told of yet.
    untold: usize,
    /// Whether the engine was told to close it.
    closing: bool,
    stats: ChannelStats,
}

impl Channels {
    pub(super) fn new(send_buffer: usize, receive_buffer: usize, wake: Arc<Wake>) -> Self {
        Self {
            all: BTreeMap::new(),
            by_engine: HashMap::new(),
            active: BTreeSet::new(),
            turns: Rotation::default(),
            closing: Vec::new(),
            handed: Vec::new(),
            in_engine: 0,
            fill: Fill::default(),
            next_key: 0,
            send_buffer,
            max_message: DEFAULT_MAX_MESSAGE,
            wake,
            unread: Unread::new(receive_buffer),
        }
    }

    /// What waits to be read on all of them.
    pub(super) fn unread(&self) -> &Unread {
        &self.unread
    }

    /// The remote's description says how large a message it takes.
    pub(super) fn set_max_message(&mut self, bytes: usize) {
        // The engine takes a message whole or not at all, so it has to fit into its buffer.
        self.max_message = bytes.min(super::MAX_MESSAGE);
    }

    pub(super) fn create(
        &mut self,
        rtc: &mut Rtc,
        label: String,
        init: DataChannelInit,
    ) -> Result<Channel, ChannelError> {
        self.check(rtc, &label, &init)?;
        let config = ChannelConfig {
            label: label.clone(),
            ordered: init.ordered,
            reliability: match (init.max_retransmits, init.max_packet_life_time) {
                (Some(retransmits), _) => Reliability::MaxRetransmits { retransmits },
                (None, Some(lifetime)) => Reliability::MaxPacketLifetime { lifetime },
                (None, None) => Reliability::Reliable,
            },
            negotiated: init.negotiated,
            protocol: init.protocol.clone(),
        };
        let engine = rtc.direct_api().create_data_channel(config);
        Ok(Channel::new(self.insert(engine, label, init)))
    }

    /// The engine says that a channel works: one of ours, a placeholder, or one of the remote's,
    /// which is returned.
    pub(super) fn opened(&mut self, rtc: &mut Rtc, engine: ChannelId, label: String) -> Option<Channel> {
        let id = rtc.direct_api().sctp_stream_id_by_channel_id(engine);
        if let Some(entry) = self.entry(engine) {
            let shared = Arc::clone(&entry.shared);
            shared.opened(id, self.max_message);
            self.has_work(shared.key);
            return None;
        }
        if id.is_none_or(|id| id > MAX_NEGOTIATED_ID && rtc_placeholder(rtc, engine)) {
            return None;
        }
        if self.all.len() >= MAX_CHANNELS {
            rtc.direct_api().close_data_channel(engine);
            return None;
        }
        let init = remote_init(rtc.channel(engine)?.config());
        let shared = self.insert(engine, label, init);
        shared.opened(id, self.max_message);
        Some(Channel::new(shared))
    }

    pub(super) fn received(&mut self, data: ChannelData) {
        let Some(entry) = self.entry(data.id) else { return };
        entry.stats.messages_received += 1;
        entry.stats.bytes_received += data.data.len() as u64;
        // Nobody but us holds the channel, so nobody will ever read this.
        if Arc::strong_count(&entry.shared) == 1 {
            return;
        }
        let event = if data.binary {
            ChannelEvent::Message(Message::Binary(Bytes::from(data.data)))
        } else {
            match String::from_utf8(data.data) {
                Ok(text) => ChannelEvent::Message(Message::Text(text)),
                Err(_) => ChannelEvent::InvalidText,
            }
        };
        entry.shared.received(event);
    }

    /// Another path is used from now on.
    pub(super) fn path_changed(&mut self) {
        self.fill.path_changed();
    }

    pub(super) fn closed(&mut self, engine: ChannelId) {
        if let Some(key) = self.by_engine.remove(&engine)
            && let Some(entry) = self.all.remove(&key)
        {
            self.in_engine -= entry.in_engine;
            if entry.is_reliable() {
                self.fill.discarded(entry.in_engine);
            }
            entry.shared.closed();
        }
    }

    pub(super) fn close_all(&mut self) {
        self.by_engine.clear();
        self.turns.clear();
        self.closing.clear();
        self.handed.clear();
        self.in_engine = 0;
        self.fill = Fill::default();
        for entry in std::mem::take(&mut self.all).into_values() {
            entry.shared.closed();
        }
    }

    /// A channel has messages for the engine, or is to be closed.
    pub(super) fn has_work(&mut self, key: u64) {
        self.active.insert(key);
        if self.all.get(&key).is_some_and(Entry::ends) {
            self.closing.push(key);
        }
        self.turns.join(key);
    }

    /// Hands the engine the next message, or closes a channel that has sent all it had. Says whether the engine was
    /// told something, after which it has to be drained.
    pub(super) fn pump(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        // An end needs no room, and waits for nobody's messages.
        while let Some(key) = self.closing.pop() {
            if self.all.get_mut(&key).is_some_and(|entry| entry.close(rtc)) {
                return true;
            }
        }
        while let Some(key) = self.turns.first() {
            let Some(entry) = self.all.get_mut(&key) else {
                self.turns.leave();
                continue;
            };
            let held = self.in_engine;
            match entry.take_turn(rtc, |message| self.fill.has_room(held, message)) {
                Turn::Written(bytes) => {
                    self.in_engine += bytes;
                    if self.handed.last() != Some(&key) {
                        self.handed.push(key);
                    }
                    if entry.is_reliable() {
                        self.fill.wrote(bytes, now);
                    }
                    self.turns.sent(bytes);
                    return true;
                }
                // Nobody passes it: others with smaller messages would never let it have the room it needs.
                Turn::NoRoom => {
                    self.fill.was_reached();
                    return false;
                }
                Turn::Nothing => self.turns.leave(),
            }
        }
        false
    }

    /// Tells users that there is room again for what the engine was handed, once for all of a turn.
    pub(super) fn tell_handed(&mut self) {
        for key in self.handed.drain(..) {
            if let Some(entry) = self.all.get_mut(&key) {
                entry.shared.handed(std::mem::take(&mut entry.untold));
            }
        }
    }

    /// Takes note of what the remote has acknowledged, after which channels can go on.
    pub(super) fn settle(&mut self, rtc: &mut Rtc, now: Instant) {
        let Self { all, active, turns, closing, in_engine: held, fill, .. } = self;
        active.retain(|key| {
            let Some(entry) = all.get_mut(key) else { return false };
            let in_engine = rtc.channel(entry.engine).map_or(0, |mut c| c.buffered_amount());
            let released = entry.in_engine.saturating_sub(in_engine);
            entry.in_engine -= released;
            *held -= released;
            if released > 0 && entry.is_reliable() {
                fill.acknowledged(released, now);
            }
            let ends = entry.ends();
            let waits = !entry.shared.is_drained();
            if ends {
                closing.push(*key);
            }
            if waits {
                turns.join(*key);
            }
            ends || waits || entry.in_engine > 0
        });
    }

    pub(super) fn stats(&self) -> Vec<ChannelStats> {
        let current = |entry: &Entry| ChannelStats {
            label: entry.shared.label.clone(),
            id: entry.shared.id(),
            ..entry.stats.clone()
        };
        self.all.values().map(current).collect()
    }

    fn check(&self, rtc: &mut Rtc, label: &str, init: &DataChannelInit) -> Result<(), ChannelError> {
        if init.max_retransmits.is_some() && init.max_packet_life_time.is_some() {
            return Err(ChannelError::TwoLimits);
        }
        if label.len() > usize::from(u16::MAX) || init.protocol.len() > usize::from(u16::MAX) {
            return Err(ChannelError::TooLong);
        }
        if self.all.len() >= MAX_CHANNELS {
            return Err(ChannelError::TooMany);
        }
        if let Some(id) = init.negotiated {
            let ours = self.all.values().any(|entry| entry.shared.id() == Some(id));
            let taken = rtc.direct_api().channel_id_by_sctp_stream_id(id).is_some();
            if id > MAX_NEGOTIATED_ID || ours || taken {
                return Err(ChannelError::Id(id));
            }
        }
        Ok(())
    }

    fn insert(&mut self, engine: ChannelId, label: String, init: DataChannelInit) -> Arc<Shared> {
        let key = self.next_key;
        self.next_key += 1;
        let (wake, unread) = (Arc::clone(&self.wake), Arc::clone(&self.unread));
        let shared = Shared::new(key, label, init, self.send_buffer, wake, unread);
        let entry = Entry {
            shared: Arc::clone(&shared),
            engine,
            in_engine: 0,
            untold: 0,
            closing: false,
            stats: ChannelStats::default(),
        };
        self.all.insert(key, entry);
        self.by_engine.insert(engine, key);
        shared
    }

    fn entry(&mut self, engine: ChannelId) -> Option<&mut Entry> {
        self.all.get_mut(self.by_engine.get(&engine)?)
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        // However the connection ends, nobody is left waiting.
        self.close_all();
    }
}

impl Entry {
    /// Hands the engine one message, if it has room for so many bytes.
    fn take_turn(&mut self, rtc: &mut Rtc, has_room: impl FnOnce(usize) -> bool) -> Turn {
        let Some(mut channel) = rtc.channel(self.engine) else { return Turn::Nothing };
        let Some(outgoing) = self.shared.next_outgoing() else { return Turn::Nothing };
        let (binary, bytes) = match &outgoing.message {
            Message::Text(text) => (false, text.as_bytes()),
            Message::Binary(bytes) => (true, bytes.as_ref()),
        };
        let written = if has_room(bytes.len()) { channel.write(binary, bytes) } else { Ok(false) };
        match written {
            Ok(true) => {
                self.in_engine += bytes.len();
                self.untold += bytes.len();
                self.stats.messages_sent += 1;
                self.stats.bytes_sent += bytes.len() as u64;
                Turn::Written(bytes.len())
            }
            Ok(false) => {
                self.shared.put_back(outgoing);
                Turn::NoRoom
            }
            Err(error) => {
                tracing::debug!(%error, "a message was refused by the engine");
                self.untold += bytes.len();
                Turn::Written(0)
            }
        }
    }

    /// Whether all that it is given is acknowledged, sooner or later.
    fn is_reliable(&self) -> bool {
        let init = &self.shared.init;
        init.max_retransmits.is_none() && init.max_packet_life_time.is_none()
    }

    /// Whether it is to be closed, and the engine was not told yet.
    fn ends(&self) -> bool {
        !self.closing && self.shared.ready_state() == ReadyState::Closing
    }

    /// Tells the engine to close a channel that ends, once it has nothing left to send; says whether it was told. A
    /// channel that never opened has nothing to close yet; it is closed when it opens.
    fn close(&mut self, rtc: &mut Rtc) -> bool {
        if !self.ends() || !self.shared.is_drained() {
            return false;
        }
        let Some(mut channel) = rtc.channel(self.engine) else { return false };
        if channel.buffered_amount() > 0 {
            return false;
        }
        self.closing = true;
        rtc.direct_api().close_data_channel(self.engine);
        true
    }
}

/// What a channel did with its turn.
#[derive(Debug)]
enum Turn {
    /// The engine took so many bytes of a message, and has to be drained.
    Written(usize),
    /// The engine has no room for the next message.
    NoRoom,
    /// There was nothing to do.
    Nothing,
}

/// What a description without a word about it stands for (RFC 8841 section 6.1).
const DEFAULT_MAX_MESSAGE: usize = 65_536;

/// Whether a channel was made by us to get the section for channels.
fn rtc_placeholder(rtc: &mut Rtc, engine: ChannelId) -> bool {
    rtc.channel(engine)
        .is_some_and(|channel| channel.config().is_some_and(|config| config.negotiated.is_some()))
}

fn remote_init(config: Option<&ChannelConfig>) -> DataChannelInit {
    let Some(config) = config else { return DataChannelInit::default() };
    let (max_retransmits, max_packet_life_time) = match config.reliability {
        Reliability::Reliable => (None, None),
        Reliability::MaxRetransmits { retransmits } => (Some(retransmits), None),
        Reliability::MaxPacketLifetime { lifetime } => (None, Some(lifetime)),
    };
    DataChannelInit {
        ordered: config.ordered,
        max_retransmits,
        max_packet_life_time,
        protocol: config.protocol.clone(),
        negotiated: None,
    }
}
