//! Events of remote peers: `{do: "remote", key, event, detail, error?, …}`. Tracks, streams and channels are
//! named by number; `packages/peerhall/src/peer.js` puts the objects in their place.

use peerhall_core::{Path, Quality, RemoteEvent, RemoteKey};

use crate::failure;
use crate::value::{Value, record};

pub(crate) fn describe(key: RemoteKey, event: RemoteEvent<Value>) -> Value {
    named(event).with("do", "remote").with("key", key.0)
}

/// The name and what comes with it; `detail` is what needs no translation.
fn named(event: RemoteEvent<Value>) -> Value {
    match event {
        RemoteEvent::StateChange { from, to } => {
            detailed("state-change", record! { "from": from.as_str(), "to": to.as_str() })
        }
        RemoteEvent::Track { track, metadata } => {
            let streams = Value::list(track.streams.iter().map(|stream| Value::from(stream.key.0)));
            record! { "event": "track", "track": track.key.0, "streams": streams, "metadata": metadata }
        }
        RemoteEvent::StreamAdded { stream, metadata } => {
            record! { "event": "stream-added", "stream": stream.key.0, "metadata": metadata }
        }
        RemoteEvent::StreamRemoved { stream } => {
            record! { "event": "stream-removed", "stream": stream.key.0 }
        }
        RemoteEvent::DataChannel(channel) => record! { "event": "data-channel", "channel": channel.0 },
        RemoteEvent::NegotiationError(error) => {
            record! { "event": "negotiation-error", "error": failure::info(&error) }
        }
        RemoteEvent::IceCandidateError(error) => {
            record! { "event": "ice-candidate-error", "error": failure::info(&error) }
        }
        RemoteEvent::ConnectionReset { .. } => record! { "event": "connection-reset" },
        // The layer has taken it.
        RemoteEvent::Labelled(_) => Value::undefined(),
        RemoteEvent::Path(path) => {
            let word = match path {
                Path::Direct => "direct",
                Path::Relay => "relay",
            };
            detailed("path", record! { "path": word })
        }
        RemoteEvent::Quality(quality) => {
            let word = match quality {
                Quality::Poor => "poor",
                Quality::Fair => "fair",
                Quality::Good => "good",
            };
            detailed("quality", record! { "quality": word })
        }
        RemoteEvent::Unreachable(reason) => {
            detailed("unreachable", record! { "reason": reason.to_string().as_str() })
        }
    }
}

fn detailed(event: &str, detail: Value) -> Value {
    record! { "event": event, "detail": detail }
}
