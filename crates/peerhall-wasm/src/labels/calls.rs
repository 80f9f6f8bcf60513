//! Requests about channels and transfers.

use std::time::Duration;

use bytes::Bytes;
use peerhall_core::{Json, Peer, RemoteKey, Time};
use peerhall_labelled::{
    ChannelId, ChannelOptions, ContentId, Have, IncomingId, Kind, Message, OutgoingId, RemoteChannel,
    SendError, Sending, Session,
};

use super::{Had, Labels, Side, share, told};
use crate::client::refused;
use crate::value::{Value, record};

/// Files of at most so many bytes go out without asking first what the receiver has of them: the question
/// would take longer than they do.
const SMALL: u64 = 256 * 1024;

impl Labels {
    /// Does what a request to the layer says; `{error}` when it cannot be done.
    pub(super) fn asked(&mut self, peer: &mut Peer<Value>, now: Time, request: &Value) -> Value {
        let call = request.text("call");
        match (call.as_str(), request.member("key")) {
            ("open", None) => answer(self.open_with_all(request)),
            ("close", None) => {
                let (now, label) = (self.now, request.text("label"));
                self.standing.close(&label);
                self.sides.iter_mut().for_each(|side| side.session.close(now, &label));
                Value::undefined()
            }
            ("share" | "unshare", _) => share::shared(peer, now, &call, request),
            ("end", Some(_)) => {
                let key = RemoteKey(request.whole("key"));
                if let Some(side) = self.side(key) {
                    side.session.end();
                }
                Value::undefined()
            }
            (_, Some(_)) => {
                let now = self.now;
                let side = self.side(RemoteKey(request.whole("key")));
                match (side, call.as_str()) {
                    (Some(side), _) => side.asked(now, &call, request),
                    // A remote peer that has left meanwhile takes nothing.
                    (None, "send" | "open") => refused(told::refused(&SendError::Closed)),
                    (None, _) => Value::undefined(),
                }
            }
            // Only what is there already is to be carried out.
            (_, None) => Value::undefined(),
        }
    }

    fn open_with_all(&mut self, request: &Value) -> Result<(), SendError> {
        let (now, label, options) = (self.now, request.text("label"), options(request));
        self.standing.open(&label, options.clone())?;
        for side in &mut self.sides {
            match side.session.open(now, &label, options.clone()) {
                // One that was cut off is no reason to leave the others out.
                Ok(()) | Err(SendError::Closed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Side {
    fn asked(&mut self, now: Duration, call: &str, request: &Value) -> Value {
        match call {
            "open" => return answer(self.session.open(now, &request.text("label"), options(request))),
            "close" => self.session.close(now, &request.text("label")),
            "send" => return sent(self.session.send(now, &request.text("label"), sending(request))),
            "had" => self.has(request),
            "accept" => {
                let id = incoming(request);
                let place = self.had.iter().position(|(known, _)| *known == id);
                let Had { bytes, hasher } =
                    place.map(|place| self.had.swap_remove(place).1).unwrap_or_default();
                self.session.accept(now, id, Have { bytes, hasher });
            }
            "channel" => {
                // The init of a channel is its own, whose protocol says whether it is a labelled one.
                let (label, init) = (request.text("label"), options(request));
                let framed = told::is_framed(&init);
                let taken = self.session.remote_channel(RemoteChannel { label, init });
                let told = |id| record! { "channel": told::number(id), "framed": framed };
                return taken.map(told).into();
            }
            _ => return self.reported(now, call, request),
        }
        Value::undefined()
    }

    /// What channels, sources and readers report.
    fn reported(&mut self, now: Duration, report: &str, request: &Value) -> Value {
        let session: &mut Session = &mut self.session;
        let channel = ChannelId::from_number(request.whole("channel"));
        let transfer = OutgoingId::from_number(request.whole("transfer") as u32);
        match report {
            "message" => {
                let Some(data) = request.member("data") else { return Value::undefined() };
                let text = data.as_text().map(std::borrow::Cow::into_owned);
                self.given = Bytes::new();
                let message = text.map_or_else(
                    || {
                        self.given = data.to_bytes().into();
                        Message::Binary(self.given.clone())
                    },
                    Message::Text,
                );
                session.message(now, channel, request.whole("buffered") as usize, message);
            }
            "read" => session.read(now, incoming(request), request.whole("bytes") as usize),
            "provide" => {
                let bytes = request.member("bytes").map_or_else(Bytes::new, |bytes| bytes.to_bytes().into());
                session.provide(now, transfer, bytes, request.flag("last"));
            }
            "buffered" => session.buffered(now, channel, request.whole("bytes") as usize),
            "opened" => {
                let stream = request.member("stream").and_then(|stream| stream.as_number());
                session.opened(now, channel, stream.map(|stream| stream as u16));
            }
            "closed" => session.closed(now, channel),
            "abort" => session.abort(now, transfer, &request.text("reason")),
            "cannotRewind" => session.cannot_rewind(now, transfer),
            "pause" => session.pause(now, transfer, request.flag("paused")),
            "cancel" => {
                let id = incoming(request);
                self.had.retain(|(known, _)| *known != id);
                session.cancel(now, id, &request.text("reason"));
            }
            _ => {}
        }
        Value::undefined()
    }

    /// Bytes that the application has of a message whose sender waits.
    fn has(&mut self, request: &Value) {
        let id = incoming(request);
        let bytes = request.member("bytes").map(|bytes| bytes.to_bytes()).unwrap_or_default();
        if !self.had.iter().any(|(known, _)| *known == id) {
            self.had.push((id, Had::default()));
        }
        if let Some((_, had)) = self.had.iter_mut().find(|(known, _)| *known == id) {
            had.hasher.update(&bytes);
            had.bytes = had.bytes.saturating_add(bytes.len() as u64);
        }
    }
}

fn incoming(request: &Value) -> IncomingId {
    IncomingId::from_number(request.whole("incoming"))
}

fn answer(result: Result<(), SendError>) -> Value {
    result.map_or_else(|error| refused(told::refused(&error)), |()| Value::undefined())
}

fn sent(result: Result<OutgoingId, SendError>) -> Value {
    let told = |id: OutgoingId| record! { "transfer": u64::from(id.number()) };
    result.map_or_else(|error| refused(told::refused(&error)), told)
}

/// A message to send. `info` is the text of what goes along; `file` has `name`, `size` and `changed`.
fn sending(request: &Value) -> Sending {
    let kind = match request.text("kind").as_str() {
        "text" => Kind::Text,
        "json" => Kind::Json,
        "blob" => Kind::Blob,
        _ => Kind::Bytes,
    };
    Sending {
        kind,
        info: request.text("info").into(),
        total: request.member("total").and_then(|total| total.as_number()).map(|total| total as u64),
        content: request.member("file").filter(|file| file.whole("size") > SMALL).map(|file| content(&file)),
    }
}

/// A file is known by name, size and time of change, as native programs know it.
fn content(file: &Value) -> ContentId {
    let nanos = u128::from(file.whole("changed")) * 1_000_000;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file.whole("size").to_be_bytes());
    hasher.update(&nanos.to_be_bytes());
    hasher.update(file.text("name").as_bytes());
    ContentId(*hasher.finalize().as_bytes())
}

/// As the browser's `RTCDataChannelInit`; what is left out has its default.
fn options(request: &Value) -> ChannelOptions {
    let Some(given) = request.member("options") else { return ChannelOptions::default() };
    let whole =
        |name: &'static str| given.member(name).and_then(|value| value.as_number()).map(|value| value as u16);
    ChannelOptions {
        ordered: given.member("ordered").and_then(|ordered| ordered.as_bool()) != Some(false),
        max_retransmits: whole("maxRetransmits"),
        max_packet_life_time: whole("maxPacketLifeTime"),
        protocol: given.text("protocol"),
    }
}
