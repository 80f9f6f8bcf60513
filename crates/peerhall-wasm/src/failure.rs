//! Errors as the other side makes them: `{class, args, name?}`, of which `class` is one of
//! `packages/peerhall/src/errors.js` and `args` are what its constructor takes (sdk-behaviour, section 8).

use peerhall_core::{ConfigError, ConnectError, ErrorCode, RequestError};
#[cfg(feature = "room")]
use peerhall_core::{ErrorInfo, JoinError, PeerState, ReplaceTrackError, SendError, StateError};

use crate::value::{Value, record};

/// An error of a class of its own.
fn of_class(class: &str, args: impl IntoIterator<Item = Value>) -> Value {
    record! { "class": class, "args": Value::list(args) }
}

/// A plain error that is known by its name.
pub(crate) fn named(name: &str, message: &str) -> Value {
    record! { "class": "Error", "args": Value::list([Value::from(message)]), "name": name }
}

/// The caller gave something that can never work.
pub(crate) fn type_error(message: &str) -> Value {
    of_class("TypeError", [message.into()])
}

pub(crate) fn config(error: &ConfigError) -> Value {
    type_error(&error.to_string())
}

pub(crate) fn connect(error: &ConnectError) -> Value {
    match error {
        ConnectError::Closed { code, reason, .. } | ConnectError::Cancelled { code, reason } => {
            of_class("SignallingConnectError", [u64::from(code.0).into(), reason.into()])
        }
        ConnectError::WelcomeTimeout(_)
        | ConnectError::Token(_)
        | ConnectError::Socket(_)
        | ConnectError::State(_)
        | _ => named(error.name(), &error.to_string()),
    }
}

pub(crate) fn request(error: &RequestError) -> Value {
    match error {
        RequestError::Oversized { size, cap } => {
            of_class("OversizedPayloadError", [(*size).into(), (*cap).into()])
        }
        RequestError::Name(name) => type_error(&name.to_string()),
        RequestError::Rejected { code, message, .. } => rejected(code, message),
        RequestError::NotConnected
        | RequestError::Disconnected { .. }
        | RequestError::AckTimeout { .. }
        | _ => named(error.name(), &error.to_string()),
    }
}

fn rejected(code: &ErrorCode, message: &str) -> Value {
    named(code.as_str(), message)
}

/// What an event tells of.
#[cfg(feature = "room")]
pub(crate) fn info(error: &ErrorInfo) -> Value {
    named(&error.name, &error.message)
}

#[cfg(feature = "room")]
pub(crate) fn join(error: &JoinError) -> Value {
    match error {
        JoinError::State(state) => invalid_state("join", *state, &error.to_string()),
        JoinError::ReservedChannel => send_error("reserved_channel", &error.to_string()),
        JoinError::Name(name) => type_error(&name.to_string()),
        JoinError::Connect(cause) => connect(cause),
        JoinError::Subscribe(cause) => request(cause),
        _ => named(error.name(), &error.to_string()),
    }
}

#[cfg(feature = "room")]
pub(crate) fn send(error: &SendError) -> Value {
    match error {
        SendError::NotJoined | SendError::InvalidArgs(_) | SendError::SelfSend => {
            send_error(error.code(), &error.to_string())
        }
        SendError::Oversized { size, cap } => oversized(*size, *cap),
        SendError::Request(cause) => request(cause),
        SendError::RemoteClosed | _ => named("Error", &error.to_string()),
    }
}

#[cfg(feature = "room")]
pub(crate) fn send_error(code: &str, message: &str) -> Value {
    of_class("MeteredPeerSendError", [code.into(), message.into()])
}

#[cfg(feature = "room")]
fn oversized(size: usize, cap: usize) -> Value {
    of_class("MeteredPeerOversizedError", [size.into(), cap.into()])
}

#[cfg(feature = "room")]
pub(crate) fn state(error: &StateError) -> Value {
    match error {
        StateError::InvalidState { method, state } => invalid_state(method, *state, &error.to_string()),
        StateError::TrackAlreadyAttached { method } => of_class(
            "MeteredPeerStateError",
            ["track_already_attached".into(), (*method).into(), error.to_string().as_str().into()],
        ),
        StateError::Oversized { size, cap } => oversized(*size, *cap),
        StateError::MetadataNotAnObject | _ => type_error(&error.to_string()),
    }
}

#[cfg(feature = "room")]
pub(crate) fn invalid_state(method: &str, state: PeerState, message: &str) -> Value {
    let args = ["invalid_state", method, message, state.as_str()];
    of_class("MeteredPeerStateError", args.map(Value::from))
}

#[cfg(feature = "room")]
pub(crate) fn replace(error: &ReplaceTrackError) -> Value {
    let succeeded = Value::list(error.succeeded.iter().map(|id| id.as_str().into()));
    let failed =
        error.failed.iter().map(|(id, why)| record! { "peerId": id.as_str(), "err": named("Error", why) });
    of_class("MeteredPeerReplaceTrackError", [succeeded, Value::list(failed)])
}
