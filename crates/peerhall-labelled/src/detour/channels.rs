//! The channels of the present stay, for the session: what it does on them, and what happens on them.

use std::time::Duration;

use bytes::Bytes;

use super::stay::Stay;
use super::{Detour, Record, State, Turn};
use crate::error::CutOff;
use crate::event::ChannelId;

impl Detour {
    /// The next thing that happens on a channel.
    pub(crate) fn next_record(&mut self) -> Result<Option<Record>, CutOff> {
        Ok(self.stay().map_or(Ok(None), Stay::next_record)?)
    }

    /// The next channel of this side that can be used, with its line.
    pub(crate) fn next_opened(&mut self) -> Option<(ChannelId, u16)> {
        self.stay()?.next_opened()
    }

    /// This side makes a channel.
    pub(crate) fn create(&mut self, now: Duration, channel: ChannelId, label: &str) -> Turn {
        match self.stay().map(|stay| stay.create(channel, label)) {
            Some(false) => self.begin_anew(now),
            Some(true) | None => Turn::Stay,
        }
    }

    /// The other side has made a channel.
    pub(crate) fn add_line(&mut self, channel: ChannelId, line: u16) {
        if let Some(stay) = self.stay() {
            stay.add_line(channel, line);
        }
    }

    pub(crate) fn send(&mut self, channel: ChannelId, bytes: Bytes) {
        if let Some(stay) = self.stay() {
            stay.send(channel, bytes);
        }
    }

    pub(crate) fn close(&mut self, channel: ChannelId) {
        if let Some(stay) = self.stay() {
            stay.close(channel);
        }
    }

    /// The channel of a line.
    pub(crate) fn channel(&mut self, line: u16) -> Option<ChannelId> {
        self.stay()?.channel(line)
    }

    /// The other side has closed a channel.
    pub(crate) fn forget(&mut self, channel: ChannelId) {
        if let Some(stay) = self.stay() {
            stay.forget(channel);
        }
    }

    /// Bytes of a channel that wait here.
    pub(crate) fn queued(&self, channel: ChannelId) -> usize {
        match &self.state {
            State::Together { stay, .. } => stay.queued(channel),
            State::Idle | State::Asking { .. } => 0,
        }
    }
}
