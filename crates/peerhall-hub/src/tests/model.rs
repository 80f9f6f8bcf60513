//! Random lives of many clients, compared step by step with a naive reference (`reference.rs`) that
//! knows the specification and nothing of the hub. What a client can know by itself is kept by its
//! witness (`witness.rs`).

mod exact;
#[cfg(test)]
mod random;
mod reference;
mod spread;
mod witness;

/// Names of the rooms; the last one is a pattern that matches the first two.
pub const ROOMS: [&str; 4] = ["r1", "r2", "hall", "r*"];

/// Ids of the peers. Each may have several connections.
pub const PEERS: [&str; 5] = ["ann", "bob", "cat", "dan", "eve"];

/// One thing that happens. `who` counts the connections that are open at that moment, round and round;
/// `room`, `peer` and `to` are places in [`ROOMS`] and [`PEERS`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are explained above, the rest by their names")]
pub enum Step {
    /// A connection is opened.
    Connect { peer: usize, shard: usize, ours: bool, visible: bool },
    /// A client subscribes to a room or to the pattern.
    Subscribe { who: usize, room: usize },
    /// A client unsubscribes, whether it holds the room or not.
    Unsubscribe { who: usize, room: usize },
    /// A client publishes in a room.
    Publish { who: usize, room: usize },
    /// A client sends a direct to a peer.
    Send { who: usize, to: usize },
    /// A socket breaks.
    Lose { who: usize },
    /// A client says goodbye.
    Close { who: usize },
    /// An administrator disconnects a peer.
    Kick { peer: usize },
    /// Time passes.
    Advance { ms: u64 },
    /// With several shards: so many notes arrive.
    Notes { count: usize },
    /// With several shards: everything arrives, and the views are compared.
    Settle,
}

/// Lives through the steps on one shard, where every client has to hear exactly what the reference
/// says. The flag of a step is whether a turn ends after it: what comes between two ends is one batch.
///
/// # Panics
///
/// At the first difference.
pub fn one_shard(life: &[(Step, bool)]) {
    exact::run(life);
}

/// Lives through the steps on 2 to 3 shards whose notes arrive late, in an order that `seed` decides:
/// nobody may hear anything wrong, and when all notes have arrived everybody knows everything.
///
/// # Panics
///
/// At the first difference.
pub fn several_shards(life: &[(Step, bool)], shards: usize, seed: u64) {
    spread::run(life, shards, seed);
}
