//! The channels that a client holds, and what is left to do to hold them again after a reconnect
//! (sdk-behaviour, section 3.10).

use std::time::Duration;

use crate::ids::ChannelName;
use crate::time::{Time, earlier};

/// Times that a failed subscription is tried again on one connection.
pub const REPLAY_RETRIES: u32 = 3;

/// How long to wait before.
pub const REPLAY_DELAY: Duration = Duration::from_secs(2);

/// What a subscription was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubscribeOptions {
    /// Whether messages carry their senders' `peerMetadata`. Default: no.
    pub include_sender_metadata: bool,
}

/// Channels in the order in which they were subscribed first.
#[derive(Debug, Default)]
pub(super) struct Channels {
    held: Vec<(ChannelName, SubscribeOptions)>,
    retries: Vec<Retry>,
}

#[derive(Debug)]
struct Retry {
    channel: ChannelName,
    tries: u32,
    at: Time,
}

impl Channels {
    /// Holds a channel; the latest options win. Tells whether it was held before.
    pub(super) fn hold(&mut self, channel: &ChannelName, options: SubscribeOptions) -> bool {
        match self.held.iter_mut().find(|(held, _)| held == channel) {
            Some((_, present)) => {
                *present = options;
                true
            }
            None => {
                self.held.push((channel.clone(), options));
                false
            }
        }
    }

    /// Lets a channel go, and with it what was left to do for it.
    pub(super) fn let_go(&mut self, channel: &ChannelName) {
        self.held.retain(|(held, _)| held != channel);
        self.retries.retain(|retry| retry.channel != *channel);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn held(&self) -> Vec<ChannelName> {
        self.held.iter().map(|(channel, _)| channel.clone()).collect()
    }

    pub(super) fn options(&self, channel: &ChannelName) -> Option<SubscribeOptions> {
        self.held.iter().find(|(held, _)| held == channel).map(|(_, options)| *options)
    }

    /// A replay failed for the `tries`-th time: tries again later, unless that was the last time.
    pub(super) fn retry_later(&mut self, now: Time, channel: ChannelName, tries: u32) {
        if tries <= REPLAY_RETRIES && self.options(&channel).is_some() {
            self.retries.push(Retry { channel, tries, at: now + REPLAY_DELAY });
        }
    }

    /// The connection ended, and its retries with it.
    pub(super) fn forget_retries(&mut self) {
        self.retries.clear();
    }

    /// A retry whose moment has come, with the number of tries before it.
    pub(super) fn due(&mut self, now: Time) -> Option<(ChannelName, u32)> {
        let index = self.retries.iter().position(|retry| now >= retry.at)?;
        let retry = self.retries.remove(index);
        Some((retry.channel, retry.tries))
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.retries.iter().fold(None, |first, retry| earlier(first, Some(retry.at)))
    }
}
