use std::io::Write;

use serde_json::Value;

use crate::running::{dev, event, join};
use crate::support::{Run, command};

#[test]
fn somebody_in_the_terminal_talks_with_the_bot_sees_and_hears_it_and_gets_a_file() {
    let (_server, url, key) = dev();
    let mut bot = join(&url, &key, &["--bot"]);
    bot.until(event("joined"));
    let mut me = join(&url, &key, &["--name", "me"]);
    let remote = me.until(event("peer-joined"))["peer"].clone();
    assert_eq!(me.until(event("stream-added"))["label"], "a test picture and a tone");
    me.until(|line| (line["event"] == "remote-state-change" && line["to"] == "connected").then_some(()));

    writeln!(me.input(), "how are you").unwrap();
    let said = |text: &'static str| {
        move |line: &Value| (line["event"] == "data" && line["data"]["text"] == text).then_some(())
    };
    me.until(said("You said: how are you"));
    writeln!(me.input(), "/file").unwrap();
    assert_eq!(me.until(event("data-channel"))["label"], "file");

    writeln!(me.input(), "/drop").unwrap();
    me.until(|line| (line["event"] == "state-change" && line["to"] == "reconnecting").then_some(()));
    me.until(|line| (line["event"] == "state-change" && line["to"] == "joined").then_some(()));
    writeln!(me.input(), "/who").unwrap();
    let here = me.until(event("who"));
    assert_eq!(here["peers"][0]["peer"], remote, "the same peer as before: {here}");
    assert!(here["peers"][0]["bytesReceivedPerSecond"].is_number(), "{here}");
    writeln!(me.input(), "/quit").unwrap();
    assert!(me.child.wait().unwrap().success());
    bot.until(event("peer-left"));
}

#[test]
fn what_keeps_a_peer_out_is_told_with_the_next_step() {
    let run = |arguments: &[&str]| Run(command().arg("join").args(arguments).output().unwrap());
    assert!(run(&["room"]).sentence(2).contains("--key"));
    assert!(run(&["room", "--key", "k", "--url", "ws://example.org"]).sentence(2).contains("wss://"));
    let (_server, url, _) = dev();
    let refused = run(&["room", "--key", "pk_live_00000000000000000000000000000000", "--url", &url]);
    assert!(refused.0.status.code() == Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.0.stderr).contains("cannot join"), "{refused:?}");
}
