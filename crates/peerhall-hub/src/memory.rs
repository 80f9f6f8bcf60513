//! What survives a crash: who is in which room, told to the server as it happens and told back by it
//! on the next start (wire protocol, section 9.4).

use peerhall_proto::ids::{AppId, ChannelName, PeerId};

use crate::effect::{Effect, MemberChange, MemberEvent};
use crate::ghosts::Ghost;
use crate::hub::{Hub, Timer};
use crate::session::Metadata;
use crate::time::Now;

/// A member of a room as the log of an earlier run remembers it.
#[derive(Debug, Clone)]
pub struct LostMember {
    /// App of the room.
    pub app: AppId,
    /// The room.
    pub channel: ChannelName,
    /// The peer.
    pub peer: PeerId,
    /// Its `peerMetadata`.
    pub metadata: Option<Metadata>,
}

impl Hub {
    /// Everybody who was in a room before the server started is a ghost of it now (section 9.4).
    pub fn recover(&mut self, lost: Vec<LostMember>, now: Now) {
        let until = now.at + self.config.linger;
        for member in lost {
            let app = self.app_place_by_id(&member.app);
            let place = match self.room_named(app, &member.channel) {
                Some(place) => place,
                None => self.new_room(app, member.channel.clone()),
            };
            self.host(place);
            let Some(room) = self.rooms.get_mut(place) else { continue };
            let ghost = Ghost { metadata: member.metadata.clone(), since: room.clock, until };
            room.ghosts.insert(member.peer.clone(), ghost);
            self.timers.insert((until, Timer::Ghosts(place)));
            self.remember(place, &member.peer, MemberChange::Present(member.metadata));
            self.remember(place, &member.peer, MemberChange::Dropped);
            self.expect_back(app, &member.peer, now);
        }
    }

    pub(crate) fn remember(&mut self, place: u32, peer: &PeerId, change: MemberChange) {
        if !self.config.remember {
            return;
        }
        let Some(room) = self.rooms.get(place) else { return };
        let Some(app) = self.apps.get(room.app as usize) else { return };
        self.effects.push(Effect::Remember(Box::new(MemberEvent {
            app: app.record.id.clone(),
            channel: room.name.clone(),
            peer: peer.clone(),
            change,
        })));
    }
}
