//! A chat in the terminal: every line goes to everybody in the channel.
//!
//! `cargo run --example chat -- ws://127.0.0.1:7788 pk_live_…`
#![allow(clippy::wildcard_enum_match_arm, reason = "an application need not care for every event")]

use peerhall::{JoinOptions, MeteredPeer, PeerEvent, PeerOptions};
use serde_json::{Value, json};
use tokio::sync::mpsc;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let [url, key] = [1, 2].map(|index| std::env::args().nth(index).unwrap_or_default());
    let (typed, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        // Ends with the input, or when nobody listens any more.
        std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| typed.blocking_send(line))
    });
    run(&url, &key, lines, |line| println!("{line}")).await
}

/// Sends `lines` until there are no more, and shows what others write.
pub(crate) async fn run(
    url: &str,
    key: &str,
    mut lines: mpsc::Receiver<String>,
    show: impl Fn(&str),
) -> Outcome {
    let peer = MeteredPeer::new(PeerOptions::with_key(url, key)?)?;
    let mut events = peer.events();
    peer.join("chat", JoinOptions::default()).await?;
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                // What cannot be sent while the connection is being made anew is told, not kept.
                Some(text) => if let Err(error) = peer.send(json!({"text": text})).await {
                    show(&format!("not sent: {error}"));
                },
                None => {
                    peer.close(None).await;
                    return Ok(());
                }
            },
            event = events.next() => match event.ok_or("the peer ended")? {
                PeerEvent::Data(message) => {
                    let text = message.data.get("text").and_then(Value::as_str).unwrap_or("…");
                    show(&format!("{}: {text}", message.sender));
                }
                PeerEvent::PeerJoined(remote) => show(&format!("{} is here", remote.id())),
                PeerEvent::PeerLeft(remote) => show(&format!("{} is gone", remote.id())),
                PeerEvent::StateChange(change) => show(&format!("({})", change.to)),
                _ => {}
            },
        }
    }
}
