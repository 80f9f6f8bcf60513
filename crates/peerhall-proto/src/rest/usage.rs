//! `GET /v1/usage`: live and period figures of an app (REST API, section 6).

use serde::{Deserialize, Serialize};

use crate::ids::AppId;

/// How "no limit" is written.
pub const NO_LIMIT: u64 = 2_147_483_647;

/// Quotas of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Label of the configured plan.
    pub name: Option<String>,
    /// Most simultaneous connections; [`NO_LIMIT`] when none is set.
    pub max_concurrent_connections: u64,
    /// Most messages in a period; [`NO_LIMIT`] when none is set.
    pub max_messages_per_period: u64,
    /// Whether the quotas may be passed.
    pub overages_allowed: bool,
    /// Whether passing them is switched on.
    pub overages_enabled: bool,
}

/// Body of the 200 answer; every member but the last is always present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageResponse {
    /// App of the key.
    pub app_id: AppId,
    /// Start of the period, the calendar month in UTC, in Unix seconds.
    pub period_start_unix: Option<i64>,
    /// End of the period in Unix seconds.
    pub period_end_unix: Option<i64>,
    /// Live connections of the app.
    pub concurrent_now: u64,
    /// Most simultaneous connections of the period.
    pub peak_concurrent: u64,
    /// `publish` and `send` attempted in the period, dropped ones included.
    pub messages_used: u64,
    /// Messages beyond the quota while overages are on.
    pub overage_messages: u64,
    /// Connections beyond the quota while overages are on.
    pub overage_connections: u64,
    /// The quotas.
    pub plan: Plan,
    /// What the relay of the answering server has moved for the app. Not of the vendor's API; absent where
    /// that server has no relay.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub relay: Option<RelayUsage>,
}

/// What a relay has moved for an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayUsage {
    /// Bytes of payload, both directions together, since the server started.
    pub bytes: u64,
    /// Allocations that live now.
    pub allocations: u64,
}
