//! Pretend data channels: reliable, ordered, and as slow as media is.

use std::time::Duration;

use peerhall_core::{ChannelKey, LinkId, RtcInput, RtcState, Time};

use super::{PcId, Report, Task, World};
use crate::actor::ActorId;
use crate::events::Queue;

/// One end of a data channel.
#[derive(Debug)]
pub(super) struct Channel {
    owner: ActorId,
    pc: PcId,
    label: String,
    /// The other end, once it is open.
    other: Option<(ChannelKey, PcId)>,
}

impl World {
    /// `createDataChannel`; under a new key, or again under one that was given before.
    pub(crate) fn open_channel(
        &mut self,
        now: Time,
        actor: ActorId,
        link: LinkId,
        key: ChannelKey,
        label: &str,
        queue: &mut Queue,
    ) {
        let Some(pc) = self.by_link.get(&(actor, link)).copied() else { return };
        if let Some(connection) = self.connections.get_mut(&pc) {
            connection.wants_data = true;
            self.channels.insert(key, Channel { owner: actor, pc, label: label.to_owned(), other: None });
            self.plan(queue, now, Task::Negotiate(pc));
            self.plan(queue, now, Task::Channels(pc));
        }
    }

    /// Sends on an open channel; tells whether it is open.
    pub(crate) fn send_on(&mut self, now: Time, key: ChannelKey, text: &str, queue: &mut Queue) -> bool {
        let Some((other, _)) = self.channels.get(&key).and_then(|channel| channel.other) else {
            return false;
        };
        let at = now + self.timing.latency;
        self.plan(queue, at, Task::Message(other, text.to_owned()));
        true
    }

    /// The label of a channel.
    pub(crate) fn label(&self, key: ChannelKey) -> Option<&str> {
        self.channels.get(&key).map(|channel| &*channel.label)
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
            .map(|(key, channel)| (*key, channel.owner, channel.label.clone()))
            .collect();
        waiting.sort();
        for (key, opener, label) in waiting {
            let other = ChannelKey(self.new_key());
            self.channels.insert(other, Channel { owner, pc: there, label, other: Some((key, here)) });
            if let Some(channel) = self.channels.get_mut(&key) {
                channel.other = Some((other, there));
            }
            self.report(there, RtcInput::DataChannel(other));
            self.reports.push(Report::Opened(owner, other));
            self.reports.push(Report::Opened(opener, key));
        }
    }

    pub(super) fn deliver(&mut self, now: Time, key: ChannelKey, text: String, queue: &mut Queue) {
        let Some(channel) = self.channels.get(&key) else { return };
        if self.partner(channel.pc).is_some() {
            self.reports.push(Report::Message(channel.owner, key, text));
        } else if self.connections.contains_key(&channel.pc) {
            // A reliable channel sends again until it arrives.
            self.plan(queue, now + Duration::from_secs(1), Task::Message(key, text));
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
