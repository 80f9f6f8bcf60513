//! Several nodes as one server. A node's shards tell the shards of the other nodes what they tell
//! each other ([`Note`]s); a [`Bus`] carries it. Only this module knows that there are other nodes.
//!
//! A bus may lose messages and whole nodes. Notes are numbered therefore: whoever misses one asks the
//! sender to begin again, and its shards tell everything anew ([`Note::Begin`]). A node that has been
//! silent for [`Timing::down_after`] is given up, and its peers count as lost.

use std::fmt;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use peerhall_hub::{Metadata, Note};
use peerhall_proto::ids::{AppId, ChannelName, PeerId};

use crate::exchange::OutsideMessage;

mod bridge;
mod memory;
mod remote;

pub(crate) use bridge::{Bridge, Outgoing, ToBridge};
pub use memory::MemoryBus;

/// One run of one server: a restart makes a new node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u64);

impl NodeId {
    /// A node with this number, which no other node of the cluster may have. The server draws it at
    /// random.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Who gets a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// Every other node.
    Everybody,
    /// One node.
    Node(NodeId),
}

/// What carries parcels between nodes. Parcels of one sender to one receiver keep their order; they may
/// get lost, but not doubled. Sending never blocks.
pub trait Bus: Send + Sync + fmt::Debug + 'static {
    /// Joins: from now on parcels for `node` go into `inbox`.
    fn join(&self, node: NodeId, inbox: Inbox);

    /// Sends a parcel. One that cannot be delivered is lost.
    fn send(&self, from: NodeId, to: Address, parcel: &Arc<Parcel>);

    /// Leaves: no more parcels for `node`.
    fn leave(&self, node: NodeId);
}

/// Where a bus puts what it brings to one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Inbox(pub(crate) mpsc::Sender<ToBridge>);

impl Inbox {
    /// Delivers a parcel.
    pub fn deliver(&self, from: NodeId, parcel: Arc<Parcel>) {
        // The node is ending when nobody takes it.
        let _ = self.0.send(ToBridge::Parcel(from, parcel));
    }
}

/// One thing that nodes tell each other. What is in it is the nodes' own business.
#[derive(Debug)]
pub struct Parcel(pub(crate) Content);

/// What is in a parcel.
#[derive(Debug)]
pub(crate) enum Content {
    /// The node lives, and has that many shards.
    Alive { shards: usize },
    /// So many notes have been sent to the receiver: it sees whether the last one got lost.
    Sent { notes: u64 },
    /// The node stops.
    Bye,
    /// A note of one of its shards for some of the receiver's.
    Note { number: u64, from: usize, to: Vec<usize>, note: Arc<Note> },
    /// A note of the receiver was lost: it has to begin again.
    Again,
    /// A question of the REST plane.
    Ask { question: u64, ask: RemoteAsk },
    /// The answer to it.
    Answer { question: u64, answer: RemoteAnswer },
}

/// What the REST plane asks of other nodes.
#[derive(Debug, Clone)]
pub(crate) enum RemoteAsk {
    /// Hand a message to the members there.
    Publish(Arc<OutsideMessage>),
    /// Close a peer's connections there.
    Kick(AppId, PeerId),
    /// List the visible members of a channel there.
    List(AppId, ChannelName),
}

/// What another node answers.
#[derive(Debug, Clone)]
pub(crate) enum RemoteAnswer {
    /// How many connections were reached or closed.
    Count(usize),
    /// The members.
    Members(Vec<(PeerId, Option<Metadata>)>),
}

impl RemoteAnswer {
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Count(count) => *count,
            Self::Members(members) => members.len(),
        }
    }

    pub(crate) fn members(self) -> Option<Vec<(PeerId, Option<Metadata>)>> {
        match self {
            Self::Members(members) => Some(members),
            Self::Count(_) => None,
        }
    }
}

/// The figures of a cluster's links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often a node says that it lives. Default: 1 s.
    pub alive_every: Duration,
    /// Silence after which a node is given up. Default: 6 s (cluster findings, section 5.1: shorter
    /// times make more false departures, each of which rebuilds a call).
    pub down_after: Duration,
    /// How long the REST plane waits for other nodes. Default: 1 s.
    pub answer_within: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            alive_every: Duration::from_secs(1),
            down_after: Duration::from_secs(6),
            answer_within: Duration::from_secs(1),
        }
    }
}
