//! Every frame as a file: what we read is what we write, byte for byte (after stripping layout).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use peerhall_proto::frame::client::{ClientFrame, Request};
use peerhall_proto::frame::decode::Envelope;
use peerhall_proto::frame::server::{ServerFrame, write_presence};
use peerhall_proto::signal::{Signal, TrackMetadataMessage};

fn golden(name: &str) -> String {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

fn client(name: &str) {
    let text = golden(name);
    let request: Request<'_> = Envelope::parse(&text).unwrap().decode(64).unwrap();
    assert_eq!(serde_json::to_string(&request).unwrap(), text, "{name}");
}

fn server(name: &str) {
    let text = golden(name);
    assert_eq!(ServerFrame::decode(&text).unwrap().encode().as_str(), text, "{name}");
}

#[test]
fn client_frames_read_and_write_as_their_files() {
    for name in ["subscribe", "subscribe_metadata", "unsubscribe", "publish", "send", "ping", "ping_id"] {
        client(name);
    }
}

#[test]
fn server_frames_read_and_write_as_their_files() {
    for name in [
        "welcome",
        "welcome_token",
        "ack",
        "error",
        "error_plain",
        "message",
        "message_metadata",
        "direct",
        "presence",
        "presence_dropped",
        "going_away",
        "ice_servers",
        "pong",
        "pong_id",
    ] {
        server(name);
    }
}

#[test]
fn the_presence_writer_agrees_with_the_presence_struct() {
    let text = golden("presence");
    let ServerFrame::Presence(frame) = ServerFrame::decode(&text).unwrap() else { panic!("{text}") };
    let pieces = |list: &[peerhall_proto::frame::server::PresenceEntry<'_>]| {
        list.iter().map(|entry| entry.to_json()).collect::<Vec<_>>()
    };
    let (joined, left) = (pieces(&frame.joined), pieces(&frame.left));
    let written = write_presence(
        &frame.channel,
        joined.iter().map(|piece| &**piece),
        left.iter().map(|piece| &**piece),
    );
    assert_eq!(written.as_str(), text);
}

#[test]
fn signals_read_and_write_as_their_files() {
    for name in ["rtc_description", "rtc_ice", "rtc_ice_end"] {
        let text = golden(name);
        let signal: Signal = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&signal).unwrap(), text, "{name}");
    }
    for name in ["track_metadata", "track_metadata_python", "track_metadata_clear"] {
        let text = golden(name);
        let message: TrackMetadataMessage = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), text, "{name}");
    }
}

#[test]
fn every_golden_file_is_named_by_a_test() {
    let source = include_str!("golden.rs");
    let folder = format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(source.contains(&format!("\"{name}\"")), "{name}.json is read by no test");
    }
}

#[test]
fn debug_output_shows_no_payload() {
    let text = golden("publish");
    let request = Envelope::parse(&text).unwrap().decode(64).unwrap();
    let ClientFrame::Publish(_) = request.frame else { panic!("{text}") };
    let encoded = ServerFrame::decode(&golden("message")).unwrap().encode();
    assert!(format!("{encoded:?}").ends_with("bytes)"));
    let signal: Signal = serde_json::from_str(&golden("rtc_description")).unwrap();
    assert!(!format!("{signal:?}").contains("ice-pwd"));
}
