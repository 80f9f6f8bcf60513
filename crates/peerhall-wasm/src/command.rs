//! What is asked of a browser's peer connection: `{do: "rtc", link, command, …}`, where `command` is a method
//! of `packages/peerhall/src/link.js`.

use peerhall_core::{Description, DescriptionKind, IceCandidate, Json, LinkId, RtcCommand, TransportPolicy};

use crate::event;
use crate::value::Value;

pub(crate) fn describe(link: LinkId, command: RtcCommand) -> Value {
    let (name, more) = named(command);
    let head = [("do", "rtc".into()), ("link", link.0.into()), ("command", name.into())];
    Value::object(head.into_iter().chain(more).collect::<Vec<_>>())
}

fn named(command: RtcCommand) -> (&'static str, Vec<(&'static str, Value)>) {
    match command {
        RtcCommand::Create { remote, ice_servers, policy } => {
            let policy = match policy {
                TransportPolicy::All => "all",
                TransportPolicy::Relay => "relay",
            };
            let servers = ice_servers.as_deref().map(event::servers);
            (
                "create",
                vec![("remote", remote.0.into()), ("iceServers", servers.into()), ("policy", policy.into())],
            )
        }
        RtcCommand::Close => ("close", vec![]),
        RtcCommand::CreateOffer { ice_restart } => ("createOffer", vec![("iceRestart", ice_restart.into())]),
        RtcCommand::CreateAnswer => ("createAnswer", vec![]),
        RtcCommand::SetLocal(description) => ("setLocal", vec![("description", written(&description))]),
        RtcCommand::SetRemote(description) => ("setRemote", vec![("description", written(&description))]),
        RtcCommand::AddCandidate(candidate) => {
            ("addCandidate", vec![("candidate", candidate.as_ref().map(init).into())])
        }
        RtcCommand::Attach { track, stream } => {
            ("attach", vec![("track", track.0.into()), ("grouped", stream.is_some().into())])
        }
        RtcCommand::Detach { track } => ("detach", vec![("track", track.0.into())]),
        RtcCommand::Replace { old, new } => {
            ("replace", vec![("old", old.0.into()), ("new", new.map(|new| Value::from(new.0)).into())])
        }
        RtcCommand::ReopenChannel(channel) => ("reopenChannel", vec![("channel", channel.0.into())]),
        RtcCommand::SampleStats => ("sampleStats", vec![]),
    }
}

fn written(description: &Description) -> Value {
    let kind = match description.kind {
        DescriptionKind::Offer => "offer",
        DescriptionKind::Answer => "answer",
    };
    Value::object(vec![("type", kind.into()), ("sdp", (&description.sdp).into())])
}

fn init(candidate: &IceCandidate) -> Value {
    let index = candidate.sdp_m_line_index.map(|index| Value::from(u64::from(index)));
    Value::object(vec![
        ("candidate", (&candidate.candidate).into()),
        ("sdpMid", candidate.sdp_mid.as_ref().map(Value::from).into()),
        ("sdpMLineIndex", index.into()),
        ("usernameFragment", candidate.username_fragment.as_ref().map(Value::from).into()),
    ])
}
