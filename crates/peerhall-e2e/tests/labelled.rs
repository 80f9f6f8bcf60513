//! Labels and transfers of native peers, over a real server and real connections.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at the first surprise, also in what it stands on"
)]

#[path = "labelled_support/hall.rs"]
mod hall;

use std::fs;
use std::io::Write;

use futures_util::StreamExt;
use futures_util::future::join_all;
use hall::{Hall, LABEL, files, noise, room, the_only};
use peerhall::labelled::{ChannelOptions, Hasher, Incoming, Payload, Proof, Room, RoomEvent, TransferError};
use peerhall_e2e::native::soon;
use peerhall_e2e::native::talk::drop_and_return;

/// Sizes around the limits of a frame (labelled-peer, test T2), and one of many windows.
const SIZES: [usize; 7] = [0, 1, 16_320, 16_321, 32_640, 50_000, 20_000_000];

#[tokio::test]
async fn l02_files_of_every_size_arrive_with_name_and_digest() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let folder = tempfile::tempdir().expect("a folder");
    for (seed, size) in (1..).zip(SIZES) {
        let bytes = noise(seed, size);
        let path = folder.path().join(format!("{size} bytes.bin"));
        fs::write(&path, &bytes).expect("written");
        let file = Payload::file(&path).await.expect("a file");
        let transfer = the_only(&alice).send(file, files()).expect("taken");
        let message = next(&bob).await;
        assert_eq!(message.name(), Some(format!("{size} bytes.bin")));
        assert_eq!(message.total(), Some(size as u64));
        let arrived = soon("the bytes", message.bytes()).await.expect("arrives");
        assert!(arrived == bytes, "{size} bytes");
        let receipt = soon("the receipt", transfer).await.expect("a receipt");
        assert_eq!((receipt.bytes, receipt.proof), (size as u64, proof(&bytes)));
    }
}

#[tokio::test]
async fn l09_a_thousand_small_messages_of_each_side_at_once_arrive_in_order() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let both = [(&alice, &bob), (&bob, &alice)].map(|(from, to)| async move {
        let remote = the_only(from);
        let send = |n| remote.send(noise(n, 1_024), files()).expect("taken");
        let transfers: Vec<_> = (0..1_000).map(send).collect();
        for n in 0..1_000 {
            let bytes = soon("the bytes", next(to).await.bytes()).await.expect("arrives");
            assert!(bytes == noise(n, 1_024), "number {n}");
        }
        for transfer in transfers {
            soon("a receipt", transfer).await.expect("a receipt");
        }
    });
    join_all(both).await;
}

#[tokio::test]
async fn l12_files_on_their_way_arrive_once_and_whole_when_either_side_loses_the_server() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    for (seed, cuts) in [(1, &alice), (2, &bob)] {
        let bytes = noise(seed, 8_000_000);
        let remote = the_only(&alice);
        let transfer = remote.send(bytes.clone(), files()).expect("taken");
        let after = remote.send("after it", files()).expect("taken");
        let mut message = next(&bob).await;
        let mut arrived = Vec::new();
        while arrived.len() < 2_000_000 {
            arrived.extend(soon("bytes", message.chunk()).await.expect("more").expect("not the end"));
        }
        // Both sides make new connections then.
        drop_and_return(cuts.peer()).await;
        while let Some(chunk) = soon("the rest", message.chunk()).await.expect("more") {
            arrived.extend(chunk);
        }
        assert!(arrived == *bytes, "{} bytes", arrived.len());
        let receipt = soon("the receipt", transfer).await.expect("a receipt");
        assert_eq!((receipt.bytes, receipt.proof), (8_000_000, proof(&bytes)));
        assert_eq!(soon("the next", next(&bob).await.text()).await.expect("a text"), "after it");
        soon("the receipt", after).await.expect("a receipt");
    }
}

#[tokio::test]
async fn a_receiver_that_comes_back_as_somebody_else_goes_on_with_the_file_it_has() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (bytes, path) = (noise(4, 6_000_000), folder.path().join("film.bin"));
    fs::File::create(&path).and_then(|mut file| file.write_all(&bytes)).expect("written");

    let transfer =
        the_only(&alice).send(Payload::file(&path).await.expect("a file"), files()).expect("taken");
    let mut message = next(&bob).await;
    let content = message.content();
    let (mut have, mut hasher) = (Vec::new(), Hasher::new());
    while have.len() < 3_000_000 {
        have.extend(soon("bytes", message.chunk()).await.expect("more").expect("not the end"));
    }
    hasher.update(&have);
    drop(message);
    soon("bob leaves", bob.peer().close(None)).await;
    let failed = soon("the end", transfer).await.expect_err("nobody is there any more");
    assert!(matches!(failed, TransferError::Cancelled { .. } | TransferError::Closed), "{failed:?}");

    let carol = hall.member("carol").await;
    soon("bob is gone and carol here", room::ready(&alice, "carol")).await;
    let carols = alice.remotes().into_iter().find(|peer| peer.id() == "carol").expect("carol");
    let again = carols.send(Payload::file(&path).await.expect("a file"), files()).expect("taken");
    let mut progress = again.progress();
    let mut message = next(&carol).await;
    assert!(message.waits() && message.content() == content, "the same file");
    let count = have.len();
    message.go_on(count as u64, hasher);
    have.extend(soon("the rest", message.bytes()).await.expect("arrives"));
    assert!(have == *bytes);
    assert_eq!(soon("the receipt", again).await.expect("a receipt").proof, proof(&bytes));
    // The bytes that carol had were not sent again: the first news of her is that she has them.
    let first = async {
        loop {
            let step = progress.next().await.expect("more steps");
            if step.current > 0 {
                return step;
            }
        }
    };
    assert!(soon("progress", first).await.current >= count as u64);
}

#[tokio::test]
async fn l17_a_broadcast_reaches_those_who_take_it_and_says_who_did_not() {
    let hall = Hall::start();
    let sender = hall.member("a-sender").await;
    let mut receivers = Vec::new();
    for n in 0..4 {
        receivers.push(hall.member(&format!("receiver-{n}")).await);
        soon("a receiver", room::ready(&sender, &format!("receiver-{n}"))).await;
    }
    let bytes = noise(6, 300_000);
    let broadcast = sender.send(bytes.clone(), &files());
    assert_eq!(broadcast.transfers().len(), 4);
    let taking = receivers.iter().enumerate().map(|(n, receiver)| {
        let bytes = &bytes;
        async move {
            let message = next(receiver).await;
            if n == 2 {
                message.reject("no room");
            } else {
                assert!(soon("the bytes", message.bytes()).await.expect("arrives") == *bytes);
            }
        }
    });
    join_all(taking).await;
    for (peer, result) in soon("all results", broadcast.results()).await {
        match (peer.id(), result) {
            ("receiver-2", Err(error)) => assert_eq!(error.to_string(), "cancelled by the receiver: no room"),
            (_, Ok(receipt)) => assert_eq!(receipt.proof, proof(&bytes)),
            (id, result) => panic!("{id}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn l05_l06_two_hundred_messages_that_either_side_stops_at_random_points_leave_the_channel_whole() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let remote = the_only(&alice);
    let bytes = noise(7, 400_000);
    for round in 0..200 {
        let transfer = remote.send(bytes.clone(), files()).expect("taken");
        let stop_after = random.usize(0..bytes.len());
        let mut message = next(&bob).await;
        let mut count = 0;
        while count <= stop_after {
            count += soon("bytes", message.chunk()).await.expect("more").expect("not the end").len();
        }
        if random.bool() {
            message.reject("enough");
            // The last byte may have been read, and the message with it.
            match soon("the end", transfer).await {
                Ok(receipt) => assert_eq!((receipt.bytes, count), (400_000, 400_000), "round {round}"),
                Err(error) => assert_eq!(error, TransferError::Cancelled { reason: "enough".to_owned() }),
            }
        } else {
            transfer.abort("enough");
            let ended = async {
                loop {
                    match message.chunk().await {
                        Ok(Some(_)) => {}
                        Ok(None) => return Ok(()),
                        Err(error) => return Err(error),
                    }
                }
            };
            let stopped = TransferError::Aborted { reason: "enough".to_owned() };
            let (there, here) = (soon("the end", ended).await, soon("the end", transfer).await.map(drop));
            // All of it may have arrived before the word that it stops.
            assert!(there == Err(stopped.clone()) || there == Ok(()), "round {round}: {there:?}");
            assert!(here == Err(stopped) || here == Ok(()), "round {round}: {here:?}");
        }
    }
    let last = remote.send("still there", files()).expect("taken");
    assert_eq!(soon("the last", next(&bob).await.text()).await.expect("a text"), "still there");
    soon("the receipt", last).await.expect("a receipt");
}

#[tokio::test]
async fn l17_ten_receivers_take_a_file_from_one_source_each_with_its_own_progress() {
    let hall = Hall::start();
    let sender = hall.member("a-sender").await;
    let folder = tempfile::tempdir().expect("a folder");
    let (bytes, path) = (noise(8, 1_500_000), folder.path().join("film.bin"));
    fs::write(&path, &bytes).expect("written");
    let mut receivers = Vec::new();
    for n in 0..10 {
        let id = format!("receiver-{n}");
        receivers.push(hall.member(&id).await);
        soon("a receiver", room::ready(&sender, &id)).await;
    }
    let sending = sender.remotes().into_iter().map(|peer| {
        let path = &path;
        async move {
            let transfer = peer.send(Payload::file(path).await.expect("a file"), files()).expect("taken");
            let mut progress = transfer.progress();
            let mut last = None;
            while let Some(step) = soon("progress", progress.next()).await {
                assert!(last.is_none_or(|last: u64| last <= step.acked), "{} goes back", peer.id());
                last = Some(step.acked);
            }
            (last, soon("the receipt", transfer).await.expect("a receipt").proof)
        }
    });
    let taking = receivers.iter().map(|receiver| async {
        let message = next(receiver).await;
        assert!(soon("the bytes", message.bytes()).await.expect("arrives") == bytes);
    });
    let (sent, _) = tokio::join!(join_all(sending), join_all(taking));
    assert_eq!(sent, vec![(Some(1_500_000), proof(&bytes)); 10]);
}

#[tokio::test]
async fn l10_both_open_a_label_again_and_again_and_there_is_one_channel() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let ends = [the_only(&alice), the_only(&bob)];
    for round in 0..20 {
        let label = format!("round {round}");
        let heard = [alice.events(), bob.events()];
        for end in &ends {
            end.open(&label, ChannelOptions::default()).expect("opens");
        }
        for mut events in heard {
            soon("the channel", room::opened(&mut events, &label)).await;
        }
        let ids = ends.each_ref().map(|end| end.channel(&label).and_then(|channel| channel.id()));
        assert!(ids[0].is_some() && ids[0] == ids[1], "{label}: {ids:?}");
        let sent = ends[round % 2].send("hello", peerhall::labelled::SendOptions::default().label(&label));
        let to = if round % 2 == 0 { &bob } else { &alice };
        assert_eq!(soon("the text", next(to).await.text()).await.expect("a text"), "hello");
        soon("the receipt", sent.expect("taken")).await.expect("a receipt");
        let mut events = to.events();
        ends[round % 2].close(&label);
        // Closed for the other side, too, which can open it anew.
        soon("the close", room::closed(&mut events, &label)).await;
    }
    assert!(ends.iter().all(|end| end.labels() == [LABEL]));
}

#[tokio::test]
async fn a_peer_without_labels_is_told_apart_and_sees_no_channel() {
    let hall = Hall::start();
    let alice = hall.member("alice").await;
    let mut events = alice.events();
    let (plain, mut plain_events) = hall.plain("plain");
    let joining = plain.join(hall::CHANNEL, peerhall::JoinOptions::default());
    soon("joining", joining).await.expect("joins");
    let seen = soon("alice", peerhall_e2e::native::next_remote(&mut plain_events)).await;
    let mut offered = seen.on_data_channel();
    let told = async {
        loop {
            if let Some(RoomEvent::NotLabelled(peer)) = events.next().await {
                return peer;
            }
        }
    };
    let peer = soon("the answer without labels", told).await;
    let refused = peer.send("hello", files()).expect_err("no labels there");
    assert_eq!(refused, peerhall::labelled::SendError::NotLabelled);
    // A channel of its own is the only one that the other side is told of.
    let raw = peer.remote().create_data_channel("raw", peerhall::DataChannelInit::default()).await;
    raw.expect("a channel");
    assert_eq!(soon("a channel", offered.next()).await.expect("a channel").label(), "raw");
}

#[tokio::test]
async fn messages_end_with_the_peer_though_handles_of_remote_peers_are_held() {
    let hall = Hall::start();
    let (alice, bob) = hall.pair().await;
    let held = the_only(&alice);
    let last = the_only(&bob).send("last", files()).expect("taken");
    assert_eq!(soon("the last", next(&alice).await.text()).await.expect("a text"), "last");
    soon("the receipt", last).await.expect("a receipt");
    soon("the end of the peer", alice.peer().close(None)).await;
    assert!(soon("the end", alice.recv()).await.is_none());
    let late = held.send("late", files()).expect_err("nobody is there any more");
    assert_eq!(late, peerhall::labelled::SendError::Closed);
}

async fn next(room: &Room) -> Incoming {
    soon("a message", room.recv()).await.expect("more messages")
}

fn proof(bytes: &[u8]) -> Proof {
    Proof(*Hasher::new().update(bytes).finalize().as_bytes())
}

#[tokio::test]
async fn l11_labels_work_whoever_joins_first_and_whoever_gives_way() {
    for round in 0..10 {
        let hall = Hall::start();
        let (first, second) = if round % 2 == 0 { ("a", "b") } else { ("b", "a") };
        let one = hall.member(first).await;
        let other = hall.member(second).await;
        let both = async { tokio::join!(room::ready(&one, second), room::ready(&other, first)) };
        soon(&format!("labels, in round {round}"), both).await;
        let late = hall.member("c").await;
        let early = hall.member("0").await;
        for (room, id) in [(&one, "c"), (&late, first), (&early, second), (&other, "0"), (&late, "0")] {
            soon(&format!("{id}, in round {round}"), room::ready(room, id)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_know_the_same_certificates_as_soon_as_labels_work() {
    for round in 0..20 {
        let hall = Hall::start();
        let (first, second) = if round % 2 == 0 { ("a", "b") } else { ("b", "a") };
        let mut seen = Vec::new();
        let mut rooms = Vec::new();
        for id in [first, second] {
            let (peer, _) = hall.plain(id);
            let room = Room::new(peer.clone());
            let mut events = room.events();
            room.open(LABEL, ChannelOptions::default()).expect("a label");
            soon("joining", peer.join(hall::CHANNEL, peerhall::JoinOptions::default())).await.expect("joins");
            rooms.push(room);
            seen.push(tokio::spawn(async move {
                loop {
                    if let Some(RoomEvent::Ready(peer)) = events.next().await {
                        return peer.remote().pc().expect("a connection").fingerprints().await;
                    }
                }
            }));
        }
        let mut prints = Vec::new();
        for task in seen {
            prints.push(
                soon(&format!("labels, in round {round}"), task).await.expect("no panic").expect("both"),
            );
        }
        assert_eq!((prints[0].local, prints[0].remote), (prints[1].remote, prints[1].local), "round {round}");
    }
}
