//! One remote peer, from presence to presence.

use std::collections::VecDeque;
use std::time::Duration;

use peerhall_proto::json::Json;

use super::event::RemoteInfo;
use crate::ids::{ChannelKey, LinkId, PeerId, RemoteKey, TrackKey};
use crate::link::labels::Labels;
use crate::link::{Link, QualityWatch, RemoteState, Streams};
use crate::time::{Time, earlier};

/// Resets that a remote peer may cause at once; one more for each [`RESET_REFILL`] after that. A hostile
/// one would keep us busy otherwise (X18).
const RESET_BURST: usize = 5;

/// Time after which a reset is forgiven.
const RESET_REFILL: Duration = Duration::from_secs(10);

/// A remote peer.
#[derive(Debug)]
pub(super) struct Remote<J> {
    pub(super) key: RemoteKey,
    pub(super) id: PeerId,
    pub(super) metadata: Option<J>,
    pub(super) state: RemoteState,
    pub(super) polite: bool,
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
    /// By when it must be reached; `None` before negotiation, and once it was, or was told not to be.
    pub(super) reach_by: Option<Time>,
    resets: VecDeque<Time>,
}

impl<J: Json> Remote<J> {
    pub(super) fn new(key: RemoteKey, id: PeerId, metadata: Option<J>, link: LinkId, polite: bool) -> Self {
        Self {
            key,
            id,
            metadata,
            state: RemoteState::Idle,
            polite,
            link: Link::new(link, polite),
            streams: Streams::default(),
            labels: Labels::new(),
            carries: Vec::new(),
            lingers_until: None,
            reopens: Vec::new(),
            quality: QualityWatch::default(),
            sample_at: None,
            reach_by: None,
            resets: VecDeque::new(),
        }
    }

    pub(super) fn info(&self) -> RemoteInfo<J> {
        RemoteInfo {
            key: self.key,
            id: self.id.clone(),
            metadata: self.metadata.clone(),
            state: self.state,
            polite: self.polite,
            link: self.link.id,
        }
    }

    /// Forgets everything that belonged to the old connection. What was said about tracks stays: after a
    /// drop on this side alone the sender does not say it again.
    pub(super) fn start_over(&mut self, link: LinkId, polite: bool) {
        self.polite = polite;
        self.link = Link::new(link, polite);
        self.streams.clear();
        self.carries.clear();
        self.lingers_until = None;
        self.sample_at = None;
        self.reach_by = None;
        self.quality = QualityWatch::default();
    }

    /// Whether the remote peer may cause another reset now.
    pub(super) fn may_reset(&mut self, now: Time) -> bool {
        while self.resets.front().is_some_and(|at| now - *at >= RESET_REFILL) {
            self.resets.pop_front();
        }
        let may = self.resets.len() < RESET_BURST;
        if may {
            self.resets.push_back(now);
        }
        may
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        [self.link.deadline(), self.lingers_until, self.sample_at, self.reach_by]
            .into_iter()
            .fold(None, earlier)
    }
}
