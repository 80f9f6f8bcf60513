//! Waiting for what happens in a room.

use peerhall::Events;
use peerhall::labelled::{ChannelChange, Room, RoomEvent};

use super::LABEL;

/// Waits until the label of everybody is open with the peer of this id.
pub(crate) async fn ready(room: &Room, id: &str) {
    let mut events = room.events();
    loop {
        let found = room.remotes().into_iter().find(|peer| peer.id() == id);
        let channel = found.and_then(|peer| peer.channel(LABEL));
        if channel.is_some_and(|channel| channel.ready_state() == peerhall::ReadyState::Open) {
            return;
        }
        assert!(events.next().await.is_some(), "the room ended");
    }
}

/// Waits until a label is open.
pub(crate) async fn opened(events: &mut Events<RoomEvent>, wanted: &str) {
    changed(events, wanted, &ChannelChange::Open).await;
}

/// Waits until a label is closed.
pub(crate) async fn closed(events: &mut Events<RoomEvent>, wanted: &str) {
    changed(events, wanted, &ChannelChange::Close).await;
}

async fn changed(events: &mut Events<RoomEvent>, wanted: &str, how: &ChannelChange) {
    loop {
        match events.next().await {
            Some(RoomEvent::Channel { label, change, .. }) if label == wanted && change == *how => return,
            Some(_) => {}
            None => panic!("the room ended"),
        }
    }
}
