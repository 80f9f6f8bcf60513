//! Events of clients and peers: `{do: "emit", event, detail, error?}` where `detail` is the payload as the
//! seeds have it (sdk-behaviour, sections 3.11 and 4.6), to which an `error` is added as `err`.

use peerhall_core::{Connected, IceServer, Json, Member, SignallingEvent};
#[cfg(feature = "room")]
use peerhall_core::{PeerEvent, RemoteInfo};

use crate::failure;
use crate::value::{Value, record};

/// An event with its payload.
fn emit(event: &str, detail: Value) -> Value {
    record! { "do": "emit", "event": event, "detail": detail }
}

/// The same with an error in it.
pub(crate) fn emit_error(event: &str, error: Value, detail: Value) -> Value {
    record! { "do": "emit", "event": event, "detail": detail, "error": error }
}

pub(crate) fn signalling(event: SignallingEvent<Value>) -> Value {
    match event {
        SignallingEvent::Connected(welcome) => connected(welcome),
        SignallingEvent::Disconnected { code, reason, will_reconnect, .. } => emit(
            "disconnected",
            record! {
                "code": u64::from(code.0),
                "reason": &reason,
                "willReconnect": will_reconnect,
            },
        ),
        SignallingEvent::StateChange { from, to } => change(from.as_str(), to.as_str()),
        SignallingEvent::Message { channel, from, data, from_metadata } => emit(
            "message",
            record! {
                "channel": &channel,
                "from": &from,
                "data": data,
                "fromMetadata": from_metadata,
            },
        ),
        SignallingEvent::Direct { from, data, from_metadata } => {
            emit("direct", record! { "from": &from, "data": data, "fromMetadata": from_metadata })
        }
        SignallingEvent::Presence { channel, joined, left } => emit(
            "presence",
            record! {
                "channel": &channel,
                "joined": Value::list(joined.into_iter().map(member)),
                "left": Value::list(left.into_iter().map(member)),
            },
        ),
        SignallingEvent::ServerError { code, request_id, message } => emit(
            "server-error",
            record! {
                "code": code.as_str(),
                "requestId": request_id.as_ref().map(Value::from),
                "message": message.as_ref().map(Value::from),
            },
        ),
        SignallingEvent::GoingAway { retry_after } => {
            emit("going-away", record! { "retryAfterMs": retry_after })
        }
        SignallingEvent::TokenProviderError { consecutive_failures, error } => {
            let failures = u64::from(consecutive_failures);
            emit_error(
                "token-provider-error",
                failure::named("Error", &error),
                record! { "consecutiveFailures": failures },
            )
        }
        SignallingEvent::IceServers { ice_servers } => {
            emit("ice-servers", record! { "iceServers": servers(&ice_servers) })
        }
        SignallingEvent::SubscriptionLost { channel, code } => {
            emit("subscription-lost", record! { "channel": channel.as_str(), "code": code.as_str() })
        }
    }
}

fn connected(welcome: Connected<Value>) -> Value {
    emit(
        "connected",
        record! {
            "peerId": &welcome.peer_id,
            "serverTime": Value::number(welcome.server_time),
            "expiresAt": welcome.expires_at.map_or_else(Value::null, Value::number),
            "isReconnect": welcome.is_reconnect,
            "maxMessageSize": welcome.max_message_size,
            "iceServers": welcome.ice_servers.as_deref().map(servers),
        },
    )
}

/// A list of servers, as the WebRTC recommendation writes it.
pub(crate) fn servers(servers: &[IceServer]) -> Value {
    Value::list(servers.iter().map(|server| {
        record! {
            "urls": Value::list(server.urls.iter().map(Value::from)),
            "username": server.username.as_ref().map(Value::from),
            "credential": server.credential.as_ref().map(|secret| Value::from(secret.expose())),
        }
    }))
}

fn member(member: Member<Value>) -> Value {
    record! { "peerId": &member.peer_id, "metadata": member.metadata }
}

pub(crate) fn change(from: &str, to: &str) -> Value {
    emit("state-change", record! { "from": from, "to": to })
}

#[cfg(feature = "room")]
pub(crate) fn peer(event: PeerEvent<Value>) -> Value {
    let or_null = |text: Option<String>| text.as_ref().map_or_else(Value::null, Value::from);
    match event {
        PeerEvent::Joined { peer_id, channel } => {
            emit("joined", record! { "peerId": &peer_id, "channel": &channel })
        }
        PeerEvent::Left { peer_id, channel, reason } => emit(
            "left",
            record! {
                "peerId": or_null(peer_id),
                "channel": or_null(channel),
                "reason": reason.as_ref().map(Value::from),
            },
        ),
        PeerEvent::StateChange { from, to } => change(from.as_str(), to.as_str()),
        PeerEvent::PeerJoined(info) => {
            record! { "do": "peerJoined", "info": remote(&info) }
        }
        PeerEvent::PeerLeft(info) => record! { "do": "peerLeft", "info": remote(&info) },
        PeerEvent::Data { sender, data, kind, sender_metadata } => emit(
            "data",
            record! {
                "senderPeerId": sender.as_str(),
                "data": data,
                "kind": kind.as_str(),
                "senderMetadata": sender_metadata,
            },
        ),
        PeerEvent::Error(error) => emit_error("error", failure::info(&error), record! {}),
    }
}

/// A remote peer at this moment.
#[cfg(feature = "room")]
pub(crate) fn remote(info: &RemoteInfo<Value>) -> Value {
    record! {
        "key": info.key.0,
        "id": info.id.as_str(),
        "metadata": info.metadata.clone(),
        "state": info.state.as_str(),
        "polite": info.polite,
        "link": info.link.0,
    }
}
