//! What an administrator asks of a shard (REST API, sections 3 and 5).

use peerhall_proto::code::CloseCode;
use peerhall_proto::ids::{AppId, ChannelName, PeerId};

use crate::hub::Hub;
use crate::session::Metadata;
use crate::time::Now;

impl Hub {
    /// Closes every connection of a peer on this shard with 4020 and stops waiting for it. Returns
    /// how many connections there were (REST API, section 5).
    pub fn kick(&mut self, app: &AppId, peer: &PeerId, now: Now) -> usize {
        let Some(place) = self.app_places.get(app).copied() else { return 0 };
        let Some(table) = self.apps.get(place as usize) else { return 0 };
        let connections = table.peers.get(peer).map(|peer| peer.here.clone()).unwrap_or_default();
        let rooms: Vec<u32> = table.rooms.values().copied().collect();
        for conn in &connections {
            self.close(*conn, CloseCode::ADMIN_DISCONNECT, "closed by an administrator", now);
        }
        for room in rooms {
            let ghost = self.rooms.get_mut(room).and_then(|room| room.ghosts.remove(peer));
            self.lay_ghosts(room, ghost.map(|ghost| (peer.clone(), ghost)).into_iter().collect());
            self.close_room_if_idle(room);
        }
        self.forget_absence(place, peer);
        connections.len()
    }

    /// The peers that are subscribed to a channel on this shard and have the action `presence`, each
    /// once for each of its connections (REST API, section 3).
    #[must_use]
    pub fn list_members(&self, app: &AppId, channel: &ChannelName) -> Vec<(PeerId, Option<Metadata>)> {
        let room = self
            .app_places
            .get(app)
            .and_then(|place| self.room_named(*place, channel))
            .and_then(|place| self.rooms.get(place));
        let members = room.into_iter().flat_map(|room| room.members.iter());
        members
            .filter(|member| member.visible)
            .filter_map(|member| self.session(member.conn))
            .map(|session| (session.peer.clone(), session.peer_metadata.clone()))
            .collect()
    }
}
