//! Peer connections of native programs: WebRTC with the semantics of a browser's
//! `RTCPeerConnection`, on str0m and tokio.
//!
//! The crate knows nothing of channels or of signalling. It takes and gives the descriptions and
//! candidates of [`peerhall_proto::signal`], and whoever owns a connection carries them.

pub mod config;
pub mod net;
