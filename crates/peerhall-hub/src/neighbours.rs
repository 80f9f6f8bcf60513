//! Shards that come and go: those of other nodes of a cluster.

use crate::app::Peer;
use crate::hub::Hub;
use crate::link::{Note, ShardId, ShardSet};
use crate::room::Departure;
use crate::time::Now;

impl Hub {
    /// A shard can be reached from now on. It is told what the shards of one node tell each other from
    /// the start: which peers, rooms and pattern subscriptions are here.
    pub fn link_up(&mut self, shard: ShardId) {
        if shard == self.me {
            return;
        }
        self.others.insert(shard);
        let to = ShardSet::one(shard);
        let mut notes = vec![Note::Begin];
        for table in &self.apps {
            let app = &table.record.id;
            for (peer, places) in &table.peers {
                for _ in &places.here {
                    notes.push(Note::PeerUp { app: app.clone(), peer: peer.clone() });
                }
            }
            for (channel, place) in &table.rooms {
                if let Some(room) = self.rooms.get(*place).filter(|room| room.hosted) {
                    let (app, channel) = (app.clone(), channel.clone());
                    notes.push(Note::Host { app, channel, question: room.question });
                }
            }
            if table.patterns.len() > 0 {
                notes.push(Note::Patterns { app: app.clone(), any: true });
            }
        }
        for note in notes {
            self.post(to, note);
        }
    }

    /// A shard begins to tell everything anew: what it had told before counts no more.
    pub(crate) fn begin_again(&mut self, shard: ShardId, now: Now) {
        self.link_down(shard, now);
        self.others.insert(shard);
        self.ask_again(shard);
    }

    /// Asks a shard once more who is in our rooms: its earlier answers went with what it had told.
    fn ask_again(&mut self, shard: ShardId) {
        let mut questions = Vec::new();
        for table in &self.apps {
            for (channel, place) in &table.rooms {
                if let Some(room) = self.rooms.get_mut(*place).filter(|room| room.hosted) {
                    room.awaited.insert(shard);
                    let (app, channel) = (table.record.id.clone(), channel.clone());
                    questions.push(Note::Host { app, channel, question: room.question });
                }
            }
        }
        for question in questions {
            self.post(ShardSet::one(shard), question);
        }
    }

    /// A shard can be reached no more: its connections count as lost, all at once.
    pub fn link_down(&mut self, shard: ShardId, now: Now) {
        self.others.remove(shard);
        let mut rooms = Vec::new();
        let mut peers = Vec::new();
        for (app, table) in (0_u32..).zip(&mut self.apps) {
            table.pattern_hosts.remove(shard);
            rooms.extend(table.rooms.values().copied());
            let lost = table.peers.iter_mut().filter_map(|(id, peer)| peer.lose(shard).then(|| id.clone()));
            peers.extend(lost.map(|peer| (app, peer)));
        }
        for room in rooms {
            self.lose_seats(room, shard, now);
        }
        for (app, peer) in peers {
            self.settle_peer(app, &peer, true, now);
            self.proven(app, &peer, shard);
        }
    }

    fn lose_seats(&mut self, place: u32, shard: ShardId, now: Now) {
        let Some(room) = self.rooms.get_mut(place) else { return };
        room.hosts.remove(shard);
        let seats: Vec<_> = room.seats_of(shard).map(|(peer, seat)| (peer.clone(), seat.conn)).collect();
        for (peer, conn) in seats {
            let Some(room) = self.rooms.get_mut(place) else { return };
            if let Departure::Gone(metadata) = room.unseat(&peer, shard, conn) {
                self.depart(place, peer, metadata, true, now);
            }
        }
        let Some(room) = self.rooms.get_mut(place) else { return };
        room.awaited.remove(shard);
        if room.awaited.is_empty() && !room.stalled.is_empty() {
            let stalled = std::mem::take(&mut room.stalled);
            self.admit(place, stalled, now);
        }
        self.close_room_if_idle(place);
    }
}

impl Peer {
    /// Forgets the connections on a shard. Says whether there were any.
    fn lose(&mut self, shard: ShardId) -> bool {
        let before = self.elsewhere.len();
        self.elsewhere.retain(|(known, _)| *known != shard);
        self.elsewhere.len() < before
    }
}
