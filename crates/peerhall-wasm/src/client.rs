//! Requests to a client, and those that a peer has in common with it.

use peerhall_core::{
    CloseCode, ConnectError, Json, OpId, RequestError, Secret, Signalling, SocketId, SubscribeOptions, Time,
    TokenId,
};

use crate::failure;
use crate::value::{Value, record};

/// Does what a request says; `{op}` when the answer comes later, `{error}` when it cannot be done.
pub(crate) fn call(engine: &mut Signalling<Value>, now: Time, what: &str, request: &Value) -> Value {
    match what {
        "connect" => connecting(engine.connect(now)),
        "close" => {
            let code = CloseCode(request.whole("code") as u16);
            later(engine.close(now, code, &request.text("reason")))
        }
        "subscribe" => {
            let options = SubscribeOptions { include_sender_metadata: request.flag("includeSenderMetadata") };
            requested(engine.subscribe(now, &request.text("channel"), options))
        }
        "unsubscribe" => requested(engine.unsubscribe(now, &request.text("channel"))),
        "publish" | "send" => match request.member("data") {
            Some(data) if what == "publish" => requested(engine.publish(now, &request.text("channel"), data)),
            Some(data) => requested(engine.send(now, &request.text("to"), data)),
            None => refused(failure::type_error("data is undefined, or cannot be written as JSON")),
        },
        "state" => engine.state().as_str().into(),
        _ => {
            report(engine, now, what, request);
            Value::undefined()
        }
    }
}

/// What sockets, the clock and the token provider report.
fn report(engine: &mut Signalling<Value>, now: Time, what: &str, request: &Value) {
    match what {
        "network" => engine.network_available(now),
        "timeout" => engine.handle_timeout(now),
        "token" => engine.token(now, TokenId(request.whole("id")), token(request)),
        "opened" => engine.socket_opened(now, socket(request)),
        "failed" => engine.socket_failed(now, socket(request), &request.text("error")),
        "text" => {
            let text = text(request);
            engine.socket_text(now, socket(request), text.len(), || text.parse());
        }
        "binary" => engine.socket_binary(socket(request)),
        "closed" => {
            let code = CloseCode(request.whole("code") as u16);
            engine.socket_closed(now, socket(request), code, &request.text("reason"), None);
        }
        _ => {}
    }
}

/// The socket that a report is about.
pub(crate) fn socket(report: &Value) -> SocketId {
    SocketId(report.whole("socket"))
}

/// The text that came.
pub(crate) fn text(report: &Value) -> Value {
    report.member("text").into()
}

/// What the token provider gave.
pub(crate) fn token(report: &Value) -> Result<Secret, String> {
    if let Some(error) = report.text_at("error") {
        return Err(error);
    }
    match report.text_at("token") {
        Some(token) if !token.is_empty() => Ok(Secret::new(token)),
        Some(_) | None => Err("the token provider gave no text".to_owned()),
    }
}

/// The answer comes with the number.
pub(crate) fn later(op: OpId) -> Value {
    record! { "op": op.0 }
}

/// It cannot be done.
pub(crate) fn refused(error: Value) -> Value {
    record! { "error": error }
}

fn connecting(result: Result<OpId, ConnectError>) -> Value {
    result.map_or_else(|error| refused(failure::connect(&error)), later)
}

fn requested(result: Result<OpId, RequestError>) -> Value {
    result.map_or_else(|error| refused(failure::request(&error)), later)
}
