//! The server's body: sockets, threads, storage and REST around the hub. It decides nothing about
//! the protocol; `peerhall-hub` does.
//!
//! The trip of a frame through the server:
//!
//! 1. `shard/accept.rs`: a shard accepts the socket and puts it into its table.
//! 2. `shard/receive.rs`: the shard reads; `ws/handshake.rs` parses the upgrade request, and
//!    `admission.rs` turns its credential into what the connection may do. Any other HTTP request
//!    leaves for the HTTP plane (`handover.rs`, `http.rs`).
//! 3. `shard/receive.rs`: `ws/decode.rs` finds a text message in the shard's read buffer.
//! 4. `peerhall-hub`: the message becomes effects.
//! 5. `shard.rs`: effects are carried out; notes for other shards go through `exchange.rs`.
//! 6. `outbox.rs`: every connection with something to say is written once at the end of the turn.

mod addresses;
mod admission;
mod clock;
pub mod cluster;
pub mod config;
mod control;
mod exchange;
mod failpoint;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handover;
mod http;
mod ice;
mod member_log;
mod metrics;
mod outbox;
mod prometheus;
mod rest;
mod server;
mod shard;
mod storage;
pub mod store;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
mod timers;
mod tls;
mod turn;
mod usage;
pub mod ws;

pub use config::Config;
pub use http::DevInfo;
pub use server::{Server, StartError};
pub use tls::TlsError;
