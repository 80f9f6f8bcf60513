//! Shapes of the REST control plane, one endpoint a file (REST API).

use serde::{Deserialize, Serialize};

pub mod disconnect_peer;
pub mod list_peers;
pub mod mint_token;
pub mod publish;
pub mod usage;

/// The stable half of a REST error (REST API, section 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestErrorCode {
    /// 400 or 413: the request breaks a rule.
    InvalidRequest,
    /// 400: the channel belongs to the server.
    ChannelReserved,
    /// 401: no good credential.
    Unauthorized,
    /// 403: the channel lies outside the key.
    ChannelNotAuthorized,
    /// 403: the key lacks the action.
    ActionNotPermitted,
    /// 403: the app is suspended.
    AccountSuspended,
    /// 404: no such path, or not with this method.
    NotFound,
    /// 429: the app has used up its messages of this period.
    OverMessageQuota,
    /// 503: a passing fault of the server.
    InternalError,
    /// 507: the disk under the data folder takes no more.
    StorageFull,
}

impl RestErrorCode {
    /// The HTTP status that goes with the code. A body over the limit is the one exception: it is
    /// [`Self::InvalidRequest`] with 413.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::ChannelReserved => 400,
            Self::Unauthorized => 401,
            Self::ChannelNotAuthorized | Self::ActionNotPermitted | Self::AccountSuspended => 403,
            Self::NotFound => 404,
            Self::OverMessageQuota => 429,
            Self::InternalError => 503,
            Self::StorageFull => 507,
        }
    }
}

/// Body of every REST error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestError {
    /// The contract.
    pub error: RestErrorCode,
    /// For people; may change.
    pub message: String,
}
