//! Events of clients and peers: `{do: "emit", event, detail, error?}` where `detail` is the payload as the
//! seeds have it (sdk-behaviour, sections 3.11 and 4.6), to which an `error` is added as `err`.

use peerhall_core::{Connected, IceServer, Json, Member, SignallingEvent};
#[cfg(feature = "room")]
use peerhall_core::{PeerEvent, RemoteInfo};

use crate::failure;
use crate::value::Value;

/// An event with its payload.
fn emit(event: &str, detail: Vec<(&str, Value)>) -> Value {
    Value::object(vec![("do", "emit".into()), ("event", event.into()), ("detail", Value::object(detail))])
}

/// The same with an error in it.
pub(crate) fn emit_error(event: &str, error: Value, detail: Vec<(&str, Value)>) -> Value {
    Value::object(vec![
        ("do", "emit".into()),
        ("event", event.into()),
        ("detail", Value::object(detail)),
        ("error", error),
    ])
}

pub(crate) fn signalling(event: SignallingEvent<Value>) -> Value {
    match event {
        SignallingEvent::Connected(welcome) => connected(welcome),
        SignallingEvent::Disconnected { code, reason, will_reconnect, .. } => emit(
            "disconnected",
            vec![
                ("code", u64::from(code.0).into()),
                ("reason", (&reason).into()),
                ("willReconnect", will_reconnect.into()),
            ],
        ),
        SignallingEvent::StateChange { from, to } => change(from.as_str(), to.as_str()),
        SignallingEvent::Message { channel, from, data, from_metadata } => emit(
            "message",
            vec![
                ("channel", (&channel).into()),
                ("from", (&from).into()),
                ("data", data),
                ("fromMetadata", from_metadata.into()),
            ],
        ),
        SignallingEvent::Direct { from, data, from_metadata } => emit(
            "direct",
            vec![("from", (&from).into()), ("data", data), ("fromMetadata", from_metadata.into())],
        ),
        SignallingEvent::Presence { channel, joined, left } => emit(
            "presence",
            vec![
                ("channel", (&channel).into()),
                ("joined", Value::list(joined.into_iter().map(member))),
                ("left", Value::list(left.into_iter().map(member))),
            ],
        ),
        SignallingEvent::ServerError { code, request_id, message } => emit(
            "server-error",
            vec![
                ("code", code.as_str().into()),
                ("requestId", request_id.as_ref().map(Value::from).into()),
                ("message", message.as_ref().map(Value::from).into()),
            ],
        ),
        SignallingEvent::GoingAway { retry_after } => {
            emit("going-away", vec![("retryAfterMs", retry_after.into())])
        }
        SignallingEvent::TokenProviderError { consecutive_failures, error } => {
            let failures = u64::from(consecutive_failures);
            emit_error(
                "token-provider-error",
                failure::named("Error", &error),
                vec![("consecutiveFailures", failures.into())],
            )
        }
        SignallingEvent::SubscriptionLost { channel, code } => emit(
            "subscription-lost",
            vec![("channel", channel.as_str().into()), ("code", code.as_str().into())],
        ),
    }
}

fn connected(welcome: Connected<Value>) -> Value {
    emit(
        "connected",
        vec![
            ("peerId", (&welcome.peer_id).into()),
            ("serverTime", Value::number(welcome.server_time)),
            ("expiresAt", welcome.expires_at.map_or_else(Value::null, Value::number)),
            ("isReconnect", welcome.is_reconnect.into()),
            ("maxMessageSize", welcome.max_message_size.into()),
            ("iceServers", welcome.ice_servers.as_deref().map(servers).into()),
        ],
    )
}

/// A list of servers, as the WebRTC recommendation writes it.
pub(crate) fn servers(servers: &[IceServer]) -> Value {
    Value::list(servers.iter().map(|server| {
        Value::object(vec![
            ("urls", Value::list(server.urls.iter().map(Value::from))),
            ("username", server.username.as_ref().map(Value::from).into()),
            ("credential", server.credential.as_ref().map(|secret| secret.expose().into()).into()),
        ])
    }))
}

fn member(member: Member<Value>) -> Value {
    Value::object(vec![("peerId", (&member.peer_id).into()), ("metadata", member.metadata.into())])
}

pub(crate) fn change(from: &str, to: &str) -> Value {
    emit("state-change", vec![("from", from.into()), ("to", to.into())])
}

#[cfg(feature = "room")]
pub(crate) fn peer(event: PeerEvent<Value>) -> Value {
    let or_null = |text: Option<String>| text.as_ref().map_or_else(Value::null, Value::from);
    match event {
        PeerEvent::Joined { peer_id, channel } => {
            emit("joined", vec![("peerId", (&peer_id).into()), ("channel", (&channel).into())])
        }
        PeerEvent::Left { peer_id, channel, reason } => emit(
            "left",
            vec![
                ("peerId", or_null(peer_id)),
                ("channel", or_null(channel)),
                ("reason", reason.as_ref().map(Value::from).into()),
            ],
        ),
        PeerEvent::StateChange { from, to } => change(from.as_str(), to.as_str()),
        PeerEvent::PeerJoined(info) => {
            Value::object(vec![("do", "peerJoined".into()), ("info", remote(&info))])
        }
        PeerEvent::PeerLeft(info) => Value::object(vec![("do", "peerLeft".into()), ("info", remote(&info))]),
        PeerEvent::Data { sender, data, kind, sender_metadata } => emit(
            "data",
            vec![
                ("senderPeerId", sender.as_str().into()),
                ("data", data),
                ("kind", kind.as_str().into()),
                ("senderMetadata", sender_metadata.into()),
            ],
        ),
        PeerEvent::Error(error) => emit_error("error", failure::info(&error), vec![]),
    }
}

/// A remote peer at this moment.
#[cfg(feature = "room")]
pub(crate) fn remote(info: &RemoteInfo<Value>) -> Value {
    Value::object(vec![
        ("key", info.key.0.into()),
        ("id", info.id.as_str().into()),
        ("metadata", info.metadata.clone().into()),
        ("state", info.state.as_str().into()),
        ("polite", info.polite.into()),
        ("link", info.link.0.into()),
    ])
}
