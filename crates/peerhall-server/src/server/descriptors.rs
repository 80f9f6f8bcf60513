//! Which part of the server may hold how many sockets.

use crate::config::Config;

/// Most HTTP requests that are served at the same time.
const MAX_HTTP: usize = 1_024;

/// Descriptors for the store, the logs, listeners and event queues.
const SPARE: usize = 128;

/// How many sockets each part of the server may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptors {
    pub(super) websockets: usize,
    pub(super) http: usize,
    /// Relay ports and connections to the relay.
    pub(super) relay: usize,
}

impl Descriptors {
    /// Shares out what the process may open; the soft limit is lifted to the hard one. `relay` is what the
    /// relay would use up.
    pub(super) fn of(config: &Config, relay: usize) -> Self {
        let allowed = rlimit::increase_nofile_limit(u64::MAX)
            .ok()
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(1_024);
        Self::share(allowed, config.limits.max_connections.map(std::num::NonZeroUsize::get), relay)
    }

    /// A quarter, at most 1,024 + 128, is kept for HTTP requests, the store and the logs, and another quarter
    /// for the relay, if it wants so many. Everybody else is a WebSocket.
    fn share(allowed: usize, max_connections: Option<usize>, relay: usize) -> Self {
        let reserved = (allowed / 4).min(MAX_HTTP + SPARE);
        let relay = (allowed / 4).min(relay);
        let most = allowed.saturating_sub(reserved).saturating_sub(relay).max(1);
        let websockets = max_connections.unwrap_or(most).min(most);
        Self { websockets, http: (reserved / 2).clamp(1, MAX_HTTP), relay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_together_never_hold_more_than_the_process_may_open() {
        for allowed in [64, 256, 1_024, 4_096, 20_000, 65_536, 1_048_576] {
            for relay in [0, 100, 24_576] {
                for wanted in [None, Some(10), Some(10_000_000)] {
                    let share = Descriptors::share(allowed, wanted, relay);
                    let Descriptors { websockets, http, relay: relayed } = share;
                    assert!(websockets + http + relayed < allowed, "{allowed}: {share:?}");
                    assert!(relayed <= relay && websockets > 0 && http > 0, "{share:?}");
                }
            }
        }
    }

    #[test]
    fn a_relay_that_is_off_takes_nothing_and_one_that_is_on_no_more_than_it_wants() {
        let websockets = |relay| Descriptors::share(20_000, None, relay).websockets;
        assert_eq!(websockets(0), 20_000 - 1_152);
        assert_eq!(websockets(2_000), 20_000 - 1_152 - 2_000);
        assert_eq!(websockets(24_576), 20_000 - 1_152 - 5_000);
    }
}
