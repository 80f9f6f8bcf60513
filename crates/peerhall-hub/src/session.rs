//! What one connection is and may do.

use std::sync::Arc;

use peerhall_auth::grants::Grants;
use peerhall_auth::key::AppRecord;
use peerhall_proto::code::{CloseCode, Retry};
use peerhall_proto::ids::PeerId;
use serde_json::value::RawValue;

use crate::doubt::Doubt;
use crate::link::ShardSet;
use crate::rate::Bucket;
use crate::time::Tick;
use crate::usage::AppUsage;

/// A `peerMetadata` claim as compact JSON, shared by every frame that shows it.
pub type Metadata = Arc<Box<RawValue>>;

/// Which kind of client is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Any client: it gets the pause between `ack` and snapshot, because one of them needs it (wire
    /// protocol, section 9.2).
    Foreign,
    /// Our own SDK, which said so in the connect URL and needs no pause.
    Peerhall,
}

/// Everything about an authenticated connection that opens.
#[derive(Debug)]
pub struct Opening {
    /// The app of its key, with quotas.
    pub app: Arc<AppRecord>,
    /// Counters of that app.
    pub usage: Arc<AppUsage>,
    /// What it may do.
    pub grants: Grants,
    /// Who it is: the token's `sub`, or the id the server gave.
    pub peer: PeerId,
    /// Which kind of client it is.
    pub client: Client,
    /// `expiresAt` of the `welcome`.
    pub expires_at: Option<u64>,
    /// When the token ends, in Unix milliseconds.
    pub expires_at_ms: Option<i64>,
    /// `metadata` of the `welcome`.
    pub welcome_metadata: Option<Box<RawValue>>,
    /// `resume` of the `welcome`.
    pub resume: Option<String>,
    /// The claim `peerMetadata`.
    pub peer_metadata: Option<Metadata>,
    /// When its ICE servers are to be renewed; `None` when the server gave none.
    pub renewal: Option<Renewal>,
}

/// When a connection needs other ICE servers, and what the server has to know then. Only our own clients
/// understand others; for the vendor's there is a new `welcome` or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// Milliseconds until then.
    pub after_ms: u64,
    /// How the client named the server, which the hub only keeps.
    pub host: Option<Box<str>>,
}

/// The same in a session.
#[derive(Debug)]
pub(crate) struct Renews {
    pub(crate) at: Tick,
    pub(crate) host: Option<Box<str>>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client said so with a close frame; its code, if it gave one.
    ByClient(Option<CloseCode>),
    /// The socket broke, fell silent, or ended without a close frame.
    Lost,
    /// The server closed it with this code.
    ByServer(CloseCode),
    /// The server stops: nobody is told, everybody is expected back.
    Drained,
}

impl Ended {
    /// Whether the peer may be back soon: its last connection ended without an unsubscribe, a kick
    /// or a normal close (wire protocol, section 9.4).
    pub(crate) fn may_return(self) -> bool {
        match self {
            Self::ByClient(code) => !matches!(code, Some(CloseCode::NORMAL | CloseCode::GOING_AWAY) | None),
            Self::Lost | Self::Drained => true,
            Self::ByServer(code) => code.retry() != Retry::Never,
        }
    }
}

/// A channel that a session holds, and where the session stands in its list of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) place: Place,
    pub(crate) slot: u32,
}

/// What a subscription points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A room, by its place in the table of rooms.
    Room(u32),
    /// A pattern of the session's app, by its place in the table of patterns.
    Pattern(u32),
}

/// One live connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) generation: u32,
    /// Place of the app in the table of apps.
    pub(crate) app: u32,
    pub(crate) peer: PeerId,
    pub(crate) grants: Grants,
    pub(crate) peer_metadata: Option<Metadata>,
    pub(crate) channels: Vec<Held>,
    pub(crate) bucket: Bucket,
    pub(crate) client: Client,
    /// Snapshots that this session still waits for.
    pub(crate) pending: u32,
    /// It has got a snapshot.
    pub(crate) greeted: bool,
    /// Set while directs to this peer are held until it has seen its rooms again.
    pub(crate) returning: bool,
    /// When the token runs out.
    pub(crate) expires: Option<Tick>,
    /// When its ICE servers are renewed. Boxed: most sessions of a crowd have none.
    pub(crate) renews: Option<Box<Renews>>,
    /// Whether it is known to be alive.
    pub(crate) doubt: Doubt,
    /// Shards with earlier connections of the peer that have not shown yet whether they are alive.
    pub(crate) unproven: ShardSet,
    /// Until when that is waited for.
    pub(crate) unproven_until: Tick,
}

impl Session {
    pub(crate) fn held(&self, place: Place) -> Option<u32> {
        self.channels.iter().find(|held| held.place == place).map(|held| held.slot)
    }
}
