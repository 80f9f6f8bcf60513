//! What is asked of a browser's peer connection: `{do: "rtc", link, command, …}`, where `command` is a method
//! of `packages/peerhall/src/link.js`.

use peerhall_core::{Description, DescriptionKind, IceCandidate, LinkId, RtcCommand, TransportPolicy};

use crate::event;
use crate::value::{Value, record};

pub(crate) fn describe(link: LinkId, command: RtcCommand) -> Value {
    named(command).with("do", "rtc").with("link", link.0)
}

fn named(command: RtcCommand) -> Value {
    match command {
        RtcCommand::Create { remote, ice_servers, policy } => {
            let policy = match policy {
                TransportPolicy::All => "all",
                TransportPolicy::Relay => "relay",
            };
            let servers = ice_servers.as_deref().map(event::servers);
            record! { "command": "create", "remote": remote.0, "iceServers": servers, "policy": policy }
        }
        RtcCommand::SetServers(servers) => {
            record! { "command": "setServers", "iceServers": event::servers(&servers) }
        }
        RtcCommand::Close => record! { "command": "close" },
        RtcCommand::CreateOffer { ice_restart } => {
            record! { "command": "createOffer", "iceRestart": ice_restart }
        }
        RtcCommand::CreateAnswer => record! { "command": "createAnswer" },
        RtcCommand::SetLocal(description) => {
            record! { "command": "setLocal", "description": written(&description) }
        }
        RtcCommand::SetRemote(description) => {
            record! { "command": "setRemote", "description": written(&description) }
        }
        RtcCommand::AddCandidate(candidate) => {
            record! { "command": "addCandidate", "candidate": candidate.map(init) }
        }
        RtcCommand::Attach { track, stream } => {
            record! { "command": "attach", "track": track.0, "grouped": stream.is_some() }
        }
        RtcCommand::Detach { track } => record! { "command": "detach", "track": track.0 },
        RtcCommand::Replace { old, new } => {
            record! { "command": "replace", "old": old.0, "new": new.map(|new| Value::from(new.0)) }
        }
        RtcCommand::ReopenChannel(channel) => record! { "command": "reopenChannel", "channel": channel.0 },
        RtcCommand::SampleStats => record! { "command": "sampleStats" },
    }
}

fn written(description: &Description) -> Value {
    let kind = match description.kind {
        DescriptionKind::Offer => "offer",
        DescriptionKind::Answer => "answer",
    };
    record! { "type": kind, "sdp": &description.sdp }
}

fn init(candidate: IceCandidate) -> Value {
    let index = candidate.sdp_m_line_index.map(|index| Value::from(u64::from(index)));
    record! {
        "candidate": &candidate.candidate,
        "sdpMid": candidate.sdp_mid,
        "sdpMLineIndex": index,
        "usernameFragment": candidate.username_fragment,
    }
}
