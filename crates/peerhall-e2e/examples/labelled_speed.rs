//! What labels cost: bytes per second on a raw data channel and on a labelled one between two native peers on
//! loopback, and small files with and without waiting for each.
//!
//! `cargo run --release -p peerhall-e2e --example labelled_speed [MIB]`

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a measurement stops at the first surprise")]

use std::time::{Duration, Instant};

use peerhall::labelled::{ChannelOptions, Payload, Room, RoomEvent, RoomPeer, SendOptions};
use peerhall::{DataChannel, DataChannelInit, DataChannelOptions, JoinOptions};
use peerhall_e2e::native::{named, soon};
use peerhall_e2e::server::{self, Running};

/// Measurements of each kind, in turns, so that what else the machine does falls on both.
const ROUNDS: usize = 3;

/// Bytes of one raw message: the largest of a frame.
const MESSAGE: usize = 16_384;

/// Small files of one measurement, and their size in bytes.
const SMALL: (usize, usize) = (1_000, 1_024);

#[tokio::main]
async fn main() {
    let mib = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(256_usize);
    let server = server::start();
    let (alice, bob) = (member(&server, "alice").await, member(&server, "bob").await);
    let near = ready(&alice).await;
    let far = ready(&bob).await;
    let raw = raw_pair(&near, &far).await;
    let payload = vec![7; mib * 1024 * 1024];
    for _ in 0..ROUNDS {
        let plain = raw_time(&raw, payload.len()).await;
        let labelled = labelled_time(&near, &bob, &payload).await;
        let rate = |time: Duration| mib as f64 / time.as_secs_f64();
        let share = plain.as_secs_f64() / labelled.as_secs_f64() * 100.0;
        println!("raw {:.0} MiB/s, labelled {:.0} MiB/s: {share:.0} %", rate(plain), rate(labelled));
        let (together, apart) = (small_together(&near, &bob).await, small_apart(&near, &bob).await);
        let times = apart.as_secs_f64() / together.as_secs_f64();
        println!("{} files: {together:.1?} together, {apart:.1?} one by one: {times:.1} x", SMALL.0);
    }
}

async fn member(server: &Running, id: &str) -> Room {
    let (peer, _) = named(server, &format!("ws://{}", server.addr()), id);
    let room = Room::new(peer.clone());
    room.open("files", ChannelOptions::default()).expect("a label");
    soon("joining", peer.join("room", JoinOptions::default())).await.expect("joins");
    room
}

async fn ready(room: &Room) -> RoomPeer {
    let mut events = room.events();
    loop {
        let found = room.remotes().into_iter().next().filter(|peer| peer.channel("files").is_some());
        if let Some(peer) = found {
            return peer;
        }
        let event: Option<RoomEvent> = soon("labels", events.next()).await;
        event.expect("the room goes on");
    }
}

async fn raw_pair(near: &RoomPeer, far: &RoomPeer) -> (DataChannel, DataChannel) {
    let mut offered = far.remote().on_data_channel();
    let opening =
        near.remote().open_data_channel("raw", DataChannelInit::default(), DataChannelOptions::default());
    let ours = opening.await.expect("a channel");
    soon("opening", ours.opened()).await.expect("opens");
    let theirs = soon("the other end", offered.next()).await.expect("a channel");
    (ours, DataChannel::wrap(theirs, DataChannelOptions::default()))
}

async fn raw_time((ours, theirs): &(DataChannel, DataChannel), bytes: usize) -> Duration {
    let began = Instant::now();
    let sending = async {
        for _ in 0..bytes / MESSAGE {
            ours.send(vec![7; MESSAGE]).await.expect("sent");
        }
    };
    let receiving = async {
        let mut count = 0;
        while count < bytes {
            count += theirs.recv().await.expect("more").len();
        }
    };
    tokio::join!(sending, receiving);
    began.elapsed()
}

async fn labelled_time(near: &RoomPeer, far: &Room, payload: &[u8]) -> Duration {
    let payload = Payload::blob(payload.to_vec(), "", "");
    let began = Instant::now();
    let transfer = near.send(payload, on_label()).expect("taken");
    let mut message = far.recv().await.expect("a message");
    while message.chunk().await.expect("more").is_some() {}
    transfer.await.expect("a receipt");
    began.elapsed()
}

async fn small_together(near: &RoomPeer, far: &Room) -> Duration {
    let began = Instant::now();
    let send = |_| near.send(vec![7; SMALL.1], on_label()).expect("taken");
    let transfers: Vec<_> = (0..SMALL.0).map(send).collect();
    for _ in 0..SMALL.0 {
        far.recv().await.expect("a message").bytes().await.expect("arrives");
    }
    for transfer in transfers {
        transfer.await.expect("a receipt");
    }
    began.elapsed()
}

async fn small_apart(near: &RoomPeer, far: &Room) -> Duration {
    let began = Instant::now();
    for _ in 0..SMALL.0 {
        let transfer = near.send(vec![7; SMALL.1], on_label()).expect("taken");
        far.recv().await.expect("a message").bytes().await.expect("arrives");
        transfer.await.expect("a receipt");
    }
    began.elapsed()
}

fn on_label() -> SendOptions {
    SendOptions::default().label("files")
}
