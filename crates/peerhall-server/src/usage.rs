//! The counters of every app of this node, and what of them has been stored already.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use peerhall_hub::{AppUsage, UsageFigures};
use peerhall_proto::ids::AppId;

use crate::store::Usage;

/// Counters by app. Shards ask once per connection; everything after that is an atomic.
#[derive(Debug, Default)]
pub(crate) struct UsageBook {
    apps: RwLock<HashMap<AppId, Arc<AppUsage>>>,
}

impl UsageBook {
    /// The counters of an app, made when it has none yet.
    pub(crate) fn of(&self, app: &AppId) -> Arc<AppUsage> {
        if let Some(usage) = self.apps.read().unwrap_or_else(PoisonError::into_inner).get(app) {
            return usage.clone();
        }
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        apps.entry(app.clone()).or_default().clone()
    }

    /// Sets the counters of an app to where an earlier run of this period had left them.
    pub(crate) fn resume(&self, app: &AppId, earlier: Usage) {
        let figures = UsageFigures {
            concurrent: 0,
            peak: earlier.peak_concurrent,
            messages: earlier.messages,
            overage_messages: earlier.overage_messages,
            overage_connections: earlier.overage_connections,
        };
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        apps.insert(app.clone(), Arc::new(AppUsage::resumed(figures)));
    }

    /// The figures of every app.
    pub(crate) fn figures(&self) -> Vec<(AppId, UsageFigures)> {
        let apps = self.apps.read().unwrap_or_else(PoisonError::into_inner);
        apps.iter().map(|(app, usage)| (app.clone(), usage.figures())).collect()
    }

    /// Starts a new period for every app.
    pub(crate) fn start_period(&self) {
        for usage in self.apps.read().unwrap_or_else(PoisonError::into_inner).values() {
            usage.start_period();
        }
    }
}
