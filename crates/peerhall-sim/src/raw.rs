//! A client without a mind: what it sends is what a test says, word for word. It plays the hostile
//! remote peer and the client that nobody has thought of.

use std::collections::VecDeque;

use peerhall_core::{CloseCode, Json, Output, Secret, SocketId, Time, TokenId};
use serde_json::Value;

/// A client without a mind.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    socket: Option<SocketId>,
    opened: u64,
    pub(crate) heard: Vec<Value>,
    pub(crate) closed_with: Option<CloseCode>,
    outputs: VecDeque<Output<Value>>,
}

impl Raw {
    /// Opens a socket with this query.
    pub(crate) fn connect(&mut self, query: &str) {
        self.opened += 1;
        let socket = SocketId(self.opened);
        self.socket = Some(socket);
        self.closed_with = None;
        let url = Secret::new(format!("ws://localhost/v1?{query}"));
        self.outputs.push_back(Output::OpenSocket { socket, url });
    }

    pub(crate) fn send(&mut self, frame: Value) {
        if let Some(socket) = self.socket {
            self.outputs.push_back(Output::SendText { socket, frame });
        }
    }

    pub(crate) fn close(&mut self, code: CloseCode) {
        if let Some(socket) = self.socket {
            self.outputs.push_back(Output::CloseSocket { socket, code, reason: String::new() });
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output<Value>> {
        self.outputs.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        None
    }

    pub(crate) fn handle_timeout(&mut self, _now: Time) {}

    pub(crate) fn token(&mut self, _now: Time, _id: TokenId, _token: Result<Secret, String>) {}

    pub(crate) fn socket_opened(&mut self, _now: Time, _socket: SocketId) {}

    pub(crate) fn socket_failed(&mut self, _now: Time, _socket: SocketId, _error: &str) {}

    pub(crate) fn socket_text(
        &mut self,
        _now: Time,
        socket: SocketId,
        _units: usize,
        parse: impl FnOnce() -> Option<Value>,
    ) {
        if self.socket == Some(socket) {
            self.heard.push(parse().unwrap_or_else(Value::null));
        }
    }

    pub(crate) fn socket_closed(
        &mut self,
        _now: Time,
        socket: SocketId,
        code: CloseCode,
        _reason: &str,
        _http_status: Option<u16>,
    ) {
        if self.socket == Some(socket) {
            self.closed_with = Some(code);
        }
    }
}
