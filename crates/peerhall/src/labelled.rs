//! Labelled channels, streams and transfers: one channel for each label, whichever side opens it, messages of
//! any size with progress, abort, resume and proof, and streams that receivers know by their labels.
//!
//! ```no_run
//! use peerhall::labelled::Room;
//! use peerhall::{JoinOptions, MeteredPeer, PeerOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let peer = MeteredPeer::new(PeerOptions::with_key("ws://127.0.0.1:7788", "pk_live_…")?)?;
//! let room = Room::new(peer.clone());
//! room.open("files", Default::default())?;
//! peer.join("room-42", JoinOptions::default()).await?;
//! while let Some(message) = room.recv().await {
//!     println!("{} sends {:?}", message.from().id(), message.name());
//!     let bytes = message.bytes().await?;
//!     println!("{} bytes", bytes.len());
//! }
//! # Ok(()) }
//! ```
//!
//! Streams go by labels in the same way, to everybody or to one:
//!
//! ```no_run
//! use peerhall::labelled::{Room, RoomEvent, Share};
//! use peerhall::media::{AudioSource, TestPattern};
//! use peerhall::LocalStream;
//!
//! # async fn call(room: Room) -> Result<(), Box<dyn std::error::Error>> {
//! let (picture, sound) = (TestPattern::start(), AudioSource::new());
//! let tracks = [picture.track().clone(), sound.track().clone()];
//! room.share(Share::new("camera", LocalStream::new(tracks)).managed(true))?;
//! let mut events = room.events();
//! while let Some(event) = events.next().await {
//!     if let RoomEvent::StreamAdded { peer, label, .. } = event {
//!         println!("{} shares {label}", peer.id());
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! What is decided is decided in `peerhall-labelled`, and for streams in `peerhall-core`; this module gives
//! them channels, a clock, tracks and files.
//!
//! Against the layer in browsers: a share has no wishes for its encoding, because a program encodes itself;
//! `managed` stops a [`LocalTrack`](crate::LocalTrack) for good, which its source learns of; streams that a
//! lost connection took along are told as removed before they are added again.

mod body;
mod error;
mod feed;
mod incoming;
mod payload;
mod room;
mod room_event;
mod room_peer;
mod share;
mod streams;
#[cfg(test)]
mod tests;
mod transfer;

pub use blake3::Hasher;
pub use error::{ReceiveError, SendError, TransferError};
pub use incoming::Incoming;
pub use payload::{Payload, SendOptions};
pub use peerhall_labelled::{
    ChannelChange, ChannelOptions, Config, ContentId, CutOff, FileCode, Kind, Progress, Proof, Receipt,
    Speaker, Way, safe_file_name,
};
pub use room::{Broadcast, BroadcastError, Room};
pub use room_event::RoomEvent;
pub use room_peer::RoomPeer;
pub use share::{Share, ShareError};
pub use streams::ConnectionState;
pub use transfer::Transfer;

pub(crate) use room::Inner as Layer;
pub(crate) use room_event::News;
