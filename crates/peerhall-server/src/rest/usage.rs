//! `GET /v1/usage`: live and period figures of the key's app (REST API, section 6). Works for a
//! suspended app too.

use peerhall_auth::key::AppRecord;
use peerhall_proto::rest::usage::{NO_LIMIT, Plan, RelayUsage, UsageResponse};
use peerhall_turn::{Handle, Usage};

use super::{Caller, unix_secs};
use crate::control::Control;
use crate::store::Period;

pub(crate) fn answer(control: &Control, relay: Option<&Handle>, caller: &Caller) -> UsageResponse {
    let figures = control.usage(&caller.app.id).figures();
    let period = Period::containing(unix_secs());
    UsageResponse {
        app_id: caller.app.id.clone(),
        period_start_unix: i64::try_from(period.start).ok(),
        period_end_unix: i64::try_from(period.end).ok(),
        concurrent_now: figures.concurrent,
        peak_concurrent: figures.peak,
        messages_used: figures.messages,
        overage_messages: figures.overage_messages,
        overage_connections: figures.overage_connections,
        plan: plan(&caller.app),
        relay: relay.map(|relay| relayed(relay, caller)),
    }
}

fn relayed(relay: &Handle, caller: &Caller) -> RelayUsage {
    let apps = relay.apps();
    let app = apps.iter().find(|usage| usage.app == caller.app.id);
    RelayUsage {
        bytes: app.map_or(0, Usage::bytes),
        allocations: app.map_or(0, |app| app.doors.iter().copied().map(u64::from).sum()),
    }
}

fn plan(app: &AppRecord) -> Plan {
    let has_quota = app.max_connections.is_some() || app.max_messages_per_period.is_some();
    let overages = !has_quota || app.overages;
    Plan {
        name: Some(app.plan_name.clone()),
        max_concurrent_connections: app.max_connections.map_or(NO_LIMIT, u64::from),
        max_messages_per_period: app.max_messages_per_period.unwrap_or(NO_LIMIT),
        overages_allowed: overages,
        overages_enabled: overages,
    }
}
