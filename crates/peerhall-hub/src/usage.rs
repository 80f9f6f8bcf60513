//! Counters of one app, shared by all shards of a node and read by REST and storage.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use peerhall_auth::key::AppRecord;

/// Live and period figures of an app (REST API, section 6). All counts are of this node.
#[derive(Debug, Default)]
pub struct AppUsage {
    concurrent: AtomicU64,
    peak: AtomicU64,
    messages: AtomicU64,
    overage_messages: AtomicU64,
    overage_connections: AtomicU64,
}

/// The period counters of an app at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageFigures {
    /// Live connections.
    pub concurrent: u64,
    /// Most simultaneous connections of the period.
    pub peak: u64,
    /// `publish` and `send` attempted, dropped ones included.
    pub messages: u64,
    /// Messages beyond the quota while overages are on.
    pub overage_messages: u64,
    /// Connections beyond the quota while overages are on.
    pub overage_connections: u64,
}

impl AppUsage {
    /// Counters that go on from what an earlier run had counted in this period.
    #[must_use]
    pub fn resumed(earlier: UsageFigures) -> Self {
        Self {
            concurrent: AtomicU64::new(0),
            peak: AtomicU64::new(earlier.peak),
            messages: AtomicU64::new(earlier.messages),
            overage_messages: AtomicU64::new(earlier.overage_messages),
            overage_connections: AtomicU64::new(earlier.overage_connections),
        }
    }

    /// The figures now.
    #[must_use]
    pub fn figures(&self) -> UsageFigures {
        UsageFigures {
            concurrent: self.concurrent.load(Relaxed),
            peak: self.peak.load(Relaxed),
            messages: self.messages.load(Relaxed),
            overage_messages: self.overage_messages.load(Relaxed),
            overage_connections: self.overage_connections.load(Relaxed),
        }
    }

    /// Starts a new period: counters go to zero, the peak to what is connected now.
    pub fn start_period(&self) {
        self.peak.store(self.concurrent.load(Relaxed), Relaxed);
        self.messages.store(0, Relaxed);
        self.overage_messages.store(0, Relaxed);
        self.overage_connections.store(0, Relaxed);
    }

    /// Counts a new connection, unless the quota forbids it.
    pub(crate) fn connect(&self, plan: &AppRecord) -> bool {
        let count = self.concurrent.fetch_add(1, Relaxed) + 1;
        let over = plan.max_connections.is_some_and(|max| count > u64::from(max));
        if over && !plan.overages {
            self.concurrent.fetch_sub(1, Relaxed);
            return false;
        }
        if over {
            self.overage_connections.fetch_add(1, Relaxed);
        }
        self.peak.fetch_max(count, Relaxed);
        true
    }

    pub(crate) fn disconnect(&self) {
        self.concurrent.fetch_sub(1, Relaxed);
    }

    /// Counts a message attempt and says whether the quota allows it.
    pub fn message(&self, plan: &AppRecord) -> bool {
        let count = self.messages.fetch_add(1, Relaxed) + 1;
        let over = plan.max_messages_per_period.is_some_and(|max| count > max);
        if over && plan.overages {
            self.overage_messages.fetch_add(1, Relaxed);
        }
        !over || plan.overages
    }
}
