//! Data channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use peerhall_rtc::error::{ChannelError, SendError};
use peerhall_rtc::{
    Channel, ChannelEvent, Config, ConnectionState, DataChannelInit, Event, Message, PeerConnection,
    ReadyState,
};

use super::peer::{self, Peer, config, message, next, open, pair, pair_with};

/// Two connected peers and the two ends of a channel.
async fn channel_pair(init: DataChannelInit) -> (Peer, Peer, Channel, Channel) {
    channel_pair_with(config(), config(), init).await
}

async fn channel_pair_with(
    first: Config,
    second: Config,
    init: DataChannelInit,
) -> (Peer, Peer, Channel, Channel) {
    let (alice, mut bob) = pair_with(first, second);
    let ours = alice.connection.create_data_channel("chat", init).await.expect("a channel");
    let theirs = bob.channel().await;
    open(&ours).await;
    open(&theirs).await;
    (alice, bob, ours, theirs)
}

#[tokio::test]
async fn text_and_bytes_go_both_ways_in_order() {
    let (_alice, _bob, ours, theirs) = channel_pair(DataChannelInit::default()).await;
    for number in 0..100_u8 {
        ours.send(format!("text {number}")).await.expect("sent");
        ours.send(vec![number; 3]).await.expect("sent");
        theirs.send(Bytes::from(vec![number])).await.expect("sent");
    }
    assert_eq!(ours.send("").await, Err(SendError::Empty), "refused, not lost");
    for number in 0..100_u8 {
        assert_eq!(message(&theirs).await, Message::Text(format!("text {number}")));
        assert_eq!(message(&theirs).await, Message::Binary(vec![number; 3].into()));
        assert_eq!(message(&ours).await, Message::Binary(vec![number].into()));
    }
}

#[tokio::test]
async fn the_other_side_is_told_every_option() {
    let inits = [
        DataChannelInit::default(),
        DataChannelInit { ordered: false, protocol: "game".into(), ..DataChannelInit::default() },
        DataChannelInit { max_retransmits: Some(3), ..DataChannelInit::default() },
        DataChannelInit { ordered: false, max_packet_life_time: Some(250), ..DataChannelInit::default() },
    ];
    for init in inits {
        let (_alice, _bob, ours, theirs) = channel_pair(init.clone()).await;
        assert_eq!(theirs.label(), "chat");
        assert_eq!(*theirs.init(), init);
        assert_eq!((theirs.id(), theirs.ordered()), (ours.id(), init.ordered));
        ours.send("hello").await.expect("sent");
        assert_eq!(message(&theirs).await, "hello".into());
    }
}

#[tokio::test]
async fn a_negotiated_id_opens_on_both_sides_without_a_word() {
    let (alice, bob) = pair();
    let init = DataChannelInit { negotiated: Some(7), ..DataChannelInit::default() };
    let ours = alice.connection.create_data_channel("a", init.clone()).await.expect("a channel");
    let theirs = bob.connection.create_data_channel("b", init.clone()).await.expect("a channel");
    open(&ours).await;
    open(&theirs).await;
    assert_eq!((ours.id(), theirs.id()), (Some(7), Some(7)));
    ours.send("over").await.expect("sent");
    assert_eq!(message(&theirs).await, "over".into());
    let again = alice.connection.create_data_channel("c", init).await;
    assert_eq!(again.err(), Some(ChannelError::Id(7)));
}

#[tokio::test]
async fn what_a_channel_cannot_be_is_refused() {
    let (alice, _bob) = pair();
    let both = DataChannelInit {
        max_retransmits: Some(1),
        max_packet_life_time: Some(1),
        ..DataChannelInit::default()
    };
    let far = DataChannelInit { negotiated: Some(1_024), ..DataChannelInit::default() };
    let connection = &alice.connection;
    let refused = connection.create_data_channel("x", both).await.err();
    assert_eq!(refused, Some(ChannelError::TwoLimits));
    let refused = connection.create_data_channel("x", far).await.err();
    assert_eq!(refused, Some(ChannelError::Id(1_024)));
    let long = "x".repeat(65_536);
    let refused = connection.create_data_channel(&long, DataChannelInit::default()).await.err();
    assert_eq!(refused, Some(ChannelError::TooLong));
}

#[tokio::test]
async fn channels_can_be_opened_by_either_side_at_any_time() {
    let (alice, mut bob, _ours, _theirs) = channel_pair(DataChannelInit::default()).await;
    let mut alice = alice;
    let from_bob = bob.connection.create_data_channel("back", DataChannelInit::default()).await;
    let from_bob = from_bob.expect("a channel");
    let at_alice = alice.channel().await;
    open(&from_bob).await;
    assert_eq!(at_alice.label(), "back");
    for round in 0..20 {
        let label = format!("number {round}");
        let made = alice.connection.create_data_channel(&label, DataChannelInit::default()).await;
        let made = made.expect("a channel");
        let seen = bob.channel().await;
        assert_eq!(seen.label(), label);
        open(&made).await;
        made.close();
        assert_eq!(next(&seen).await, Some(ChannelEvent::Open));
        assert_eq!(next(&seen).await, Some(ChannelEvent::Close));
        assert_eq!(next(&seen).await, None);
        assert_eq!(next(&made).await, Some(ChannelEvent::Close));
    }
}

#[tokio::test]
async fn messages_of_a_megabyte_arrive_whole() {
    let (_alice, _bob, ours, theirs) = channel_pair(DataChannelInit::default()).await;
    let messages: Vec<Bytes> = (0..8_u8)
        .map(|seed| (0..1_000_000_u32).map(|at| (at % 251) as u8 ^ seed).collect::<Vec<_>>().into())
        .collect();
    let sending = {
        let messages = messages.clone();
        tokio::spawn(async move {
            for message in messages {
                ours.send(message).await.expect("sent");
            }
            ours
        })
    };
    for expected in messages {
        assert!(message(&theirs).await == Message::Binary(expected), "a message came changed");
    }
    sending.await.expect("the sender lives");
}

/// Each of them waited for the one before it to be acknowledged, which takes 200 ms when its last packet has no other
/// to go with: a minute for all, and two seconds without.
#[tokio::test]
async fn long_messages_do_not_wait_until_those_before_them_are_acknowledged() {
    let (_alice, _bob, ours, theirs) = channel_pair(DataChannelInit::default()).await;
    for size in [100_000, 131_072, 200_000, 262_144, 1_000_000, 1_048_576] {
        let message = Bytes::from(vec![7; size]);
        let sending = async {
            for _ in 0..50 {
                ours.send(message.clone()).await.expect("sent");
            }
        };
        let reading = async {
            for _ in 0..50 {
                assert_eq!(self::message(&theirs).await.len(), size);
            }
        };
        let both = async { tokio::join!(sending, reading) };
        tokio::time::timeout(Duration::from_secs(8), both).await.expect("nothing waits");
    }
}

#[tokio::test]
async fn a_message_larger_than_the_remote_takes_is_refused_at_once() {
    let small = Config { max_message_size: 100_000, ..config() };
    let (_alice, _bob, ours, theirs) = channel_pair_with(config(), small, DataChannelInit::default()).await;
    let refused = ours.send(vec![0; 100_001]).await;
    assert_eq!(refused, Err(SendError::TooLarge { size: 100_001, limit: 100_000 }));
    ours.send(vec![1; 100_000]).await.expect("sent");
    assert_eq!(message(&theirs).await.len(), 100_000);
}

#[tokio::test]
async fn a_slow_reader_slows_the_sender_down_and_loses_nothing() {
    let receiver = Config { receive_buffer: 256 * 1024, ..config() };
    let sender = Config { send_buffer: 512 * 1024, ..config() };
    let (_alice, bob, ours, theirs) = channel_pair_with(sender, receiver, DataChannelInit::default()).await;
    const COUNT: u32 = 400;
    let sending = tokio::spawn(async move {
        for number in 0..COUNT {
            let mut payload = vec![0; 64 * 1024];
            payload[..4].copy_from_slice(&number.to_be_bytes());
            ours.send(payload).await.expect("sent");
        }
        ours
    });
    // Nobody reads until the sender is stuck: what is under way is bounded by buffers and windows.
    let stuck = loop {
        let before = bob.connection.stats().await.bytes_received;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let after = bob.connection.stats().await.bytes_received;
        if after - before < 64 * 1024 {
            break after;
        }
    };
    assert!(stuck < 14 * 1024 * 1024, "{stuck} bytes were taken from a sender nobody listens to");
    assert!(!sending.is_finished(), "the sender got rid of everything");
    for number in 0..COUNT {
        let Message::Binary(payload) = message(&theirs).await else { panic!("no bytes") };
        assert_eq!(payload[..4], number.to_be_bytes(), "out of order");
    }
    sending.await.expect("the sender lives");
}

#[tokio::test]
async fn the_buffered_amount_rises_and_its_low_event_comes_once_for_each_crossing() {
    let (_alice, _bob, ours, theirs) = channel_pair(DataChannelInit::default()).await;
    ours.set_buffered_amount_low_threshold(100_000);
    for _ in 0..20 {
        ours.try_send(vec![0; 60_000]).expect("there is room");
    }
    assert!(ours.buffered_amount() > 100_000);
    let reading = tokio::spawn(async move {
        for _ in 0..20 {
            message(&theirs).await;
        }
        theirs
    });
    assert_eq!(next(&ours).await, Some(ChannelEvent::BufferedAmountLow));
    assert!(ours.buffered_amount() <= 100_000);
    let theirs = reading.await.expect("the reader lives");
    theirs.send("end").await.expect("sent");
    assert_eq!(message(&ours).await, "end".into(), "no second low event before this message");
}

#[tokio::test]
async fn try_send_says_when_the_buffer_is_full() {
    let sender = Config { send_buffer: 100_000, ..config() };
    let (_alice, _bob, ours, theirs) = channel_pair_with(sender, config(), DataChannelInit::default()).await;
    let full = loop {
        if let Err(error) = ours.try_send(vec![0; 50_000]) {
            break error;
        }
    };
    assert_eq!(full, SendError::Full);
    drop(theirs);
}

#[tokio::test]
async fn closing_delivers_what_was_sent_before() {
    let (_alice, _bob, ours, theirs) = channel_pair(DataChannelInit::default()).await;
    for _ in 0..30 {
        ours.send(vec![7; 50_000]).await.expect("sent");
    }
    ours.close();
    assert_eq!(ours.send("late").await, Err(SendError::NotOpen));
    for _ in 0..30 {
        assert_eq!(message(&theirs).await.len(), 50_000);
    }
    assert_eq!(next(&theirs).await, Some(ChannelEvent::Close));
    assert_eq!(theirs.ready_state(), ReadyState::Closed);
    assert_eq!(theirs.send("late").await, Err(SendError::NotOpen));
}

#[tokio::test]
async fn closing_the_connection_closes_channels_and_the_other_side() {
    for bob_closes in [false, true] {
        let (alice, bob, ours, theirs) = channel_pair(DataChannelInit::default()).await;
        let (closer, mut other) = if bob_closes { (bob, alice) } else { (alice, bob) };
        closer.connection.close().await;
        assert_eq!(closer.connection.connection_state(), ConnectionState::Closed);
        other.reached(ConnectionState::Closed).await;
        for channel in [ours, theirs] {
            assert_eq!(next(&channel).await, Some(ChannelEvent::Close));
        }
    }
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_connection() {
    let (connection, mut events) = PeerConnection::open(config()).expect("a connection opens");
    let channel = connection.create_data_channel("x", DataChannelInit::default()).await;
    let channel = channel.expect("a channel");
    drop(connection.clone());
    assert_eq!(connection.connection_state(), ConnectionState::New, "there is another handle");
    drop(connection);
    assert_eq!(next(&channel).await, Some(ChannelEvent::Close));
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(Event::ConnectionState(ConnectionState::Closed))), "{last:?}");
}

#[tokio::test]
async fn a_channel_that_nobody_holds_holds_nobody_up() {
    let receiver = Config { receive_buffer: 64 * 1024, ..config() };
    let (alice, mut bob, ours, theirs) =
        channel_pair_with(config(), receiver, DataChannelInit::default()).await;
    drop(theirs);
    let second = alice.connection.create_data_channel("second", DataChannelInit::default()).await;
    let second = second.expect("a channel");
    let heard = bob.channel().await;
    open(&second).await;
    for _ in 0..20 {
        ours.send(vec![0; 64 * 1024]).await.expect("sent");
    }
    second.send("still here").await.expect("sent");
    assert_eq!(peer::message(&heard).await, "still here".into());
}

/// Messages of 1 KiB that one channel of two has to send all the time.
const FLOOD: usize = 40_000;

/// Sends messages on the one channel of two while the other always has more to send than finds room, and gives back
/// how many of the other's came before the last of them, from the first on. `ahead` says which of the two was there first.
async fn come_beside_a_flood(ahead: bool, messages: Vec<Bytes>) -> usize {
    let receiver = Config { receive_buffer: 256 * 1024, ..config() };
    let (alice, mut bob, first, first_heard) =
        channel_pair_with(config(), receiver, DataChannelInit::default()).await;
    let second = alice.connection.create_data_channel("second", DataChannelInit::default()).await;
    let second = second.expect("a channel");
    let second_heard = bob.channel().await;
    open(&second).await;
    open(&second_heard).await;
    let ends = ((first, first_heard), (second, second_heard));
    let ((ours, heard), (flooding, flooded)) = if ahead { ends } else { (ends.1, ends.0) };

    let count = Arc::new(AtomicUsize::new(0));
    let (counting, flood) = (Arc::clone(&count), Bytes::from(vec![1; 1_024]));
    let sender = tokio::spawn(async move {
        for _ in 0..FLOOD {
            flooding.send(flood.clone()).await.expect("sent");
        }
    });
    let reader = tokio::spawn(async move {
        for _ in 0..FLOOD {
            message(&flooded).await;
            counting.fetch_add(1, Ordering::Relaxed);
        }
    });
    while count.load(Ordering::Relaxed) < 1_000 {
        assert!(!sender.is_finished() && !reader.is_finished(), "the flood has ended");
        tokio::task::yield_now().await;
    }
    let before = count.load(Ordering::Relaxed);
    for message in &messages {
        ours.send(message.clone()).await.expect("sent");
    }
    for expected in messages {
        assert!(message(&heard).await == Message::Binary(expected), "a message came changed");
    }
    let between = count.load(Ordering::Relaxed) - before;
    sender.await.expect("the sender lives");
    reader.await.expect("all of the flood came");
    between
}

/// Turns go by bytes.
#[tokio::test]
async fn small_messages_come_beside_long_ones_as_fast_as_those() {
    let (alice, mut bob, ours, theirs) = channel_pair(DataChannelInit::default()).await;
    let second = alice.connection.create_data_channel("second", DataChannelInit::default()).await;
    let second = second.expect("a channel");
    let heard = bob.channel().await;
    open(&second).await;
    open(&heard).await;
    // Both stand ready before either is served.
    let (long, small) = (Bytes::from(vec![1; 1_000_000]), Bytes::from(vec![2; 1_000]));
    for _ in 0..4 {
        ours.try_send(long.clone()).expect("there is room");
    }
    for _ in 0..2_000 {
        second.try_send(small.clone()).expect("there is room");
    }
    let came = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&came);
    let reader = tokio::spawn(async move {
        for _ in 0..4 {
            message(&theirs).await;
            counting.fetch_add(1, Ordering::Relaxed);
        }
    });
    for _ in 0..1_000 {
        message(&heard).await;
    }
    let came = came.load(Ordering::Relaxed);
    assert!(came < 4, "all {came} long messages went first");
    reader.await.expect("they came");
}

#[tokio::test]
async fn a_channel_that_always_has_messages_keeps_no_other_waiting() {
    for ahead in [true, false] {
        let messages = (0..100_u8).map(|number| Bytes::from(vec![number; 1_000])).collect();
        let between = come_beside_a_flood(ahead, messages).await;
        assert!(between < FLOOD / 4, "{between} of {FLOOD} went first, ahead {ahead}");
    }
}

#[tokio::test]
async fn small_messages_of_another_channel_do_not_keep_a_long_one_from_finding_room() {
    for ahead in [true, false] {
        let between = come_beside_a_flood(ahead, vec![Bytes::from(vec![7; 1_000_000])]).await;
        assert!(between < FLOOD / 4, "{between} of {FLOOD} went first, ahead {ahead}");
    }
}
