//! A remote peer that behaves like the vendor's SDKs (sdk-behaviour, sections 4 to 6 and 10): it takes the
//! first snapshot after a reconnect as the whole room and makes new connections to everybody in it,
//! names no stream in its metadata, and, as the Python SDK, sends whole descriptions and makes a new
//! connection where others restart ICE.

mod negotiation;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use peerhall_core::{
    CloseCode, LinkId, LocalTrack, Output, RemoteKey, RtcCommand, Secret, SocketId, StreamKey, Time, TokenId,
    TransportPolicy,
};
use serde_json::{Value, json};

use negotiation::Negotiation;

/// Which SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The JavaScript SDK in a browser.
    Js,
    /// The Python SDK.
    Python,
}

#[derive(Debug)]
struct Track {
    track: LocalTrack,
    stream: Option<StreamKey>,
    metadata: Option<Value>,
}

/// A peer of the vendor's.
#[derive(Debug)]
pub(crate) struct Vendor {
    kind: Kind,
    name: String,
    channel: String,
    rng: fastrand::Rng,
    socket: Option<SocketId>,
    number: u64,
    welcomed_before: bool,
    /// The next presence frame is the whole room.
    expects_roster: bool,
    redial_at: Option<Time>,
    ping_at: Option<Time>,
    remotes: BTreeMap<String, Negotiation>,
    tracks: Vec<Track>,
    outputs: VecDeque<Output<Value>>,
}

impl Vendor {
    pub(crate) fn new(kind: Kind, name: &str, channel: &str, seed: u64) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            channel: channel.to_owned(),
            rng: fastrand::Rng::with_seed(seed),
            socket: None,
            number: 0,
            welcomed_before: false,
            expects_roster: false,
            redial_at: None,
            ping_at: None,
            remotes: BTreeMap::new(),
            tracks: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    pub(crate) fn start(&mut self, _now: Time) {
        self.number += 1;
        let socket = SocketId(self.number);
        self.socket = Some(socket);
        let name = &self.name;
        let url = Secret::new(format!("ws://localhost/v1?token=%7B%22sub%22:%22{name}%22%7D"));
        self.outputs.push_back(Output::OpenSocket { socket, url });
    }

    pub(crate) fn add_track(
        &mut self,
        _now: Time,
        track: LocalTrack,
        stream: Option<StreamKey>,
        metadata: Option<Value>,
    ) {
        let new = Track { track, stream, metadata };
        let links: Vec<_> = self.remotes.iter().map(|(id, remote)| (id.clone(), remote.link)).collect();
        for (id, link) in links {
            self.tell_of(&id, &new);
            self.rtc_command(link, RtcCommand::Attach { track: new.track.key, stream: new.stream });
        }
        self.tracks.push(new);
    }

    pub(crate) fn remotes(&self) -> Vec<String> {
        self.remotes.keys().cloned().collect()
    }

    pub(crate) fn link(&self, id: &str) -> Option<LinkId> {
        self.remotes.get(id).map(|remote| remote.link)
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output<Value>> {
        self.outputs.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        [self.redial_at, self.ping_at].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) {
        if self.redial_at.take_if(|at| now >= *at).is_some() {
            self.start(now);
        }
        if self.ping_at.take_if(|at| now >= *at).is_some() {
            self.ping_at = Some(now + Duration::from_secs(20));
            self.frame(json!({"type": "ping"}));
        }
    }

    pub(crate) fn token(&mut self, _now: Time, _id: TokenId, _token: Result<Secret, String>) {}

    pub(crate) fn socket_opened(&mut self, _now: Time, _socket: SocketId) {}

    pub(crate) fn socket_failed(&mut self, now: Time, socket: SocketId, _error: &str) {
        self.socket_closed(now, socket, CloseCode(1006), "", None);
    }

    pub(crate) fn socket_closed(
        &mut self,
        now: Time,
        socket: SocketId,
        _code: CloseCode,
        _reason: &str,
        _http_status: Option<u16>,
    ) {
        if self.socket == Some(socket) {
            self.socket = None;
            self.ping_at = None;
            self.expects_roster = true;
            self.redial_at = Some(now + Duration::from_millis(self.rng.u64(400..600)));
        }
    }

    pub(crate) fn socket_text(
        &mut self,
        now: Time,
        socket: SocketId,
        _units: usize,
        parse: impl FnOnce() -> Option<Value>,
    ) {
        let Some(frame) = parse().filter(|_| self.socket == Some(socket)) else { return };
        match frame["type"].as_str() {
            Some("welcome") => {
                self.expects_roster = std::mem::replace(&mut self.welcomed_before, true);
                self.ping_at = Some(now + Duration::from_secs(20));
                let channel = self.channel.clone();
                self.frame(json!({"type": "subscribe", "channel": channel, "requestId": "s"}));
            }
            Some("presence") if frame["channel"] == *self.channel => self.presence(&frame),
            Some("direct") => {
                let from = frame["from"].as_str().unwrap_or_default().to_owned();
                self.signal(&from, &frame["data"]);
            }
            _ => {}
        }
    }

    fn presence(&mut self, frame: &Value) {
        let ids = |list: &Value| -> Vec<String> {
            let entries = list.as_array().cloned().unwrap_or_default();
            entries.iter().filter_map(|entry| Some(entry["peerId"].as_str()?.to_owned())).collect()
        };
        let (joined, left) = (ids(&frame["joined"]), ids(&frame["left"]));
        if std::mem::take(&mut self.expects_roster) {
            let gone: Vec<_> = self.remotes.keys().filter(|id| !joined.contains(id)).cloned().collect();
            gone.iter().for_each(|id| self.remove(id));
            for id in joined {
                self.remove(&id);
                self.add(id);
            }
            return;
        }
        for id in joined {
            if !self.remotes.contains_key(&id) {
                self.add(id);
            }
        }
        left.iter().for_each(|id| self.remove(id));
    }

    fn add(&mut self, id: String) {
        if id == self.name {
            return;
        }
        self.number += 1;
        let link = LinkId(self.number);
        let polite = self.name.encode_utf16().lt(id.encode_utf16());
        self.remotes.insert(id.clone(), Negotiation::new(link, polite));
        let remote = RemoteKey(link.0);
        let create = RtcCommand::Create { remote, ice_servers: None, policy: TransportPolicy::All };
        self.rtc_command(link, create);
        let tracks = std::mem::take(&mut self.tracks);
        for track in &tracks {
            self.tell_of(&id, track);
        }
        for track in &tracks {
            self.rtc_command(link, RtcCommand::Attach { track: track.track.key, stream: track.stream });
        }
        self.tracks = tracks;
    }

    fn remove(&mut self, id: &str) {
        if let Some(remote) = self.remotes.remove(id) {
            self.rtc_command(remote.link, RtcCommand::Close);
        }
    }

    fn tell_of(&mut self, to: &str, track: &Track) {
        if let Some(metadata) = &track.metadata {
            let told = json!({"trackId": track.track.id, "metadata": metadata});
            self.send(to, json!({"__meteredTrackMeta": told}));
        }
    }

    fn send(&mut self, to: &str, data: Value) {
        self.frame(json!({"type": "send", "to": to, "data": data, "requestId": "d"}));
    }

    fn frame(&mut self, frame: Value) {
        if let Some(socket) = self.socket {
            self.outputs.push_back(Output::SendText { socket, frame });
        }
    }

    fn rtc_command(&mut self, link: LinkId, command: RtcCommand) {
        self.outputs.push_back(Output::Rtc(link, command));
    }
}
