//! Labelled data through the server: out and in, and when.

use peerhall_proto::json::Json;

use super::{Peer, PeerState};
use crate::error::SendError;
use crate::ids::{OpId, RemoteKey};
use crate::link::signal::{self, Knows, Signal};
use crate::link::{Labelled, RemoteEvent};
use crate::time::Time;

impl<J: Json> Peer<J> {
    /// Says besides, in descriptions from now on, that labelled data may come through the server while there is
    /// no connection, and tells when it should. Default: it may not.
    pub fn offer_detours(&mut self) {
        self.knows = Knows::Detours;
    }

    /// Sends labelled data to a remote peer through the server, when the rate leaves room for it; the answer is
    /// [`Outcome::Send`](crate::Outcome::Send).
    ///
    /// # Errors
    ///
    /// [`SendError`] for everything that is known before sending.
    pub fn carry(&mut self, now: Time, remote: RemoteKey, text: String) -> Result<OpId, SendError> {
        if self.state != PeerState::Joined {
            return Err(SendError::NotJoined);
        }
        let id = self.remote_mut(remote).map(|remote| remote.id.clone()).ok_or(SendError::RemoteClosed)?;
        let data = signal::write(&Signal::Carried(text));
        let request = self.signalling.send_in_spare_time(now, id, data).map_err(super::messages::not_sent)?;
        Ok(self.sent(now, request))
    }

    /// Labelled data came through the server.
    pub(super) fn carried(&mut self, key: RemoteKey, text: String) {
        // Who offers none gets none, unless the other side does not keep to it.
        if self.knows == Knows::Detours {
            let room = self.carry_room();
            self.tell_remote(key, RemoteEvent::Labelled(Labelled::Carried { text, room }));
        }
    }

    /// Tells when labelled data is to go another way than before.
    pub(super) fn review_detour(&mut self, key: RemoteKey) {
        let (now, room) = (self.now, self.carry_room());
        let change = self.remote_mut(key).and_then(|remote| remote.detour.change(now));
        if let Some(wanted) = change {
            self.tell_remote(key, RemoteEvent::Labelled(Labelled::Detour(wanted.then_some(room))));
        }
    }

    /// Bytes of text that one message can carry.
    fn carry_room(&self) -> usize {
        self.signalling.max_message_size().saturating_sub(signal::CARRIED_OVERHEAD)
    }
}
