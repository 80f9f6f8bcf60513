//! Peer connections of native programs: WebRTC with the semantics of a browser's
//! `RTCPeerConnection`, on str0m and tokio.
//!
//! The crate knows nothing of channels or of signalling. It takes and gives the descriptions and
//! candidates of [`peerhall_proto::signal`], and whoever owns a connection carries them.
//!
//! | module | its job |
//! |---|---|
//! | `peer_connection` | the handle; every call becomes a request to the connection's task |
//! | `driver` | that task: engine, network and clock, one turn after the other |
//! | `negotiation`, `transceiver`, `sdp` | offers and answers with a browser's rules |
//! | `channel` | data channels, with backpressure both ways |
//! | `track` | media out and in, as encoded frames |
//! | [`net`] | sockets, STUN, TURN |

mod channel;
pub mod config;
mod driver;
pub mod error;
mod event;
mod negotiation;
pub mod net;
mod peer_connection;
mod sdp;
pub mod stats;
mod track;
mod transceiver;
mod wake;

pub use channel::{Channel, ChannelEvent, DataChannelInit, Message, ReadyState};
pub use config::Config;
pub use event::{CandidateKind, ConnectionState, Event, Events, IceState, SignalingState};
pub use negotiation::OfferOptions;
pub use peer_connection::{Fingerprints, PeerConnection};
pub use track::{Codec, LocalTrack, MediaKind, RemoteTrack, Sample, SenderId, WriteError};
