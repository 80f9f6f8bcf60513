//! Data channels whose other end answers `echo …`, as all partners here do.

use std::time::Duration;

use futures_util::FutureExt;
use peerhall::{
    DataChannel, DataChannelInit, DataChannelOptions, Events, Message, MeteredPeer, PeerEvent, PeerState,
    RemotePeer,
};

use super::soon;

/// How long to wait before a text is said again that may have been lost with a connection.
const AGAIN: Duration = Duration::from_millis(200);

/// Opens a channel that outlives connections, and is answered on it.
pub async fn open_channel(remote: &RemotePeer, text: &str) -> DataChannel {
    let opening =
        remote.open_data_channel("native", DataChannelInit::default(), DataChannelOptions::default());
    let channel = opening.await.expect("a channel");
    soon("the channel opens", channel.opened()).await.expect("opens");
    echoed(&channel, text).await;
    channel
}

/// Says a text and is answered.
pub async fn echoed(channel: &DataChannel, text: &str) {
    channel.send(text).await.expect("sent");
    let answer = soon("an echo", channel.recv()).await;
    assert_eq!(answer, Some(Message::from(format!("echo {text}"))));
}

/// Says a text until it is answered: what is said before a connection has been replaced may be lost.
///
/// # Panics
///
/// When the channel ends, or there is no answer.
pub async fn echoed_again(channel: &DataChannel, text: &str) {
    let wanted = Message::from(format!("echo {text}"));
    let answered = async {
        loop {
            match tokio::time::timeout(AGAIN, channel.recv()).await {
                Ok(Some(message)) if message == wanted => return,
                Ok(Some(_)) => {}
                Ok(None) => panic!("the channel ended"),
                // Refused while it is closed between two connections.
                Err(_) => drop(channel.send(text).await),
            }
        }
    };
    soon("an echo over the new connection", answered).await;
}

/// Answers on the next channel that the remote peer opens, until that ends.
pub async fn echo_next(remote: &RemotePeer) {
    let mut offered = remote.on_data_channel();
    let raw = soon("a channel of the other side", offered.next()).await.expect("a channel");
    let channel = DataChannel::wrap(raw, DataChannelOptions::default());
    while let Some(Message::Text(text)) = channel.recv().await {
        channel.send(format!("echo {text}")).await.expect("sent");
    }
}

/// Drops a peer's connection to the server and waits until it is joined again.
pub async fn drop_and_return(peer: &MeteredPeer) {
    let mut changes = peer.state_changes();
    peer.drop_connection();
    while soon("the return", changes.next()).await.expect("more changes").to != PeerState::Joined {}
}

/// Nobody left, as far as these events go.
///
/// # Panics
///
/// When somebody did.
pub fn nobody_left(events: &mut Events<PeerEvent>) {
    while let Some(Some(event)) = events.next().now_or_never() {
        assert!(!matches!(event, PeerEvent::PeerLeft(_)), "{event:?}");
    }
}
