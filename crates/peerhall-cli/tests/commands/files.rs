use std::fs;
use std::path::Path;
use std::time::Duration;

use peerhall::labelled::{
    ChannelOptions, FileCode, Hasher, Kind, Room, RoomEvent, RoomPeer, SendOptions, Speaker,
};
use peerhall::{JoinOptions, MeteredPeer, PeerOptions, SignallingOptions};
use serde_json::{Value, json};

use crate::running::{Running, dev, event};
use crate::support::{Run, command};

/// Label of the files (`peerhall-proto`, `files.rs`).
const LABEL: &str = "peerhall files";

fn send(url: &str, key: &str, more: &[&str], files: &[&Path]) -> Running {
    Running::start(command().args(["send", "--url", url, "--key", key]).args(more).args(files))
}

fn receive(code: &str, into: &Path, more: &[&str]) -> Running {
    Running::start(command().args(["receive", code]).args(more).arg("--into").arg(into))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A file without a pattern, and its digest.
fn file(folder: &Path, name: &str, size: usize) -> (std::path::PathBuf, String) {
    let mut state = size as u64 | 1;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    let path = folder.join(name);
    fs::write(&path, bytes.take(size).collect::<Vec<_>>()).unwrap();
    let digest = digest(&path);
    (path, digest)
}

fn digest(path: &Path) -> String {
    Hasher::new().update(&fs::read(path).unwrap()).finalize().to_hex().to_string()
}

/// Names of what is in a folder, hidden files too.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_go_to_two_receivers_one_with_the_code_and_one_with_the_link() {
    let (_server, url, key) = dev();
    let folder = tempfile::tempdir().unwrap();
    let (big, big_digest) = file(folder.path(), "film.bin", 3_000_000);
    let (small, small_digest) = file(folder.path(), "Übersicht.txt", 12);
    let (empty, empty_digest) = file(folder.path(), "empty", 0);
    let mut sender = send(&url, &key, &["--receivers", "2"], &[&big, &small, &empty]);
    let code = sender.until(event("code"));
    assert_eq!((&code["files"], &code["bytes"]), (&json!(3), &json!(3_000_012)));
    let page = url.replacen("ws", "http", 1);
    assert_eq!(text(&code["link"]), format!("{page}/#code={}&key={key}", text(&code["code"])));

    let (with_code, with_link) = (folder.path().join("code"), folder.path().join("link"));
    let spoken = text(&code["code"]).to_uppercase();
    let mut first = receive(&spoken, &with_code, &["--url", &url, "--key", &key]);
    let mut second = receive(&text(&code["link"]), &with_link, &[]);
    for (receiver, into) in [(&mut first, &with_code), (&mut second, &with_link)] {
        receiver.until(event("done"));
        assert!(receiver.child.wait().unwrap().success());
        assert_eq!(names(into), ["empty", "film.bin", "Übersicht.txt"]);
        for (name, digest_of) in
            [("film.bin", &big_digest), ("Übersicht.txt", &small_digest), ("empty", &empty_digest)]
        {
            assert_eq!(digest(&into.join(name)), *digest_of, "{name}");
        }
    }
    assert!(sender.child.wait().unwrap().success());
}

#[test]
fn a_receiver_that_was_killed_goes_on_where_it_was_and_replaces_no_file() {
    let (_server, url, key) = dev();
    let folder = tempfile::tempdir().unwrap();
    let (small, small_digest) = file(folder.path(), "a.bin", 1_000);
    let (big, big_digest) = file(folder.path(), "b.bin", 80_000_000);
    let mut sender = send(&url, &key, &[], &[&small, &big]);
    let link = text(&sender.until(event("code"))["link"]);

    let into = folder.path().join("into");
    fs::create_dir(&into).unwrap();
    fs::write(into.join("b.bin"), "mine").unwrap();
    let mut receiver = receive(&link, &into, &[]);
    receiver.until(|line| {
        (line["event"] == "progress" && line["bytes"].as_u64() > Some(5_000_000)).then_some(())
    });
    drop(receiver);
    let part = names(&into).into_iter().find(|name| name.ends_with(".part")).unwrap();
    let have = fs::metadata(into.join(part)).unwrap().len();
    assert!((1..80_000_000).contains(&have), "{have}");

    let mut again = receive(&link, &into, &[]);
    let first = again.until(|line| {
        assert!(line["event"] != "received" || line["name"] != "a.bin", "it was here already");
        (line["event"] == "progress").then(|| line["bytes"].as_u64().unwrap())
    });
    assert!(first > have, "{first} after {have}");
    let received = again.until(event("received"));
    assert_eq!((&received["name"], &received["blake3"]), (&json!("b.bin"), &json!(big_digest)));
    assert!(again.child.wait().unwrap().success());
    assert!(sender.child.wait().unwrap().success());
    assert_eq!(names(&into), ["a.bin", "b (1).bin", "b.bin"]);
    assert_eq!(fs::read_to_string(into.join("b.bin")).unwrap(), "mine");
    assert_eq!(digest(&into.join("b (1).bin")), big_digest);
    assert_eq!(digest(&into.join("a.bin")), small_digest);
}

#[test]
fn files_for_a_channel_go_to_whoever_takes_them_there() {
    let (_server, url, key) = dev();
    let folder = tempfile::tempdir().unwrap();
    let (path, expected) = file(folder.path(), "notes.txt", 5_000);
    let mut sender = send(&url, &key, &["--to", "lobby"], &[&path]);
    let code = sender.until(event("code"));
    assert_eq!((&code["code"], &code["channel"]), (&Value::Null, &json!("lobby")));
    let into = folder.path().join("into");
    let mut receiver = receive(&text(&code["link"]), &into, &[]);
    receiver.until(event("done"));
    assert!(receiver.child.wait().unwrap().success() && sender.child.wait().unwrap().success());
    assert_eq!(digest(&into.join("notes.txt")), expected);
}

#[tokio::test]
async fn who_knows_the_channel_but_not_the_code_gets_nothing_not_even_a_name() {
    let (_server, url, key) = dev();
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), "secret-plans.txt", 5_000);
    let mut sender = send(&url, &key, &[], &[&path]);
    let channel = text(&sender.until(event("code"))["channel"]);

    // As the server could, which sees the channel.
    let (room, peer) = meet(&url, &key, &channel).await;
    let proof = "0".repeat(64);
    for said in [
        json!({"type": "take", "receiver": "spy", "have": [], "proof": proof}),
        json!({"type": "ask", "proof": proof}),
        json!({"type": "ask"}),
    ] {
        peer.send(said, SendOptions::default().label(LABEL)).unwrap().await.unwrap();
        let told = tokio::task::spawn_blocking(move || (sender.until(event("failed")), sender));
        let refused;
        (refused, sender) = told.await.unwrap();
        assert_eq!(refused["reason"], "does not know the code");
    }
    room.peer().close(None).await;
    let rest = tokio::time::timeout(Duration::from_secs(60), room.recv()).await;
    assert!(matches!(rest, Ok(None)), "something came before the end: {rest:?}");
}

#[tokio::test]
async fn who_has_the_code_sees_what_there_is_and_gets_it_when_it_takes_it() {
    let (_server, url, key) = dev();
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), "plans.txt", 5_000);
    let mut sender = send(&url, &key, &[], &[&path]);
    let code = FileCode::parse(&text(&sender.until(event("code"))["code"])).unwrap();
    let (room, peer) = meet(&url, &key, &code.channel()).await;
    let ends = peer.remote().pc().unwrap().fingerprints().await.unwrap();
    let proof = code.proof(Speaker::Receiver, &ends.local, &ends.remote);

    let say = |said| peer.send(said, SendOptions::default().label(LABEL)).unwrap();
    let next = async || room.recv().await.unwrap();
    say(json!({"type": "ask", "proof": proof})).await.unwrap();
    let offer: Value = serde_json::from_slice(&next().await.bytes().await.unwrap()).unwrap();
    assert_eq!(offer["files"], json!([{"name": "plans.txt", "size": 5_000}]));
    let given = text(&offer["proof"]);
    assert!(code.proves(Speaker::Sender, &ends.local, &ends.remote, &given), "it has the code, too");

    // Were a file on its way before it is taken, it would be in front of this second answer.
    say(json!({"type": "ask", "proof": proof})).await.unwrap();
    let again: Value = serde_json::from_slice(&next().await.bytes().await.unwrap()).unwrap();
    assert_eq!(again, offer);
    say(json!({"type": "take", "batch": offer["batch"], "receiver": "me", "proof": proof})).await.unwrap();
    next().await.bytes().await.unwrap();
    let file = next().await;
    assert_eq!(
        (file.kind(), file.name().as_deref(), file.total()),
        (Kind::Blob, Some("plans.txt"), Some(5_000))
    );
    room.peer().close(None).await;
}

/// A member of a channel that labels files as those do who hand them over, and the other one there.
async fn meet(url: &str, key: &str, channel: &str) -> (Room, RoomPeer) {
    let options = PeerOptions::from(SignallingOptions::with_key(url, key).unwrap());
    let member = MeteredPeer::new(options).unwrap();
    let room = Room::new(member.clone());
    room.open(LABEL, ChannelOptions::default()).unwrap();
    let mut events = room.events();
    member.join(channel, JoinOptions::default()).await.unwrap();
    loop {
        if let RoomEvent::Ready(peer) = events.next().await.unwrap() {
            return (room, peer);
        }
    }
}

#[test]
fn what_cannot_be_sent_or_taken_is_told_with_the_next_step() {
    let run = |arguments: &[&str]| Run(command().args(arguments).output().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    assert!(run(&["send", "Cargo.toml"]).sentence(2).contains("--key"));
    assert!(run(&["send", place, "--key", "k"]).sentence(2).contains("tar or zip"));
    assert!(run(&["send", "not-there", "--key", "k"]).sentence(1).contains("not-there"));
    for code in ["7k3m-9qxt", "http://127.0.0.1:7788/", "mailto://a#channel=b"] {
        assert!(run(&["receive", code, "--key", "k"]).sentence(2).contains("peerhall send"), "{code}");
    }
    let code = "7k3m-9qxt-2h5w-8vbn";
    assert!(run(&["receive", code]).sentence(2).contains("--key"));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = run(&["receive", code, "--key", "k", "--into", file.to_str().unwrap()]).sentence(1);
    assert!(refused.contains("file: "), "{refused}");
}
