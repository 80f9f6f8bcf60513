//! What runs beside the calls, for as long as a session or a channel is there.

use std::iter;
use std::sync::Weak;
use std::time::Duration;

use peerhall_labelled::{ChannelId, Message, Session};
use peerhall_rtc::{Channel, ChannelEvent};

use super::PeerShared;

/// Events of a channel after which others get their turn.
const AT_ONCE: usize = 32;

/// How often raw channels are looked at: their events are the application's.
const RAW_LOOK: Duration = Duration::from_millis(50);

/// Moves what a framed channel tells into the session. What arrives is bounded by the session's credit.
pub(super) async fn pump(shared: Weak<PeerShared>, id: ChannelId, channel: Channel) {
    while let Some(event) = channel.next_event().await {
        let Some(shared) = shared.upgrade() else { return };
        shared.call(|session, now| {
            // What has come together is answered together.
            let more = iter::from_fn(|| channel.try_next_event());
            for event in iter::once(event).chain(more).take(AT_ONCE) {
                tell(session, now, id, &channel, event);
            }
        });
    }
}

fn tell(session: &mut Session, now: Duration, id: ChannelId, channel: &Channel, event: ChannelEvent) {
    // As it is now, event by event: an older amount would hide that room was made meanwhile.
    let held = channel.buffered_amount();
    match event {
        ChannelEvent::Open => session.opened(now, id, channel.id()),
        ChannelEvent::Message(peerhall_rtc::Message::Binary(bytes)) => {
            session.message(now, id, held, Message::Binary(bytes));
        }
        ChannelEvent::Message(peerhall_rtc::Message::Text(text)) => {
            session.message(now, id, held, Message::Text(text));
        }
        ChannelEvent::BufferedAmountLow => session.buffered(now, id, held),
        ChannelEvent::Close => session.closed(now, id),
        ChannelEvent::InvalidText | _ => {}
    }
}

/// Watches a raw channel, whose messages are the application's, open and close.
pub(super) async fn watch_raw(shared: Weak<PeerShared>, id: ChannelId, channel: Channel) {
    let mut told = false;
    loop {
        let Some(shared) = shared.upgrade() else { return };
        match channel.ready_state() {
            peerhall_rtc::ReadyState::Open if !told => {
                told = true;
                shared.call(|session, now| session.opened(now, id, channel.id()));
            }
            peerhall_rtc::ReadyState::Closed => {
                return shared.call(|session, now| session.closed(now, id));
            }
            peerhall_rtc::ReadyState::Connecting
            | peerhall_rtc::ReadyState::Open
            | peerhall_rtc::ReadyState::Closing => {}
        }
        drop(shared);
        tokio::time::sleep(RAW_LOOK).await;
    }
}

/// Calls the session when its time has come, and tells it what channels hold back, until it is over.
pub(super) async fn keep_time(shared: Weak<PeerShared>) {
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let deadline = strong.state().deadline.map(|at| strong.started + at);
        let due = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let woken = tokio::select! {
            () = strong.wake.notified() => true,
            () = due => false,
        };
        if !strong.look(woken) {
            return;
        }
        drop(strong);
        // Whoever fills buffers as fast as they empty leaves the others their turn.
        tokio::task::yield_now().await;
    }
}
