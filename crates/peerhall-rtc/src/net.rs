//! Sockets of one connection: host, server-reflexive and relayed addresses behind one
//! [`Network`], which is told what to send and tells what came.
//!
//! | file | its job |
//! |---|---|
//! | `network.rs` | everything behind one `next` |
//! | `ports.rs`, `port.rs`, `batch.rs` | UDP sockets, several datagrams in one call |
//! | `interfaces.rs`, `changes.rs` | addresses of the machine, now and when they change |
//! | `server.rs` | `iceServers` |

mod batch;
mod candidate;
mod changes;
mod config;
mod event;
mod interfaces;
mod network;
mod packets;
mod port;
mod ports;
pub mod server;

pub use candidate::{CandidateKind, LocalCandidate};
pub use changes::NetworkChanges;
pub use config::{Allow, Loopback, NetworkConfig, Trust};
pub use event::{NetEvent, OpenError, ServerFailure};
pub use network::Network;
pub use packets::{Datagrams, Packets};
pub use ports::NetworkCounters;
