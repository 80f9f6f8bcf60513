//! The echo that conformance suites talk to: a shard that leaves its hub out.

use peerhall_hub::{ConnId, Now};

use super::Shard;
use crate::ws::decode::Incoming;
use crate::ws::encode;

impl Shard {
    /// Whether messages go back to their sender instead of to the hub.
    #[cfg(feature = "testing")]
    pub(super) fn echoes(&self) -> bool {
        self.admission.config.duty == crate::config::Duty::Echo
    }

    /// Never, outside tests.
    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "with the feature `testing` it is asked")]
    pub(super) const fn echoes(&self) -> bool {
        false
    }

    /// Sends a text or binary message back.
    pub(super) fn echo(&mut self, conn: ConnId, message: &Incoming<'_>, now: Now) {
        let mut frame = Vec::new();
        match message {
            Incoming::Text(text) => encode::push_text(&mut frame, text),
            Incoming::Binary(payload) => encode::push_binary(&mut frame, payload),
            Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close { .. } => return,
        }
        self.reply(conn, &frame, now);
    }
}
