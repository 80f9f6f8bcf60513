//! Labelled channels and transfers: one channel for each label, whichever side opens it, and messages of any
//! size with progress, abort, resume and proof.
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
//! What is decided is decided in `peerhall-labelled`; this module gives it channels, a clock and files.

mod body;
mod error;
mod feed;
mod incoming;
mod payload;
mod room;
mod room_peer;
#[cfg(test)]
mod tests;
mod transfer;

pub use blake3::Hasher;
pub use error::{ReceiveError, SendError, TransferError};
pub use incoming::Incoming;
pub use payload::{Payload, SendOptions};
pub use peerhall_labelled::{
    ChannelChange, ChannelOptions, Config, ContentId, CutOff, FileCode, Kind, Progress, Proof, Receipt,
    Speaker, safe_file_name,
};
pub use room::{Broadcast, BroadcastError, Room, RoomEvent};
pub use room_peer::RoomPeer;
pub use transfer::Transfer;

pub(crate) use room::News;
