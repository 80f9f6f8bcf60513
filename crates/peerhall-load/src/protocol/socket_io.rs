//! Socket.IO 5 over Engine.IO 4.

use super::{Message, Peer, Spec, text_after};

pub(super) fn read(frame: &[u8], peer: &mut Peer, out: &mut Vec<Message>) {
    match frame {
        // Engine.IO: ping, open.
        [b'2', ..] => out.push(Message::Text("3".to_owned())),
        [b'0', ..] => out.push(Message::Text("40".to_owned())),
        // Socket.IO: connected, acknowledged.
        [b'4', b'0', ..] => {
            peer.id = text_after(frame, "\"sid\":\"").unwrap_or_default().to_owned();
            peer.is_ready = true;
        }
        [b'4', b'3', ..] => peer.acks += 1,
        _ => {}
    }
}

pub(super) fn subscribe(spec: &Spec) -> Message {
    Message::Text(format!(r#"420["sub","{}",{}]"#, spec.channel, spec.wants_members))
}

pub(super) fn publish(channel: &str, payload: &str) -> Message {
    Message::Text(format!(r#"42["pub","{channel}","{payload}"]"#))
}

pub(super) fn direct(to: &str, payload: &str, number: u64) -> Message {
    // The number of the acknowledgement is a callback's place in the client, which has few.
    Message::Text(format!(r#"42{}["to","{to}","{payload}"]"#, number % 1_000_000))
}
