//! What an engine wants, as an object whose `do` is a method of `packages/peerhall/src/engine.js` or of the
//! class that owns the engine.

use peerhall_core::{LogLevel, Outcome, Output};

use crate::value::{Value, record};
#[cfg(feature = "room")]
use crate::{command, remote_event};
use crate::{event, failure};

pub(crate) fn describe(output: Output<Value>) -> Value {
    match output {
        Output::ResolveToken(id) => record! { "do": "token", "id": id.0 },
        Output::OpenSocket { socket, url } => {
            record! { "do": "open", "socket": socket.0, "url": url.expose() }
        }
        Output::SendText { socket, frame } => {
            record! { "do": "text", "socket": socket.0, "frame": frame }
        }
        Output::CloseSocket { socket, code, reason } => {
            record! { "do": "close", "socket": socket.0, "code": u64::from(code.0), "reason": &reason }
        }
        Output::Done(op, outcome) => {
            record! { "do": "done", "op": op.0, "error": failed(outcome) }
        }
        Output::Signalling(told) => event::signalling(told),
        #[cfg(feature = "room")]
        Output::Peer(told) => event::peer(told),
        #[cfg(feature = "room")]
        Output::Remote(key, told) => remote_event::describe(key, told),
        #[cfg(feature = "room")]
        Output::Rtc(link, asked) => command::describe(link, asked),
        #[cfg(not(feature = "room"))]
        Output::Peer(_) | Output::Remote(..) | Output::Rtc(..) => Value::undefined(),
        Output::Log(level, line) => record! { "do": "log", "level": level_name(level), "line": &line },
    }
}

fn failed(outcome: Outcome) -> Option<Value> {
    match outcome {
        Outcome::Connect(result) => result.err().map(|error| failure::connect(&error)),
        Outcome::Close => None,
        Outcome::Request(result) => result.err().map(|error| failure::request(&error)),
        #[cfg(feature = "room")]
        Outcome::Join(result) => result.err().map(|error| failure::join(&error)),
        #[cfg(feature = "room")]
        Outcome::Send(result) => result.err().map(|error| failure::send(&error)),
        #[cfg(feature = "room")]
        Outcome::ReplaceTrack(result) => result.err().map(|error| failure::replace(&error)),
        #[cfg(not(feature = "room"))]
        Outcome::Join(_) | Outcome::Send(_) | Outcome::ReplaceTrack(_) => None,
    }
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}
