//! One remote peer, from presence to presence.

use std::time::Duration;

use peerhall_proto::json::Json;

use super::detour::Detour;
use super::event::RemoteInfo;
use crate::ids::{ChannelKey, PeerId, RemoteKey, TrackKey};
use crate::link::labels::Labels;
use crate::link::{Link, QualityWatch, RemoteState, Streams};
use crate::queue::Queue;
use crate::time::{Time, earlier};

/// Resets that a remote peer may cause at once; one more for each [`RESET_REFILL`] after that. A hostile
/// one would keep us busy otherwise (X18).
const RESET_BURST: usize = 5;

/// Time after which a reset is forgiven.
const RESET_REFILL: Duration = Duration::from_secs(10);

/// Whether a connection reaches the remote peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing was negotiated yet.
    Untried,
    /// It must be reached by then.
    By(Time),
    /// It was, or its user was told that it was not.
    Settled,
}

/// A remote peer.
#[derive(Debug)]
pub(super) struct Remote<J> {
    pub(super) key: RemoteKey,
    pub(super) id: PeerId,
    pub(super) metadata: Option<J>,
    pub(super) state: RemoteState,
    pub(super) link: Link,
    pub(super) streams: Streams,
    pub(super) labels: Labels<J>,
    /// Local tracks that are attached to its connection.
    pub(super) carries: Vec<TrackKey>,
    /// It lost its connection to the server and may come back until then.
    pub(super) lingers_until: Option<Time>,
    /// Channels to open again after a reset.
    pub(super) reopens: Vec<ChannelKey>,
    pub(super) quality: QualityWatch,
    /// When its statistics are due.
    pub(super) sample_at: Option<Time>,
    pub(super) reach: Reach,
    pub(super) detour: Detour,
    resets: Queue<Time>,
}

impl<J: Json> Remote<J> {
    pub(super) fn new(key: RemoteKey, id: PeerId, metadata: Option<J>, link: Link) -> Self {
        Self {
            key,
            id,
            metadata,
            state: RemoteState::Idle,
            link,
            streams: Streams::default(),
            labels: Labels::new(),
            carries: Vec::new(),
            lingers_until: None,
            reopens: Vec::new(),
            quality: QualityWatch::default(),
            sample_at: None,
            reach: Reach::Untried,
            detour: Detour::default(),
            resets: Queue::new(),
        }
    }

    pub(super) fn info(&self) -> RemoteInfo<J> {
        RemoteInfo {
            key: self.key,
            id: self.id.clone(),
            metadata: self.metadata.clone(),
            state: self.state,
            polite: self.link.polite(),
            link: self.link.id,
        }
    }

    /// Forgets everything that belonged to the old connection. What was said about tracks stays: after a
    /// drop on this side alone the sender does not say it again.
    pub(super) fn start_over(&mut self, link: Link) {
        self.link = link;
        self.streams.clear();
        self.labels.start_over();
        self.carries.clear();
        self.lingers_until = None;
        self.sample_at = None;
        self.reach = Reach::Untried;
        self.quality = QualityWatch::default();
    }

    /// Whether the remote peer may cause another reset now.
    pub(super) fn may_reset(&mut self, now: Time) -> bool {
        while self.resets.first().is_some_and(|at| now - *at >= RESET_REFILL) {
            self.resets.pop_front();
        }
        let may = self.resets.len() < RESET_BURST;
        if may {
            self.resets.push_back(now);
        }
        may
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let reach_by = match self.reach {
            Reach::By(by) => Some(by),
            Reach::Untried | Reach::Settled => None,
        };
        [self.link.deadline(), self.lingers_until, self.sample_at, reach_by, self.detour.deadline()]
            .into_iter()
            .fold(None, earlier)
    }
}
