//! What an engine wants, as an object whose `do` is a method of `packages/peerhall/src/engine.js` or of the
//! class that owns the engine.

use peerhall_core::{Json, LogLevel, Outcome, Output};

use crate::value::Value;
#[cfg(feature = "room")]
use crate::{command, remote_event};
use crate::{event, failure};

pub(crate) fn describe(output: Output<Value>) -> Value {
    match output {
        Output::ResolveToken(id) => Value::object(vec![("do", "token".into()), ("id", id.0.into())]),
        Output::OpenSocket { socket, url } => Value::object(vec![
            ("do", "open".into()),
            ("socket", socket.0.into()),
            ("url", url.expose().into()),
        ]),
        Output::SendText { socket, frame } => {
            Value::object(vec![("do", "text".into()), ("socket", socket.0.into()), ("frame", frame)])
        }
        Output::CloseSocket { socket, code, reason } => Value::object(vec![
            ("do", "close".into()),
            ("socket", socket.0.into()),
            ("code", u64::from(code.0).into()),
            ("reason", (&reason).into()),
        ]),
        Output::Done(op, outcome) => {
            Value::object(vec![("do", "done".into()), ("op", op.0.into()), ("error", failed(outcome).into())])
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
        Output::Log(level, line) => Value::object(vec![
            ("do", "log".into()),
            ("level", level_name(level).into()),
            ("line", (&line).into()),
        ]),
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
