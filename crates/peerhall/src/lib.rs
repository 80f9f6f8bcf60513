//! Realtime for Rust programs: join a channel, peers appear, media and data flow, and everything survives
//! a lost network.
//!
//! ```no_run
//! use peerhall::{JoinOptions, MeteredPeer, PeerEvent, PeerOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let peer = MeteredPeer::new(PeerOptions::with_key("ws://127.0.0.1:7788", "pk_live_…")?)?;
//! let mut events = peer.events();
//! peer.join("room-42", JoinOptions::default()).await?;
//! while let Some(event) = events.next().await {
//!     match event {
//!         PeerEvent::PeerJoined(remote) => remote.send("hello").await?,
//!         PeerEvent::Data(message) => println!("{}: {}", message.sender, message.data),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! | to | use |
//! |---|---|
//! | be one of several who talk, see or hear each other | [`MeteredPeer`] and its [`RemotePeer`]s |
//! | publish and subscribe without peer connections | [`SignallingClient`] |
//! | move data from peer to peer | [`RemotePeer::open_channel`], [`RemotePeer::transfer`]; without labels [`RemotePeer::open_data_channel`] |
//! | send messages and files of any size, by label | [`labelled`] |
//! | send and receive media | [`media`](mod@media), [`LocalTrack`], [`RemoteTrack`] |
//!
//! What happens is told by streams ([`Events`]), of which there may be several for one thing. What is
//! decided is decided in `peerhall-core`; this crate gives it sockets, a clock and connections.

mod data_channel;
mod driver;
mod error;
pub mod event;
mod events;
pub mod labelled;
pub mod media;
mod metadata;
mod metered_peer;
mod options;
mod remote_peer;
mod signalling_client;

pub use data_channel::{DataChannel, DataChannelEvent, DataChannelOptions};
pub use error::{
    ConfigError, ConnectError, DataChannelError, ErrorInfo, JoinError, LinkClosed, NameError,
    OpenChannelError, PayloadError, PeerSendError, PublishError, ReplaceError, ReplaceTrackError,
    RequestError, SendError, SetupError, StateError, UrlError,
};
pub use event::{ClientEvent, PeerData, PeerEvent, RemoteEvent, StateChange};
pub use events::{EVENT_QUEUE, Events};
pub use media::{LocalStream, RemoteStream};
pub use metadata::StreamMetadata;
pub use metered_peer::{MeteredPeer, PeerOptions};
pub use options::{BoxError, SignallingOptions, TokenProvider};
pub use peerhall_core::{
    CloseCode, DataKind, ErrorCode, IceServer, JoinOptions, Path, PeerState, Quality, ReconnectOptions,
    RemoteState, SignallingState, SubscribeOptions, TransportPolicy, Unreachable, read_ice_servers,
};
pub use peerhall_rtc::stats::Stats;
pub use peerhall_rtc::{
    Channel, Codec, DataChannelInit, Fingerprints, LocalTrack, MediaKind, Message, PeerConnection,
    ReadyState, RemoteTrack, Sample,
};
pub use remote_peer::RemotePeer;
pub use signalling_client::SignallingClient;
