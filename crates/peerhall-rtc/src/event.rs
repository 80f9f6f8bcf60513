//! What a connection tells its owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use peerhall_proto::connection::{ConnectionState, IceState};
use peerhall_proto::signal::Candidate;
use tokio::sync::mpsc;

use crate::channel::Channel;
use crate::track::RemoteTrack;

/// Where a negotiation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalingState {
    /// Nothing is pending.
    Stable,
    /// Our offer waits for an answer.
    HaveLocalOffer,
    /// The remote's offer waits for our answer.
    HaveRemoteOffer,
    /// The connection is closed.
    Closed,
}

/// Where the address at one end of a path comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// An address of the machine.
    Host,
    /// What a STUN server sees of such an address.
    ServerReflexive,
    /// What the other peer sees of such an address.
    PeerReflexive,
    /// An address of a relay.
    Relayed,
}

/// What happened on a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Something waits for an offer of ours: a track was added or removed, the first data channel was
    /// created, an ICE restart is due. Comes once for all changes of a turn, in the stable state
    /// only, and again after a negotiation that left something out.
    NegotiationNeeded,
    /// A candidate for the remote, or `None` when there are no more for now.
    LocalCandidate(Option<Candidate>),
    /// The negotiation moved on.
    SignalingState(SignalingState),
    /// The connection moved on.
    ConnectionState(ConnectionState),
    /// The path moved on.
    IceState(IceState),
    /// The remote sends a track, or sends a removed one again.
    Track(RemoteTrack),
    /// The remote no longer sends the track with this id.
    TrackRemoved {
        /// Section that it travelled in.
        mid: String,
        /// Id of the track.
        track: String,
        /// Streams that it belonged to.
        streams: Vec<String>,
    },
    /// The remote opened a data channel.
    DataChannel(Channel),
    /// A path was chosen.
    SelectedPair {
        /// This end of it.
        local: CandidateKind,
        /// The other end.
        remote: CandidateKind,
    },
    /// Addresses of this machine came or went, which is worth an ICE restart at once. New candidates
    /// follow by themselves.
    NetworkChanged,
}

/// Most events that wait for the owner. An owner that leaves more unread has lost interest: the
/// connection closes rather than grow.
pub(crate) const MAX_WAITING: usize = 1024;

/// The events of one connection, in order.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<Event>,
    /// Whether the last [`Event::NegotiationNeeded`] still holds.
    needed: Arc<AtomicBool>,
}

impl Events {
    pub(crate) fn new(queue: mpsc::Receiver<Event>, needed: Arc<AtomicBool>) -> Self {
        Self { queue, needed }
    }

    /// The next event, or `None` when the connection has ended. A
    /// [`NegotiationNeeded`](Event::NegotiationNeeded) that a description has overtaken is left out.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.queue.recv().await {
                Some(Event::NegotiationNeeded) if !self.needed.swap(false, Ordering::AcqRel) => {}
                other => return other,
            }
        }
    }
}
