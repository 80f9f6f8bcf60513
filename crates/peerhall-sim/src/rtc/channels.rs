//! Pretend data channels: reliable, ordered, and as slow as media is.

use std::collections::VecDeque;
use std::time::Duration;

use peerhall_core::{ChannelKey, LinkId, RtcInput, RtcState, Time};

use super::{PcId, Report, Task, World};
use crate::actor::ActorId;
use crate::events::Queue;

/// How long a message that does not get through waits to be sent again.
const SENT_AGAIN: Duration = Duration::from_secs(1);

/// What goes over a data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parcel {
    Text(String),
    Bytes(Vec<u8>),
    /// The sender has closed the channel: nothing comes behind it.
    End,
}

impl Parcel {
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::End => 0,
        }
    }
}

/// One end of a data channel.
#[derive(Debug)]
pub(super) struct Channel {
    owner: ActorId,
    pc: PcId,
    name: Name,
    /// The other end, once it is open.
    other: Option<(ChannelKey, PcId)>,
    /// The number that both ends have, once it is open.
    stream: u16,
    /// What is on its way to this end, with the moment when it is there.
    coming: VecDeque<(Time, Parcel)>,
    /// Whether what comes is sent again later.
    repeats: bool,
}

/// How a channel is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) label: String,
    pub(crate) protocol: String,
}

impl World {
    /// `createDataChannel`; under a new key, or again under one that was given before.
    pub(crate) fn open_channel(
        &mut self,
        now: Time,
        actor: ActorId,
        link: LinkId,
        key: ChannelKey,
        name: Name,
        queue: &mut Queue,
    ) {
        if let Some(pc) = self.want_data(now, actor, link, queue) {
            let channel = Channel {
                owner: actor,
                pc,
                name,
                other: None,
                stream: 0,
                coming: VecDeque::new(),
                repeats: false,
            };
            self.channels.insert(key, channel);
            self.plan(queue, now, Task::Channels(pc));
        }
    }

    /// Has the connection negotiate as for a channel, and makes none that the other side hears of.
    pub(crate) fn want_data(
        &mut self,
        now: Time,
        actor: ActorId,
        link: LinkId,
        queue: &mut Queue,
    ) -> Option<PcId> {
        let pc = self.by_link.get(&(actor, link)).copied()?;
        self.connections.get_mut(&pc)?.wants_data = true;
        self.plan(queue, now, Task::Negotiate(pc));
        Some(pc)
    }

    /// Sends on an open channel; tells whether it is open.
    pub(crate) fn send_on(&mut self, now: Time, key: ChannelKey, parcel: Parcel, queue: &mut Queue) -> bool {
        let Some((other, _)) = self.channels.get(&key).and_then(|channel| channel.other) else {
            return false;
        };
        if let Some(there) = self.channels.get_mut(&other) {
            let first = there.coming.back().map_or(now + self.timing.latency, |(at, _)| *at);
            let takes = self.timing.takes(parcel.size());
            let at = first.max(now + self.timing.latency) + takes;
            there.coming.push_back((at, parcel));
            self.plan(queue, at, Task::Arrives(other));
        }
        true
    }

    /// Closes a channel from this end; what was sent before still arrives.
    pub(crate) fn close_channel(&mut self, now: Time, key: ChannelKey, queue: &mut Queue) {
        self.send_on(now, key, Parcel::End, queue);
        self.channels.remove(&key);
    }

    /// Bytes that were sent on a channel and have not arrived.
    pub(crate) fn buffered(&self, key: ChannelKey) -> usize {
        let other = self.channels.get(&key).and_then(|channel| channel.other);
        let coming = other.and_then(|(other, _)| self.channels.get(&other)).map(|there| &there.coming);
        coming.into_iter().flatten().map(|(_, parcel)| parcel.size()).sum()
    }

    /// How a channel is called.
    pub(crate) fn channel_name(&self, key: ChannelKey) -> Option<&Name> {
        self.channels.get(&key).map(|channel| &channel.name)
    }

    /// The number that both ends of a channel have.
    pub(crate) fn stream(&self, key: ChannelKey) -> Option<u16> {
        self.channels.get(&key).filter(|channel| channel.other.is_some()).map(|channel| channel.stream)
    }

    pub(super) fn open_channels(&mut self, pc: PcId) {
        let Some(partner) = self.partner(pc) else { return };
        for (here, there) in [(pc, partner), (partner, pc)] {
            let ready = [here, there].iter().all(|pc| {
                self.connections.get(pc).is_some_and(|connection| {
                    connection.state == RtcState::Connected && connection.carries_data()
                })
            });
            if ready {
                self.open_waiting(here, there);
            }
        }
    }

    fn open_waiting(&mut self, here: PcId, there: PcId) {
        let Some(owner) = self.connections.get(&there).map(|connection| connection.owner) else { return };
        let mut waiting: Vec<_> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.pc == here && channel.other.is_none())
            .map(|(key, channel)| (*key, channel.owner, channel.name.clone()))
            .collect();
        waiting.sort();
        for (key, opener, name) in waiting {
            let other = ChannelKey(self.new_key());
            self.streams = self.streams.wrapping_add(1);
            let stream = self.streams;
            let end = Channel {
                owner,
                pc: there,
                name,
                other: Some((key, here)),
                stream,
                coming: VecDeque::new(),
                repeats: false,
            };
            self.channels.insert(other, end);
            if let Some(channel) = self.channels.get_mut(&key) {
                (channel.other, channel.stream) = (Some((other, there)), stream);
            }
            self.report(there, RtcInput::DataChannel(other));
            self.reports.push(Report::Opened(owner, other));
            self.reports.push(Report::Opened(opener, key));
        }
    }

    /// What was sent again gets through, or is sent again.
    pub(super) fn repeat(&mut self, now: Time, key: ChannelKey, queue: &mut Queue) {
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.repeats = false;
            self.arrive(now, key, queue);
        }
    }

    /// Delivers what is there by now.
    pub(super) fn arrive(&mut self, now: Time, key: ChannelKey, queue: &mut Queue) {
        loop {
            let Some(channel) = self.channels.get(&key) else { return };
            if channel.repeats || channel.coming.front().is_none_or(|(at, _)| *at > now) {
                return;
            }
            let pc = channel.pc;
            if self.partner(pc).is_none() {
                // A reliable channel sends again until it arrives.
                if let Some(channel) =
                    self.channels.get_mut(&key).filter(|_| self.connections.contains_key(&pc))
                {
                    channel.repeats = true;
                    self.plan(queue, now + SENT_AGAIN, Task::Repeat(key));
                }
                return;
            }
            self.deliver(key);
        }
    }

    fn deliver(&mut self, key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(&key) else { return };
        let (owner, other) = (channel.owner, channel.other);
        match channel.coming.pop_front() {
            Some((_, Parcel::End)) => {
                self.channels.remove(&key);
                return self.reports.push(Report::Closed(owner, key));
            }
            Some((_, parcel)) => self.reports.push(Report::Message(owner, key, parcel)),
            None => {}
        }
        if let Some((sender, _)) = other
            && let Some(there) = self.channels.get(&sender)
        {
            self.reports.push(Report::Drained(there.owner, sender));
        }
    }

    /// The connection is closed, and its channels with it; the other ends hear of it.
    pub(super) fn close_channels(&mut self, now: Time, pc: PcId, queue: &mut Queue) {
        let mut gone: Vec<_> =
            self.channels.iter().filter(|(_, channel)| channel.pc == pc).map(|(key, _)| *key).collect();
        gone.sort();
        for key in gone {
            let other = self.channels.remove(&key).and_then(|channel| channel.other);
            if let Some((other, its)) = other {
                self.plan(queue, now + self.timing.latency, Task::ChannelClosed(other, its));
            }
        }
    }

    pub(super) fn channel_ended(&mut self, key: ChannelKey, pc: PcId) {
        // A channel that was opened again under its key is another one.
        if self.channels.get(&key).is_some_and(|channel| channel.pc == pc)
            && let Some(channel) = self.channels.remove(&key)
        {
            self.reports.push(Report::Closed(channel.owner, key));
        }
    }
}
