//! NATS client protocol over WebSocket.

use memchr::memmem;

use super::{Message, Peer, Spec, contains, given_id, shown};

pub(super) fn connect(spec: &Spec) -> Message {
    let verbose = spec.wants_acks;
    let options = format!(
        r#"{{"verbose":{verbose},"pedantic":false,"lang":"peerhall-load","version":"0","protocol":1,"echo":false}}"#
    );
    Message::Binary(format!("CONNECT {options}\r\nPING\r\n").into_bytes())
}

pub(super) fn read(frame: &[u8], peer: &mut Peer, out: &mut Vec<Message>) {
    if frame.starts_with(b"PING") {
        out.push(Message::Binary(b"PONG\r\n".to_vec()));
    }
    let pongs = memmem::find_iter(frame, b"PONG\r\n").count() as u64;
    match (peer.is_ready, pongs) {
        (false, 0) => {}
        (false, _) => {
            peer.id = given_id(&peer.spec);
            peer.is_ready = true;
        }
        // The answer to the ping behind a subscription.
        (true, 1..) => peer.acks += pongs,
        (true, 0) => peer.acks += memmem::find_iter(frame, b"+OK\r\n").count() as u64,
    }
    if contains(frame, "-ERR") {
        peer.complaint = Some(shown(frame));
    }
}

pub(super) fn subscribe(channel: &str) -> Message {
    Message::Binary(format!("SUB {channel} 1\r\nPING\r\n").into_bytes())
}

pub(super) fn publish(channel: &str, payload: &str) -> Message {
    Message::Binary(format!("PUB {channel} {}\r\n{payload}\r\n", payload.len()).into_bytes())
}
