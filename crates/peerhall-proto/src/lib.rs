//! What travels between Peerhall servers and clients, and nothing that moves it: no I/O, no clock,
//! no randomness. Server, SDK, golden files and fuzz targets all use these definitions.
//!
//! | from the client | from the server | between peers, inside `data` | REST |
//! |---|---|---|---|
//! | `subscribe`, `unsubscribe`, `publish`, `send`, `ping`: [`frame::client`] | `welcome`, `ack`, `error`, `message`, `direct`, `presence`, `going_away`, `pong`: [`frame::server`] | descriptions, candidates, track metadata: [`signal`] | [`rest`] |
//!
//! Names are checked where they are made ([`ids`]), caps stand in one place ([`limits`]), and what
//! can go wrong has a code ([`code`]). Peer connections have their words in [`connection`]. The payload `data` is borrowed raw JSON and is never rebuilt.

pub mod code;
pub mod connection;
pub mod files;
pub mod frame;
pub mod ids;
pub mod json;
pub mod limits;
pub mod rest;
pub mod signal;
