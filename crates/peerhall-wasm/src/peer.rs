//! Requests to a peer.

use peerhall_core::{
    CloseCode, JoinOptions, Json, LinkId, LocalTrack, MediaKind, OpId, Peer, PeerState, RemoteKey, SendError,
    StateError, StreamKey, Time, TokenId, TrackKey,
};

use crate::client::{later, refused, socket, text, token};
use crate::value::{Value, record};
use crate::{event, failure, options, rtc};

/// Does what a request says; `{op}` when the answer comes later, `{error}` when it cannot be done.
pub(crate) fn call(engine: &mut Peer<Value>, now: Time, what: &str, request: &Value) -> Value {
    match what {
        "join" => {
            let options = JoinOptions { include_sender_metadata: request.flag("includeSenderMetadata") };
            let joining = engine.join(now, &request.text("channel"), options);
            joining.map_or_else(|error| refused(failure::join(&error)), later)
        }
        "close" => later(engine.close(now, request.text_at("reason").as_deref())),
        "send" | "sendTo" | "sendToRemote" => send(engine, now, what, request),
        "addTrack" => {
            let stream = request.member("streamId").and_then(|id| Some(id.as_text()?.into_owned()));
            let stream = stream.map(|id| (StreamKey(request.whole("stream")), id));
            done(engine.add_track(now, local_track(request), stream, request.member("metadata")))
        }
        "removeTrack" => done(engine.remove_track(now, TrackKey(request.whole("key")))),
        "removeStream" => done(engine.remove_stream(now, StreamKey(request.whole("stream")))),
        "replaceTrack" => replace_track(engine, now, request),
        "trackMetadata" => engine.track_metadata(TrackKey(request.whole("key"))).into(),
        "streamMetadata" => engine.stream_metadata(StreamKey(request.whole("stream"))).into(),
        "self" => record! {
            "peerId": engine.peer_id().map_or_else(Value::null, |id| id.as_str().into()),
            "channel": engine.channel().map_or_else(Value::null, |channel| channel.as_str().into()),
        },
        "remote" => {
            let info = engine.remote(RemoteKey(request.whole("key")));
            info.as_ref().map(event::remote).into()
        }
        _ => {
            report(engine, now, what, request);
            Value::undefined()
        }
    }
}

/// What connections, sockets, the clock and the token provider report, and what has no answer.
fn report(engine: &mut Peer<Value>, now: Time, what: &str, request: &Value) {
    match what {
        "rtc" => {
            if let Some(input) = rtc::read(request) {
                engine.rtc(now, LinkId(request.whole("link")), input);
            }
        }
        "restartIce" => engine.restart_ice(now, RemoteKey(request.whole("key"))),
        "policy" => engine.set_transport_policy(options::policy(&request.text("policy"))),
        "reset" => engine.reset_connections(now),
        "drop" => engine.drop_connection(now),
        "network" => engine.network_available(now),
        "timeout" => engine.handle_timeout(now),
        "token" => engine.token(now, TokenId(request.whole("id")), token(request)),
        "opened" => engine.socket_opened(now, socket(request)),
        "failed" => engine.socket_failed(now, socket(request), &request.text("error")),
        "text" => {
            let text = text(request);
            engine.socket_text(now, socket(request), text.len(), || text.parse());
        }
        "binary" => engine.socket_binary(now, socket(request)),
        "closed" => {
            let code = CloseCode(request.whole("code") as u16);
            engine.socket_closed(now, socket(request), code, &request.text("reason"), None);
        }
        _ => {}
    }
}

fn send(engine: &mut Peer<Value>, now: Time, what: &str, request: &Value) -> Value {
    let to = request.text_at("to");
    let sent = match request.member("data") {
        _ if engine.state() != PeerState::Joined && what != "sendToRemote" => Err(SendError::NotJoined),
        None => {
            return refused(failure::send_error(
                "invalid_args",
                "data is undefined, or cannot be written as JSON",
            ));
        }
        Some(data) => match what {
            "sendTo" => engine.send_to(now, to.as_deref().unwrap_or_default(), data),
            "sendToRemote" => engine.send_to_remote(now, RemoteKey(request.whole("key")), data),
            _ => engine.send(now, data),
        },
    };
    sent.map_or_else(|error| refused(failure::send(&error)), later)
}

fn replace_track(engine: &mut Peer<Value>, now: Time, request: &Value) -> Value {
    let new = request.member("new").map(|new| local_track(&new));
    let replaced: Result<OpId, StateError> = match request.member("old") {
        Some(_) => engine.replace_track(now, TrackKey(request.whole("old")), new),
        None => match engine.state() {
            PeerState::Idle | PeerState::Joining | PeerState::Joined => {
                return refused(failure::type_error("the track to replace is missing"));
            }
            state @ (PeerState::Reconnecting | PeerState::Leaving | PeerState::Closed) => {
                Err(StateError::InvalidState { method: "replaceTrack", state })
            }
        },
    };
    replaced.map_or_else(|error| refused(failure::state(&error)), later)
}

fn local_track(track: &Value) -> LocalTrack {
    let kind = if track.text("kind") == "audio" { MediaKind::Audio } else { MediaKind::Video };
    LocalTrack { key: TrackKey(track.whole("key")), id: track.text("id"), kind }
}

fn done(result: Result<(), StateError>) -> Value {
    result.map_or_else(|error| refused(failure::state(&error)), |()| Value::undefined())
}
