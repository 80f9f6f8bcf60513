//! The examples of the SDK, run as they stand.

use std::fs;
use std::path::Path;
use std::time::Duration;

use peerhall::media::{AudioSource, MediaFile, TestPattern};
use peerhall::{Codec, JoinOptions, LocalStream};
use peerhall_auth::key::KeyRecord;
use peerhall_e2e::native::{joined, key, next_remote, peer, soon};
use peerhall_e2e::server::{self, Running};
use tokio::sync::mpsc;

#[path = "../../peerhall/examples/call.rs"]
#[allow(dead_code, reason = "`main` is for people")]
mod call;
#[path = "../../peerhall/examples/chat.rs"]
#[allow(dead_code, reason = "`main` is for people")]
mod chat;
#[path = "../../peerhall/examples/echo_bot.rs"]
#[allow(dead_code, reason = "`main` is for people")]
mod echo_bot;
#[path = "../../peerhall/examples/game_tick.rs"]
#[allow(dead_code, reason = "`main` is for people")]
mod game_tick;
#[path = "../../peerhall/examples/hello.rs"]
#[allow(dead_code, reason = "`main` is for people")]
mod hello;
#[path = "../../peerhall/examples/pubsub.rs"]
#[allow(dead_code, reason = "`main` is for people")]
mod pubsub;
#[path = "../../peerhall/examples/reconnect.rs"]
#[allow(dead_code, reason = "`main` is for people")]
mod reconnect;

#[path = "../../peerhall/examples/recorder.rs"]
#[allow(dead_code, reason = "`main` is for people")]
mod recorder;

/// Lines that an example stays below, so that it is read at a glance.
const LINES: usize = 60;

#[test]
fn every_example_is_run_here_and_is_shorter_than_sixty_lines() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peerhall/examples");
    for entry in fs::read_dir(workspace).expect("examples") {
        let path = entry.expect("an example").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let lines = fs::read_to_string(&path).expect("an example").lines().count();
        assert!(lines < LINES, "{name} has {lines} lines");
        assert!(
            include_str!("sdk_examples.rs").contains(&format!("examples/{name}\"]")),
            "{name} is not run"
        );
    }
}

fn url(server: &Running) -> String {
    format!("ws://{}", server.addr())
}

fn started() -> (Running, KeyRecord) {
    let server = server::start();
    let key = key(&server);
    (server, key)
}

#[tokio::test]
async fn hello_meets_and_greets() {
    let (server, key) = started();
    soon("hello", hello::run(&url(&server), key.id.as_str())).await.expect("greets");
}

#[tokio::test]
async fn pubsub_reads_every_sensor() {
    let (server, key) = started();
    soon("pubsub", pubsub::run(&url(&server), key.id.as_str())).await.expect("reads");
}

#[tokio::test]
async fn reconnect_keeps_the_remote_peer_and_reopens_the_channel() {
    let (server, key) = started();
    soon("reconnect", reconnect::run(&url(&server), key.id.as_str())).await.expect("comes back");
}

#[tokio::test]
async fn game_ticks_arrive() {
    let (server, key) = started();
    soon("ticks", game_tick::run(&url(&server), key.id.as_str(), 30)).await.expect("plays");
}

#[tokio::test]
async fn chat_shows_what_others_write() {
    let (server, key) = started();
    let (reader, mut seen) = joined(&server, &key, "chat").await;
    let (typed, lines) = mpsc::channel(4);
    let (shown, mut shows) = mpsc::unbounded_channel();
    let (address, id) = (url(&server), key.id.as_str().to_owned());
    let chat = tokio::spawn(async move {
        chat::run(&address, &id, lines, |line| shown.send(line.to_owned()).expect("a reader")).await
    });
    let writer = next_remote(&mut seen).await;
    writer.send(serde_json::json!({"text": "welcome"})).await.expect("sent");
    let expected = format!("{}: welcome", reader.peer_id().expect("an id"));
    while soon("a line", shows.recv()).await.expect("more lines") != expected {}
    drop(typed);
    soon("the end", chat).await.expect("no panic").expect("no error");
}

/// Seconds of sound that are enough to tell a tone from silence.
const CALL: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_call_is_echoed_by_the_bot_and_recorded() {
    let (server, key) = started();
    let folder = std::env::temp_dir().join(format!("peerhall-call-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let (address, id) = (url(&server), key.id.as_str().to_owned());
    let recording = tokio::spawn({
        let (address, id, folder) = (address.clone(), id.clone(), folder.clone());
        async move { call::call(&address, &id, "call", &folder).await }
    });
    // The bot leaves once it has sent back some seconds of what it hears.
    let stop = tokio::time::sleep(CALL);
    soon("the bot", echo_bot::run(&address, &id, "call", stop)).await.expect("echoes");
    let files = soon("the recording", recording).await.expect("no panic").expect("a call");
    let [file] = &*files else { panic!("one file, not {files:?}") };
    assert_eq!(file.extension().and_then(|ending| ending.to_str()), Some("wav"));
    let bytes = fs::read(file).expect("a recording");
    let loud = bytes.iter().skip(44).filter(|sample| **sample & 0x70 != 0x70).count();
    assert!(loud > 4_000, "half a second of a tone: {loud} loud samples of {}", bytes.len());
    fs::remove_dir_all(&folder).expect("removed");
}

#[tokio::test]
async fn the_recorder_writes_down_the_test_picture_and_the_tone() {
    let (server, key) = started();
    let folder = tempfile::tempdir().expect("a folder");
    let (address, id, into) = (url(&server), key.id.as_str().to_owned(), folder.path().to_owned());
    let recording = tokio::spawn(async move { recorder::run(&address, &id, "studio", &into).await });
    let (singer, mut seen) = peer(&server, &key);
    let (picture, tone) = (TestPattern::start(), AudioSource::new());
    tone.tone(440.0);
    singer
        .add_stream(&LocalStream::new([picture.track().clone(), tone.track().clone()]), None)
        .expect("added");
    soon("joining", singer.join("studio", JoinOptions::default())).await.expect("joins");
    next_remote(&mut seen).await;
    // Until enough has been written, and not for a while: a busy machine takes its time.
    let sizes = || {
        let files = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("a file"));
        let mut sizes: Vec<_> = files
            .map(|file| (file.file_name(), file.metadata().expect("a file").len()))
            .filter(|(_, size)| *size > 8_000)
            .map(|(name, _)| name.to_string_lossy().rsplit('.').next().unwrap_or_default().to_owned())
            .collect();
        sizes.sort();
        sizes
    };
    let written = async {
        while sizes() != ["ivf", "wav"] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("a picture and a sound", written).await;
    singer.close(None).await;
    let files = soon("the end", recording).await.expect("no panic").expect("recorded");
    assert_eq!(files.len(), 2);
    let video =
        files.iter().find(|file| file.extension().is_some_and(|ending| ending == "ivf")).expect("video");
    let mut video = MediaFile::open(video).expect("a file that can be played");
    assert_eq!(video.codec(), Codec::Vp8);
    assert!(video.read().expect("readable").is_some());
}
