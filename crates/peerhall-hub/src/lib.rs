//! The server's mind: what one shard knows about its connections, rooms and peers, and what follows
//! from what happens. No socket, no clock, no task, no lock.
//!
//! The contract, in ten lines:
//!
//! 1. One thread owns one [`Hub`]; several hubs, the shards of a node, share the work.
//! 2. Every input is a method call that carries the time ([`Now`]): a connection opened, a text came,
//!    a socket ended, another shard said something ([`Note`]), an administrator wants something.
//! 3. Inputs never fail and never wait. What shall happen is queued as [`Effect`]s, in order.
//! 4. After a batch of inputs call [`Hub::end_turn`]: it announces who came and went in that turn, so
//!    that a thousand joins cost a few frames and not a million.
//! 5. Then take the effects ([`Hub::take_effects`]) and carry them out in order, posts to other
//!    shards before any socket is written.
//! 6. Call again no later than [`Hub::deadline`] says, if only for `end_turn`.
//! 7. A connection is closed by [`Effect::Close`]; the hub has forgotten it by then.
//! 8. Notes from one shard to another arrive in order and exactly once.
//! 9. A frame is encoded once and shared by everybody who gets it.
//! 10. Apps are walls: rooms and peers live inside their app, and nothing names another one.

mod admin;
mod app;
mod config;
mod departures;
mod direct;
mod doubt;
mod effect;
mod fanout;
mod ghosts;
mod hub;
mod link;
mod members;
mod memory;
mod neighbours;
mod pairs;
mod presence;
mod rate;
mod renew;
mod requests;
mod room;
mod scope;
mod session;
mod shrink;
mod slab;
mod snapshot;
mod survey;
mod time;
mod usage;

pub use config::HubConfig;
pub use doubt::PROBE_WITHIN;
pub use effect::{ConnId, Effect, Fanout, IceRenewal, MemberChange, MemberEvent};
pub use hub::{Hub, HubStats};
pub use link::{Joiner, Note, ShardId, ShardSet};
pub use memory::LostMember;
pub use pairs::{CandidateKinds, PairFacts, Talk};
pub use session::{Client, Ended, Metadata, Opening, Renewal};
pub use survey::{CameWith, ConnectionFacts, RoomFacts, RoomPeer, Standing, Survey};
pub use time::{Now, Tick};
pub use usage::{AppUsage, UsageFigures};

#[cfg(any(test, feature = "model"))]
mod tests;

/// Lives of many clients, compared step by step with a naive reference that knows the specification
/// and nothing of the hub. For tests and fuzz targets.
#[cfg(any(test, feature = "model"))]
pub mod model {
    pub use crate::tests::model::{PEERS, ROOMS, Step, one_shard, several_shards};
}
