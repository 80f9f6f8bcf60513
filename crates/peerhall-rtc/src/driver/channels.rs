//! The data channels of one connection, between their users and the engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelData, ChannelId, Reliability};

use crate::channel::{Channel, ChannelEvent, DataChannelInit, Message, ReadyState, Shared, Unread};
use crate::error::ChannelError;
use crate::stats::ChannelStats;
use crate::wake::Wake;

/// Most channels of a connection, ours and the remote's together; Chromium ends there too.
const MAX_CHANNELS: usize = 1_024;

/// The largest id that users may agree on, which leaves the rest for the engine's placeholders.
const MAX_NEGOTIATED_ID: u16 = 1_023;

/// Bytes up to which the engine is given more than one message: enough for what a fast path takes at a
/// time, and the little it holds is what stands before the first message of another channel.
const ENGINE_FILL: usize = 128 * 1024;

#[derive(Debug)]
pub(super) struct Channels {
    all: BTreeMap<u64, Entry>,
    by_engine: HashMap<ChannelId, u64>,
    /// Those with something on its way out, or about to close.
    active: BTreeSet<u64>,
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
        self.max_message = bytes.min(super::ENGINE_BUFFER);
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
            self.pump(rtc, shared.key);
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

    pub(super) fn closed(&mut self, engine: ChannelId) {
        if let Some(key) = self.by_engine.remove(&engine)
            && let Some(entry) = self.all.remove(&key)
        {
            entry.shared.closed();
        }
    }

    pub(super) fn close_all(&mut self) {
        self.by_engine.clear();
        for entry in std::mem::take(&mut self.all).into_values() {
            entry.shared.closed();
        }
    }

    /// Hands the engine what it takes of a channel's messages, and closes the channel if asked to.
    /// Says whether the engine took something, after which it has to be drained.
    pub(super) fn pump(&mut self, rtc: &mut Rtc, key: u64) -> bool {
        let held: usize = self.active.iter().filter_map(|key| self.all.get(key)).map(|e| e.in_engine).sum();
        let Some(entry) = self.all.get_mut(&key) else { return false };
        self.active.insert(key);
        let ready = entry.shared.ready_state();
        if let Some(mut channel) = rtc.channel(entry.engine)
            && let Some(outgoing) = entry.shared.next_outgoing()
        {
            let (binary, bytes) = match &outgoing.message {
                Message::Text(text) => (false, text.as_bytes()),
                Message::Binary(bytes) => (true, bytes.as_ref()),
            };
            let room = held == 0 || held + bytes.len() <= ENGINE_FILL;
            let written = if room { channel.write(binary, bytes) } else { Ok(false) };
            return match written {
                Ok(true) => {
                    entry.in_engine += bytes.len();
                    entry.stats.messages_sent += 1;
                    entry.stats.bytes_sent += bytes.len() as u64;
                    true
                }
                Ok(false) => {
                    entry.shared.put_back(outgoing);
                    false
                }
                Err(error) => {
                    tracing::debug!(%error, "a message was refused by the engine");
                    entry.shared.released(bytes.len());
                    true
                }
            };
        }
        if ready == ReadyState::Closing && entry.shared.is_drained() && !entry.closing {
            return entry.close(rtc);
        }
        false
    }

    /// Takes note of what the remote has acknowledged, and says which channels could go on.
    pub(super) fn settle(&mut self, rtc: &mut Rtc) -> Vec<u64> {
        let mut waiting = Vec::new();
        let all = &mut self.all;
        self.active.retain(|key| {
            let Some(entry) = all.get_mut(key) else { return false };
            let in_engine = rtc.channel(entry.engine).map_or(0, |mut c| c.buffered_amount());
            let released = entry.in_engine.saturating_sub(in_engine);
            entry.in_engine -= released;
            entry.shared.released(released);
            let closing = !entry.closing && entry.shared.ready_state() == ReadyState::Closing;
            let waits = closing || !entry.shared.is_drained();
            if waits {
                waiting.push(*key);
            }
            waits || entry.in_engine > 0
        });
        waiting
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
    /// Tells the engine to close, once it has nothing left to send. A channel that never opened has
    /// nothing to close yet; it is closed when it opens.
    fn close(&mut self, rtc: &mut Rtc) -> bool {
        let Some(mut channel) = rtc.channel(self.engine) else { return false };
        if channel.buffered_amount() > 0 {
            return false;
        }
        self.closing = true;
        rtc.direct_api().close_data_channel(self.engine);
        true
    }
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
