//! Labels through `MeteredPeer` and `RemotePeer` themselves, whenever they are first used.

#![expect(
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "a test may stop at the first surprise, also in what it stands on, which does more than this needs"
)]

#[path = "labelled_support/hall.rs"]
mod hall;

use futures_util::FutureExt;
use hall::{CHANNEL, Hall, LABEL, files, noise};
use peerhall::labelled::{ChannelOptions, RoomEvent, SendError, TransferError};
use peerhall::{Events, JoinOptions, MeteredPeer, PeerEvent, RemoteEvent};
use peerhall_e2e::native::talk::{drop_and_return, echo_next, echoed, open_channel};
use peerhall_e2e::native::{next_remote, soon};

#[tokio::test]
async fn who_opened_a_label_before_joining_transfers_in_the_moment_somebody_comes() {
    let hall = Hall::start();
    let (alice, mut of_alice) = member(&hall, "alice", true).await;
    let (bob, mut of_bob) = member(&hall, "bob", true).await;
    let (to_bob, to_alice) = (next_remote(&mut of_alice).await, next_remote(&mut of_bob).await);
    let bytes = noise(1, 3_000_000);
    let sent = to_bob.transfer(bytes.clone(), files()).expect("taken");
    let answer = to_alice.transfer("hello", files()).expect("taken");
    let taking = async {
        let message = bob.next_transfer().await.expect("a message");
        assert_eq!(message.from().id(), "alice");
        assert!(message.bytes().await.expect("arrives") == bytes);
    };
    soon("the bytes", taking).await;
    assert_eq!(soon("the receipt", sent).await.expect("a receipt").bytes, 3_000_000);
    assert_eq!(heard(&alice).await, "hello");
    soon("the receipt", answer).await.expect("a receipt");

    // Over a lost connection, too, and what is sent to all says how it went for each.
    drop_and_return(&alice).await;
    let all = alice.transfer("to all", &files());
    assert_eq!(heard(&bob).await, "to all");
    let results = soon("the results", all.results()).await;
    assert!(results.len() == 1 && results[0].1.is_ok(), "{results:?}");
    alice.close_channel(LABEL);
    let none = to_bob.transfer("late", files()).expect_err("closed");
    assert_eq!(none, SendError::NoChannel);
}

#[tokio::test]
async fn labels_may_be_first_used_when_the_two_have_talked_for_a_while() {
    for (first, second) in [("alice", "bob"), ("bob", "alice")] {
        for both_late in [false, true] {
            let hall = Hall::start();
            let (_one, mut of_one) = member(&hall, first, false).await;
            let (other, mut of_other) = member(&hall, second, !both_late).await;
            let (remote, back) = (next_remote(&mut of_one).await, next_remote(&mut of_other).await);
            let echo = tokio::spawn(async move { echo_next(&back).await });
            let raw = soon("a channel without a label", open_channel(&remote, "hello")).await;
            let mut resets = remote.on_connection_reset();

            if both_late {
                other.open_channel(LABEL, ChannelOptions::default()).expect("opened");
            }
            remote.open_channel(LABEL, ChannelOptions::default()).expect("opened");
            let early = remote.transfer("early", files()).expect("taken");
            assert_eq!(heard(&other).await, "early", "{first}, {both_late}");
            soon("the receipt", early).await.expect("a receipt");
            echoed(&raw, "still the same connection").await;
            assert!(resets.next().now_or_never().is_none(), "a reset");
            echo.abort();
        }
    }
}

#[tokio::test]
async fn a_peer_that_knows_no_labels_sees_another_description_and_nothing_odd() {
    let hall = Hall::start();
    let (alice, mut of_alice) = member(&hall, "alice", false).await;
    let (_plain, mut of_plain) = member(&hall, "plain", false).await;
    let (remote, seen) = (next_remote(&mut of_alice).await, next_remote(&mut of_plain).await);
    let echo = {
        let seen = seen.clone();
        tokio::spawn(async move { echo_next(&seen).await })
    };
    let raw = soon("a channel without a label", open_channel(&remote, "hello")).await;
    let mut told = seen.events();
    let mut events = alice.labelled().events();
    alice.open_channel(LABEL, ChannelOptions::default()).expect("opened");
    let waits = remote.transfer("hello", files()).expect("taken while nobody has said a word about labels");
    let refused = async {
        loop {
            let event = events.next().await.expect("more events");
            assert!(!matches!(event, RoomEvent::Ready(_)), "labels with a plain peer");
            if let RoomEvent::NotLabelled(peer) = event {
                return peer;
            }
        }
    };
    assert_eq!(soon("being told apart", refused).await.id(), "plain");
    assert_eq!(soon("the end", waits).await.expect_err("nobody takes it"), TransferError::NotLabelled);
    assert_eq!(remote.transfer("late", files()).expect_err("refused"), SendError::NotLabelled);
    echoed(&raw, "still here").await;
    while let Some(Some(event)) = told.next().now_or_never() {
        let dull = matches!(
            event,
            RemoteEvent::StateChange(_)
                | RemoteEvent::DataChannel(_)
                | RemoteEvent::Path(_)
                | RemoteEvent::Quality(_)
        );
        assert!(dull, "{event:?}");
    }
    assert_eq!(seen.on_data_channel().next().now_or_never().flatten().expect("a channel").label(), "native");
    echo.abort();
}

#[tokio::test]
async fn a_peer_that_keeps_its_labels_leaves_when_its_last_handle_is_dropped_and_ends_them_when_it_is_closed()
{
    let hall = Hall::start();
    let (alice, _events) = member(&hall, "alice", true).await;
    let (bob, mut of_bob) = member(&hall, "bob", true).await;
    let remote = next_remote(&mut of_bob).await;
    drop((alice, _events));
    let gone = async {
        loop {
            if let PeerEvent::PeerLeft(gone) = of_bob.next().await.expect("more events") {
                return gone;
            }
        }
    };
    assert_eq!(soon("the leaving", gone).await, remote);
    assert!(remote.labelled().is_none());
    assert_eq!(remote.transfer("late", files()).expect_err("it has left"), SendError::Closed);
    let waits = tokio::spawn({
        let bob = bob.clone();
        async move { bob.next_transfer().await.is_none() }
    });
    soon("closing", bob.close(None)).await;
    assert!(soon("the end", waits).await.expect("no panic"));
    assert!(soon("nothing", bob.next_transfer()).await.is_none(), "also when it is asked later");
}

/// Somebody who has joined, and has opened the label of everybody before that if `labels` says so.
async fn member(hall: &Hall, id: &str, labels: bool) -> (MeteredPeer, Events<PeerEvent>) {
    let (peer, events) = hall.plain(id);
    if labels {
        peer.open_channel(LABEL, ChannelOptions::default()).expect("a label");
    }
    soon("joining", peer.join(CHANNEL, JoinOptions::default())).await.expect("joins");
    (peer, events)
}

/// The next message, as a text.
async fn heard(peer: &MeteredPeer) -> String {
    let message = soon("a message", peer.next_transfer()).await.expect("more messages");
    soon("the text", message.text()).await.expect("a text")
}
