//! Somebody to talk to: greets, echoes, and does what it is told.

use peerhall::media::{AudioSource, TestPattern};
use peerhall::{
    Channel, DataChannel, DataChannelInit, DataChannelOptions, LocalStream, MeteredPeer, PeerData,
    RemotePeer, StreamMetadata, TransportPolicy,
};
use serde_json::{Value, json};

const HELP: &str = "I echo what you write and what you send through data channels. /drop: I lose the server and come \
                    back. /relay and /direct: over which paths. /file: I send you a file through a data channel.";

/// Pitch of the bot's tone, in hertz: the A to which orchestras tune.
const TONE: f64 = 440.0;

/// Bytes of the file that `/file` sends.
const FILE_BYTES: usize = 1_000_000;

/// Bytes of one message of it: what every browser takes.
const CHUNK: usize = 16 * 1024;

/// The bot of a peer.
#[derive(Debug)]
pub(super) struct Bot {
    peer: MeteredPeer,
    name: String,
    /// Play for as long as the bot lives.
    _tone: AudioSource,
    _picture: TestPattern,
}

impl Bot {
    /// A bot that speaks, hums and shows the time through a peer.
    pub(super) fn start(peer: &MeteredPeer, name: &str) -> Self {
        let tone = AudioSource::new();
        tone.tone(TONE);
        let picture = TestPattern::start();
        let metadata = StreamMetadata::new().with_role("bot").with_label("a test picture and a tone");
        let stream = LocalStream::new([tone.track().clone(), picture.track().clone()]);
        // A peer that has not joined takes every track.
        let _ = peer.add_stream(&stream, Some(metadata));
        Self { peer: peer.clone(), name: name.to_owned(), _tone: tone, _picture: picture }
    }

    /// Says hello to somebody who came.
    pub(super) fn greet(&self, remote: &RemotePeer) {
        self.tell(remote.id(), format!("Hello {}! {HELP}", remote.id()));
    }

    /// Answers a message.
    pub(super) fn heard(&self, data: &PeerData) {
        let text = data.data.get("text").and_then(Value::as_str).or_else(|| data.data.as_str());
        let Some(text) = text else { return };
        match text.trim() {
            "/help" => self.tell(&data.sender, HELP.to_owned()),
            "/drop" => self.peer.drop_connection(),
            "/relay" => self.go(&data.sender, TransportPolicy::Relay, "from now on through relays only"),
            "/direct" => self.go(&data.sender, TransportPolicy::All, "from now on over any path"),
            "/file" => self.send_file(&data.sender),
            text => self.tell(&data.sender, format!("You said: {text}")),
        }
    }

    /// Sends back whatever comes through a data channel.
    pub(super) fn echo(&self, channel: Channel) {
        let channel = DataChannel::wrap(channel, DataChannelOptions::default());
        tokio::spawn(async move {
            while let Some(message) = channel.recv().await {
                if channel.send(message).await.is_err() {
                    return;
                }
            }
        });
    }

    fn go(&self, to: &str, policy: TransportPolicy, words: &str) {
        self.peer.set_transport_policy(policy);
        self.peer.reset_connections();
        self.tell(to, words.to_owned());
    }

    fn tell(&self, to: &str, text: String) {
        let (peer, name, to) = (self.peer.clone(), self.name.clone(), to.to_owned());
        tokio::spawn(async move {
            // Somebody who is gone need not be answered.
            let _ = peer.send_to(&to, json!({"name": name, "text": text})).await;
        });
    }

    /// A file of numbered lines, its name and size first, as one JSON text.
    fn send_file(&self, to: &str) {
        let Some(remote) = self.peer.remote_peers().into_iter().find(|remote| remote.id() == to) else {
            return;
        };
        tokio::spawn(async move {
            let init = DataChannelInit::default();
            let Ok(channel) = remote.create_data_channel("file", init).await else { return };
            let channel = DataChannel::wrap(channel, DataChannelOptions::default());
            if channel.opened().await.is_err() {
                return;
            }
            let head = json!({"name": "from-the-bot.txt", "size": FILE_BYTES}).to_string();
            let mut sent = channel.send(head).await;
            for chunk in file().chunks(CHUNK) {
                if sent.is_ok() {
                    sent = channel.send(chunk.to_vec()).await;
                }
            }
        });
    }
}

fn file() -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..).flat_map(|line| format!("line {line}\n").into_bytes()).take(FILE_BYTES - 1).collect();
    bytes.push(b'\n');
    bytes
}
