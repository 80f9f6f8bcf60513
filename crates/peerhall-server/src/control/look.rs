//! What the console asks of the shards of this node.

use peerhall_hub::{ConnId, ConnectionFacts, PairFacts, RoomFacts, Survey};
use peerhall_proto::ids::AppId;
use tokio::sync::oneshot;

use super::{Control, Stopping};
use crate::exchange::{Look, Mail, Tap};

/// One connection of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnRef {
    pub(crate) shard: usize,
    pub(crate) conn: ConnId,
}

impl Control {
    /// Connections whose peer or one of whose channels has `text` in it, shard by shard.
    pub(crate) async fn look_for_connections(
        &self,
        app: &AppId,
        text: &str,
        limit: usize,
    ) -> Result<Vec<Survey<ConnectionFacts>>, Stopping> {
        self.ask(|reply| {
            Mail::Look(Look::Connections { app: app.clone(), text: text.to_owned(), limit, reply })
        })
        .await
    }

    /// The fullest rooms, and who talks to whom, shard by shard.
    pub(crate) async fn look_at_rooms(
        &self,
        app: &AppId,
        limit: usize,
    ) -> Result<Vec<(Survey<RoomFacts>, Vec<PairFacts>)>, Stopping> {
        self.ask(|reply| Mail::Look(Look::Rooms { app: app.clone(), limit, reply })).await
    }

    /// Begins or ends to count who talks to whom.
    pub(crate) fn watch_pairs(&self, watched: bool) {
        self.exchange.put_all(|| Mail::Look(Look::WatchPairs(watched)));
    }

    /// Shows the frames of a connection through `tap`. Says whether the app has such a connection and its
    /// shard has a place for one more viewer.
    pub(crate) async fn tap(&self, app: &AppId, which: ConnRef, tap: Tap) -> Result<bool, Stopping> {
        let (reply, answer) = oneshot::channel();
        let look = Look::Tap { app: app.clone(), conn: which.conn, tap, reply };
        if which.shard >= self.exchange.shards() {
            return Ok(false);
        }
        self.exchange.put(which.shard, Mail::Look(look));
        answer.await.map_err(|_| Stopping)
    }
}
