//! The wire of this project, as texts: the generator must cost little, so nothing is parsed that need
//! not be.

use super::{Message, Peer, Spec, contains, shown, text_after};

/// Bytes in which the type of a frame stands.
const HEAD_BYTES: usize = 40;

pub(super) fn read(frame: &[u8], peer: &mut Peer) {
    let head = frame.get(..HEAD_BYTES).unwrap_or(frame);
    if contains(head, "\"ack\"") {
        peer.acks += 1;
    } else if contains(head, "\"welcome\"") {
        peer.id = text_after(frame, "\"peerId\":\"").unwrap_or_default().to_owned();
        peer.is_ready = true;
    } else if contains(head, "\"error\"") {
        peer.complaint = Some(shown(frame));
    }
}

pub(super) fn subscribe(spec: &Spec) -> Message {
    let (channel, number) = (&spec.channel, spec.index);
    Message::Text(format!(r#"{{"type":"subscribe","channel":"{channel}","requestId":"s{number}"}}"#))
}

pub(super) fn publish(channel: &str, payload: &str) -> Message {
    Message::Text(format!(r#"{{"type":"publish","channel":"{channel}","data":"{payload}"}}"#))
}

pub(super) fn direct(to: &str, payload: &str, number: u64) -> Message {
    Message::Text(format!(r#"{{"type":"send","to":"{to}","data":"{payload}","requestId":"r{number}"}}"#))
}
