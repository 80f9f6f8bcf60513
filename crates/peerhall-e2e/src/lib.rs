//! Support for tests over real sockets: a WebSocket client that can misbehave, a REST client, tokens
//! that break every rule, and servers with one or several shards.
//!
//! Everything blocks, and everything that waits has a limit: a test that hangs fails within seconds
//! and says what it was waiting for. Every frame that a [`Client`] receives is held against the rules
//! that bind all frames (see [`Frame`]), so that each test is also a test of those.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise, and so may what it stands on"
)]

pub mod client;
pub mod conformance;
pub mod dial;
pub mod foreign;
pub mod frame;
pub mod http;
pub mod native;
#[cfg(target_os = "linux")]
pub mod natlab;
pub mod relay;
pub mod server;
pub mod socket;
pub mod token;

pub use client::{Client, Ending, all_silent};
pub use dial::Dial;
pub use frame::{Frame, same_peers};
pub use http::{Response, Rest};
pub use server::{Running, on_every_shard_count, on_every_shard_count_with, start, start_with};
pub use token::{sign, unix_secs};

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What "silent" means: no frame for this long (wire protocol, section 19).
pub const SILENCE: Duration = Duration::from_millis(500);

/// How long anything may take that has no figure of its own. Far above what it does take, so that a
/// busy machine fails no test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until `probe` gives something: for what the server does some time after it was told, and says
/// nothing about. `what` names it when it does not come within `limit`.
pub fn eventually<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The time of the first try of `act` that takes less than `limit`, or else the shortest of five.
///
/// For the few figures of the contract that are times: a machine that stands still for a moment makes
/// any one try late, a server that is late is late each time.
pub fn shortest(limit: Duration, mut act: impl FnMut() -> Duration) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        shortest = shortest.min(act());
        if shortest < limit {
            break;
        }
    }
    shortest
}

/// Sets a flag when it is dropped: tells the threads beside a test that it is over, also when it fails.
#[derive(Debug)]
pub struct SetOnDrop<'a>(pub &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
