//! Sessions over real connections on loopback, without a server.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use peerhall_core::{PeerId, RemoteKey};
use peerhall_labelled::{ChannelOptions, Config, Kind, Proof, Role, Session};
use peerhall_rtc::net::{Allow, Loopback, NetworkConfig};
use peerhall_rtc::{DataChannelInit, Event, Events, OfferOptions, PeerConnection};
use tokio::sync::mpsc;

use super::body::PeerShared;
use super::{Incoming, Payload, RoomPeer, SendOptions, TransferError};
use crate::events::Sender;
use crate::remote_peer::{RemotePeer, RemoteShared};

/// Nothing on loopback takes this long unless it never happens.
const LIMIT: Duration = Duration::from_secs(120);

struct Side {
    peer: RoomPeer,
    connection: PeerConnection,
    arrivals: mpsc::UnboundedReceiver<Incoming>,
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("no {what} in time"))
}

fn side(role: Role) -> (Side, Events) {
    let network = NetworkConfig {
        loopback: Loopback::Always,
        allow: vec![Allow::Address(IpAddr::V4(Ipv4Addr::LOCALHOST))],
        ..NetworkConfig::default()
    };
    let config = peerhall_rtc::Config { network, ..peerhall_rtc::Config::default() };
    let (connection, events) = PeerConnection::open(config).unwrap();
    let key = RemoteKey(1);
    let inner = Arc::new(RemoteShared::new(key, PeerId::new("other").unwrap()));
    let remote = RemotePeer { shared: Weak::new(), inner };
    let (mouth, arrivals) = mpsc::unbounded_channel();
    let session = Session::new(role, 7, Config::default());
    let told = Arc::new(Mutex::new(Sender::new()));
    let shared = PeerShared::new(remote, Some(connection.clone()), session, told, mouth);
    (Side { peer: RoomPeer { shared }, connection, arrivals }, events)
}

/// Hands candidates over, and channels to the session.
fn follow(side: &Side, mut events: Events, other: &Side) {
    let (shared, other) = (Arc::downgrade(&side.peer.shared), other.connection.clone());
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let Event::LocalCandidate(candidate) = event {
                other.add_candidate(candidate).await.unwrap();
            } else if let Event::DataChannel(channel) = event {
                let Some(shared) = shared.upgrade() else { return };
                shared.remote_channel(channel);
            }
        }
    });
}

/// Two sides that are connected, with the label `files` open.
async fn pair() -> (Side, Side) {
    let ((near, near_events), (far, far_events)) = (side(Role::Creator), side(Role::Asker));
    let probe = DataChannelInit { negotiated: Some(1_022), ..DataChannelInit::default() };
    near.connection.create_data_channel("", probe).await.unwrap();
    let offer = near.connection.create_offer(OfferOptions::default()).await.unwrap();
    near.connection.set_local_description(offer.clone()).await.unwrap();
    far.connection.set_remote_description(offer).await.unwrap();
    let answer = far.connection.create_answer().await.unwrap();
    far.connection.set_local_description(answer.clone()).await.unwrap();
    near.connection.set_remote_description(answer).await.unwrap();
    follow(&near, near_events, &far);
    follow(&far, far_events, &near);
    for side in [&near, &far] {
        side.peer.shared.call(|session, _| session.capable());
        side.peer.open("files", ChannelOptions::default()).unwrap();
    }
    (near, far)
}

fn files() -> SendOptions {
    SendOptions::default().label("files")
}

fn noise(seed: u64, count: usize) -> Bytes {
    println!("seed {seed}");
    let mut state = seed | 1;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    bytes.take(count).collect::<Vec<_>>().into()
}

fn digest(bytes: &[u8]) -> Proof {
    Proof(*blake3::hash(bytes).as_bytes())
}

#[tokio::test]
async fn l03_messages_of_every_kind_arrive_with_name_info_and_proof_over_real_channels() {
    let (near, mut far) = pair().await;
    let picture = noise(1, 3_000_000);
    let blob = Payload::blob(picture.clone(), "../../holiday.jpg", "image/jpeg");
    let info = serde_json::json!({"album": 7}).as_object().cloned().unwrap();
    let transfer = near.peer.send(blob, files().info(info.clone())).unwrap();
    let mut progress = transfer.progress();
    let message = soon("a message", far.arrivals.recv()).await.unwrap();
    assert_eq!((message.kind(), message.total(), message.info()), (Kind::Blob, Some(3_000_000), &info));
    assert_eq!((message.name().as_deref(), message.mime()), (Some("holiday.jpg"), Some("image/jpeg")));
    assert_eq!(soon("the bytes", message.bytes()).await.unwrap(), picture);
    let receipt = soon("the receipt", transfer).await.unwrap();
    assert_eq!((receipt.bytes, receipt.proof), (3_000_000, digest(&picture)));
    let mut last = None;
    while let Some(step) = soon("progress", progress.next()).await {
        last = Some(step);
    }
    assert!(last.is_some_and(|step| step.done && step.acked == 3_000_000), "{last:?}");

    let back = far.peer.send("hällo", files()).unwrap();
    let mut near = near;
    let message = soon("the text", near.arrivals.recv()).await.unwrap();
    assert_eq!(soon("the text", message.text()).await.unwrap(), "hällo");
    assert_eq!(soon("the receipt", back).await.unwrap().bytes, "hällo".len() as u64);
}

#[tokio::test]
async fn a_thousand_small_messages_arrive_in_order() {
    let (near, mut far) = pair().await;
    let transfers: Vec<_> = (0..1_000).map(|n| near.peer.send(noise(n, 1_024), files()).unwrap()).collect();
    for n in 0..1_000 {
        let message = soon("a message", far.arrivals.recv()).await.unwrap();
        assert_eq!(soon("its bytes", message.bytes()).await.unwrap(), noise(n, 1_024));
    }
    for transfer in transfers {
        soon("a receipt", transfer).await.unwrap();
    }
}

#[tokio::test]
async fn l05_l06_either_side_stops_a_message_on_the_way_and_the_channel_goes_on() {
    let (near, mut far) = pair().await;
    for round in 0..10 {
        let transfer = near.peer.send(Payload::reader(tokio::io::repeat(round)), files()).unwrap();
        let mut message = soon("a message", far.arrivals.recv()).await.unwrap();
        for _ in 0..=round {
            assert!(soon("bytes", message.chunk()).await.unwrap().is_some());
        }
        if round % 2 == 0 {
            transfer.abort("enough");
            let expected = TransferError::Aborted { reason: "enough".to_owned() };
            let failed = async {
                loop {
                    if let Err(error) = message.chunk().await {
                        return error;
                    }
                }
            };
            assert_eq!(soon("the end", failed).await, expected);
            assert_eq!(soon("the end", transfer).await, Err(expected));
        } else {
            message.reject("no room");
            let expected = TransferError::Cancelled { reason: "no room".to_owned() };
            assert_eq!(soon("the end", transfer).await, Err(expected));
        }
    }
    let last = near.peer.send("still there", files()).unwrap();
    let message = soon("the last", far.arrivals.recv()).await.unwrap();
    assert_eq!(soon("the last", message.text()).await.unwrap(), "still there");
    assert!(soon("the receipt", last).await.is_ok());
}

#[tokio::test]
async fn a_file_waits_for_the_receiver_who_goes_on_with_what_it_has() {
    let (near, mut far) = pair().await;
    let bytes = noise(5, 1_500_000);
    let path = std::env::temp_dir().join(format!("peerhall-labelled-{}.bin", std::process::id()));
    tokio::fs::write(&path, &bytes).await.unwrap();
    let transfer = near.peer.send(Payload::file(&path).await.unwrap(), files()).unwrap();
    let mut message = soon("the file", far.arrivals.recv()).await.unwrap();
    assert!(message.waits() && message.content().is_some());
    let have = 600_000;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..have]);
    message.go_on(have as u64, hasher);
    let rest = soon("the rest", message.bytes()).await.unwrap();
    assert_eq!(rest, bytes.slice(have..));
    assert_eq!(soon("the receipt", transfer).await.unwrap().proof, digest(&bytes));
    tokio::fs::remove_file(&path).await.unwrap();
}
