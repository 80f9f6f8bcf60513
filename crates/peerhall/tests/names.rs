//! Every row of `docs/names.md`: what stands there compiles, and does what can be done without a server.

use std::time::Duration;

use peerhall::event::{Connected, Direct, Disconnected, Joined, Left, Message, Presence, ServerError};
use peerhall::event::{StreamEvent, TrackEvent};
use peerhall::labelled::{
    Broadcast, ChannelOptions, Incoming, Receipt, RoomPeer, SendOptions, Share, Transfer,
};
use peerhall::{
    Channel, ClientEvent, CloseCode, Codec, ConfigError, ConnectError, DataChannel, DataChannelEvent,
    DataChannelInit, DataChannelOptions, ErrorInfo, Events, JoinError, JoinOptions, LocalStream, LocalTrack,
    MeteredPeer, PeerConnection, PeerData, PeerEvent, PeerOptions, PeerState, PublishError, ReconnectOptions,
    RemoteEvent, RemotePeer, RemoteState, RemoteStream, ReplaceError, ReplaceTrackError, RequestError,
    SetupError, SignallingClient, SignallingOptions, SignallingState, StateChange, StateError,
    StreamMetadata, SubscribeOptions,
};
use serde_json::{Value, json};

type Any = Box<dyn std::error::Error>;

/// A server that does not answer: port 9 of this machine.
const NOBODY: &str = "ws://127.0.0.1:9";

fn options() -> Result<SignallingOptions, ConfigError> {
    let reconnect = ReconnectOptions::default()
        .initial_delay(Duration::from_millis(500))
        .multiplier(2.0)?
        .max_delay(Duration::from_secs(30))
        .jitter_ratio(0.2)?
        .max_attempts(Some(100))?;
    SignallingOptions::with_key(NOBODY, "pk_live_example")?
        .reconnect(Some(reconnect))
        .inactivity_timeout(Some(Duration::from_secs(60)))
        .auto_resubscribe(true)
        .token_timeout(Duration::from_secs(10))
}

#[tokio::test]
async fn a_client_has_the_names_of_the_seeds() {
    let made: Result<SignallingClient, SetupError> = SignallingClient::new(options().unwrap());
    let client = made.unwrap();
    let state: SignallingState = client.state();
    assert_eq!(state, SignallingState::Idle);
    assert_eq!(client.peer_id(), None);
    assert!(client.max_message_size() > 0);
    let _: Events<Connected> = client.on_connected();
    let _: Events<Disconnected> = client.on_disconnected();
    let _: Events<StateChange<SignallingState>> = client.state_changes();
    let _: Events<Message> = client.on_message();
    let _: Events<Direct> = client.on_direct();
    let _: Events<Presence> = client.on_presence();
    let _: Events<ServerError> = client.on_server_error();
    let _: Events<Duration> = client.on_going_away();
    let _: Events<(u32, String)> = client.on_token_provider_error();
    let _: Events<ClientEvent> = client.events();
    let refused: Result<(), RequestError> = client.subscribe("room", SubscribeOptions::default()).await;
    assert!(refused.is_err());
    assert!(client.unsubscribe("room").await.is_err(), "it is not connected");
    let refused: Result<(), PublishError> = client.publish("room", json!({"n": 1})).await;
    assert!(refused.is_err());
    assert!(client.send("somebody", "hello").await.is_err());
    client.close(CloseCode::NORMAL, "done").await;
}

#[tokio::test]
async fn a_peer_has_the_names_of_the_seeds() {
    let peer = MeteredPeer::new(PeerOptions::from(options().unwrap())).unwrap();
    let state: PeerState = peer.state();
    assert_eq!(state, PeerState::Idle);
    assert_eq!((peer.peer_id(), peer.channel(), peer.remote_peers().len()), (None, None, 0));
    assert!(peer.to_json().is_object());
    let camera = LocalTrack::new(Codec::Vp8, None);
    let stream = LocalStream::new([camera.clone()]);
    let metadata = StreamMetadata::new().with_role("camera").with_label("mine").with("n", 1);
    let added: Result<(), StateError> = peer.add_stream(&stream, Some(metadata.clone()));
    added.unwrap();
    assert_eq!(peer.stream_metadata(&stream), Some(metadata.clone()));
    assert_eq!(peer.track_metadata(&camera), Some(metadata.clone()));
    assert_eq!((metadata.role(), metadata.label()), (Some("camera"), Some("mine")));
    assert_eq!(metadata.get("n"), Some(&json!(1)));
    peer.remove_stream(&stream).unwrap();
    peer.add_track(&camera, None, None).unwrap();
    let replaced: Result<(), ReplaceError> = peer.replace_track(&camera, None).await;
    replaced.unwrap();
    peer.remove_track(&camera).unwrap();
    peer.open_channel("files", ChannelOptions::default()).unwrap();
    let _: Broadcast = peer.transfer("text", &SendOptions::default().label("files"));
    peer.close_channel("files");
    let shared: Option<LocalStream> = peer.share(Share::new("camera", stream.clone())).unwrap();
    assert_eq!(shared.as_ref().map(LocalStream::id), Some(stream.id()));
    assert_eq!(peer.labelled().to_json()["streams"], json!(["camera"]));
    let unshared: Option<LocalStream> = peer.unshare("camera");
    assert_eq!(unshared.as_ref().map(LocalStream::id), Some(stream.id()));
    let _: Events<Joined> = peer.on_joined();
    let _: Events<Left> = peer.on_left();
    let _: Events<StateChange<PeerState>> = peer.state_changes();
    let _: Events<RemotePeer> = peer.on_peer_joined();
    let _: Events<RemotePeer> = peer.on_peer_left();
    let _: Events<PeerData> = peer.on_data();
    let _: Events<ErrorInfo> = peer.on_error();
    let _: Events<PeerEvent> = peer.events();
    assert!(peer.send(json!("to all")).await.is_err(), "it has not joined");
    assert!(peer.send_to("somebody", json!("to one")).await.is_err());
    peer.close(Some("done")).await;
    assert_eq!(peer.state(), PeerState::Closed);
}

#[test]
fn what_cannot_work_is_refused_where_it_is_said() {
    assert!(ReconnectOptions::default().multiplier(0.5).is_err());
    assert!(options().unwrap().token_timeout(Duration::ZERO).is_err());
    let provider = || std::future::ready(Ok("token".to_owned()));
    assert!(PeerOptions::with_tokens(NOBODY, provider).is_ok());
    assert!(PeerOptions::with_key("http://example.org", "k").is_err());
    assert!(DataChannelOptions::new(0, 0, 0).is_err());
}

/// What needs somebody at the other end: it has to compile.
#[expect(dead_code, reason = "compiling is the test")]
async fn a_remote_peer_has_the_names_of_the_seeds(peer: MeteredPeer, remote: RemotePeer) -> Result<(), Any> {
    let joined: Result<(), JoinError> = peer.join("room", JoinOptions::default()).await;
    joined?;
    let _: Option<Incoming> = peer.next_transfer().await;
    let _: Option<RoomPeer> = remote.labelled();
    let _: (&str, Option<Value>, RemoteState, bool) =
        (remote.id(), remote.metadata(), remote.state(), remote.polite());
    let _: (Option<PeerConnection>, Value) = (remote.pc(), remote.to_json());
    remote.send(json!({"to": "one"})).await?;
    let _: Events<StateChange<RemoteState>> = remote.state_changes();
    let _: Events<TrackEvent> = remote.on_track();
    let _: Events<StreamEvent> = remote.on_stream_added();
    let _: Events<RemoteStream> = remote.on_stream_removed();
    let _: Events<Channel> = remote.on_data_channel();
    let _: Events<()> = remote.on_connection_reset();
    let _: Events<ErrorInfo> = remote.on_negotiation_error();
    let _: Events<ErrorInfo> = remote.on_ice_candidate_error();
    let _: Events<RemoteEvent> = remote.events();
    let raw: Channel = remote.create_data_channel("game", DataChannelInit::default()).await?;
    let channel = DataChannel::wrap(raw, DataChannelOptions::default());
    let limits = DataChannelOptions::default();
    let _: DataChannel = remote.open_data_channel("game", DataChannelInit::default(), limits).await?;
    remote.open_channel("files", ChannelOptions::default())?;
    let transfer: Transfer = remote.transfer("text", SendOptions::default().label("files"))?;
    let _: Receipt = transfer.await?;
    remote.close_channel("files");
    let stream = LocalStream::new([LocalTrack::new(Codec::Opus, None)]);
    let _: Option<LocalStream> = remote.share(Share::new("camera", stream))?;
    let _: Option<LocalStream> = remote.unshare("camera");
    channel.opened().await?;
    channel.send("text").await?;
    let _ = (channel.ready_state(), channel.buffered_amount(), channel.label());
    let _: Events<DataChannelEvent> = channel.events();
    let _ = channel.on_message();
    channel.close();
    Ok(())
}

/// Errors have the names by which the seeds know them.
#[expect(dead_code, reason = "compiling is the test")]
async fn errors_have_their_names(client: SignallingClient, replaced: ReplaceTrackError) -> String {
    let failed: Result<(), ConnectError> = client.connect().await;
    format!("{:?} {replaced}", failed.err().map(|error| error.name()))
}

#[test]
fn every_call_in_the_table_of_names_is_made_here() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/names.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let source = include_str!("names.rs");
    let mut count = 0;
    for row in page.lines().filter(|line| line.starts_with("| `") || line.starts_with("| all")) {
        let ours = row.split('|').nth(2).expect("two columns");
        for code in ours.split('`').skip(1).step_by(2) {
            for (end, _) in code.match_indices('(') {
                let before = code.get(..end).unwrap_or_default();
                let name =
                    before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if name.chars().next().is_some_and(char::is_lowercase) {
                    let (method, function) = (format!(".{name}("), format!("::{name}("));
                    assert!(source.contains(&method) || source.contains(&function), "{name} of {row}");
                    count += 1;
                }
            }
        }
    }
    assert!(count > 60, "{count} calls");
}
