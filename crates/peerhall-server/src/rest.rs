//! The five endpoints of the REST API, one file each. What comes here has passed rate, route and
//! authentication; what is left are the rules of the endpoint itself, in the order of section 1.3:
//! shape, reserved, action, channel, quota.

pub(crate) mod disconnect_peer;
pub(crate) mod list_peers;
pub(crate) mod mint_token;
pub(crate) mod publish;
pub(crate) mod usage;

use std::sync::Arc;

use peerhall_auth::action::Action;
use peerhall_auth::key::{AppRecord, KeyRecord};
use peerhall_proto::ids::ChannelName;
use peerhall_proto::rest::RestErrorCode;

use crate::clock::unix_ms;
use crate::http::Refusal;

/// Who calls: a secret key that has proved itself, and its app.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) key: Arc<KeyRecord>,
    pub(crate) app: Arc<AppRecord>,
}

impl Caller {
    /// Whether the key may do `action` on `channel`.
    pub(crate) fn check(&self, action: Action, channel: &ChannelName) -> Result<(), Refusal> {
        if channel.is_reserved() {
            let message = format!("channel is reserved: {channel}");
            return Err(Refusal::rest(RestErrorCode::ChannelReserved, message));
        }
        if !self.key.actions.contains(action) {
            let message = format!("action not permitted for this key: {action}");
            return Err(Refusal::rest(RestErrorCode::ActionNotPermitted, message));
        }
        // A `*` in a path is literal (decision D9).
        if !self.key.patterns.matches(channel.as_str()) {
            let message = format!("channel not covered by this key: {channel}");
            return Err(Refusal::rest(RestErrorCode::ChannelNotAuthorized, message));
        }
        Ok(())
    }
}

/// Wall clock in Unix seconds.
fn unix_secs() -> u64 {
    u64::try_from(unix_ms().div_euclid(1_000)).unwrap_or(0)
}
