//! Sockets of one connection: host, server-reflexive and relayed addresses behind one
//! [`Network`], which is told what to send and tells what came.
//!
//! | file | its job |
//! |---|---|
//! | `network.rs` | everything behind one `next` |
//! | `ports.rs`, `port.rs`, `batch.rs` | UDP sockets, several datagrams in one call |
//! | `interfaces.rs`, `changes.rs` | addresses of the machine, now and when they change |
//! | `server.rs` | `iceServers` |
//! | `mdns.rs` | names that browsers give instead of addresses |
//! | `stun.rs`, `turn.rs` | the protocols, without sockets and without a clock |
//! | `relay.rs`, `opening.rs`, `stream.rs`, `tls.rs` | the way to a TURN server |

mod batch;
mod candidate;
mod changes;
mod config;
mod event;
mod interfaces;
pub mod mdns;
mod network;
mod opening;
mod packets;
mod port;
mod ports;
mod relay;
pub mod server;
mod stream;
mod stun;
mod timer;
mod tls;
mod turn;

pub use candidate::{CandidateKind, LocalCandidate};
pub use changes::NetworkChanges;
pub use config::{Allow, Loopback, NetworkConfig, Offload, Trust};
pub use event::{NetEvent, OpenError, ServerFailure};
pub use network::Network;
pub use packets::{Datagrams, Packets};
pub use ports::NetworkCounters;
