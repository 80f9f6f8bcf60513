//! Events of remote peers: `{do: "remote", key, event, detail, error?, …}`. Tracks, streams and channels are
//! named by number; `packages/peerhall/src/peer.js` puts the objects in their place.

use peerhall_core::{Json, Path, Quality, RemoteEvent, RemoteKey};

use crate::failure;
use crate::value::Value;

pub(crate) fn describe(key: RemoteKey, event: RemoteEvent<Value>) -> Value {
    let (name, members) = named(event);
    let head = [("do", "remote".into()), ("key", key.0.into()), ("event", name.into())];
    Value::object(head.into_iter().chain(members).collect::<Vec<_>>())
}

/// The name and what comes with it; `detail` is what needs no translation.
fn named(event: RemoteEvent<Value>) -> (&'static str, Vec<(&'static str, Value)>) {
    match event {
        RemoteEvent::StateChange { from, to } => {
            ("state-change", detail(vec![("from", from.as_str().into()), ("to", to.as_str().into())]))
        }
        RemoteEvent::Track { track, metadata } => {
            let streams = track.streams.iter().map(|stream| Value::from(stream.key.0));
            (
                "track",
                vec![
                    ("track", track.key.0.into()),
                    ("streams", Value::list(streams)),
                    ("metadata", metadata.into()),
                ],
            )
        }
        RemoteEvent::StreamAdded { stream, metadata } => {
            ("stream-added", vec![("stream", stream.key.0.into()), ("metadata", metadata.into())])
        }
        RemoteEvent::StreamRemoved { stream } => ("stream-removed", vec![("stream", stream.key.0.into())]),
        RemoteEvent::DataChannel(channel) => ("data-channel", vec![("channel", channel.0.into())]),
        RemoteEvent::NegotiationError(error) => ("negotiation-error", vec![("error", failure::info(&error))]),
        RemoteEvent::IceCandidateError(error) => {
            ("ice-candidate-error", vec![("error", failure::info(&error))])
        }
        RemoteEvent::ConnectionReset { link } => ("connection-reset", vec![("link", link.0.into())]),
        RemoteEvent::Path(path) => {
            let word = match path {
                Path::Direct => "direct",
                Path::Relay => "relay",
            };
            ("path", detail(vec![("path", word.into())]))
        }
        RemoteEvent::Quality(quality) => {
            let word = match quality {
                Quality::Poor => "poor",
                Quality::Fair => "fair",
                Quality::Good => "good",
            };
            ("quality", detail(vec![("quality", word.into())]))
        }
        RemoteEvent::Unreachable(reason) => {
            ("unreachable", detail(vec![("reason", reason.to_string().as_str().into())]))
        }
    }
}

fn detail(members: Vec<(&str, Value)>) -> Vec<(&'static str, Value)> {
    vec![("detail", Value::object(members))]
}
