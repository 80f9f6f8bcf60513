//! MQTT 3.1.1, as far as a load needs it.

use super::{Message, Peer, given_id};

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
/// With quality of service 1.
const PUBLISH_ACKNOWLEDGED: u8 = 0x32;
const SUBSCRIBE: u8 = 0x82;

pub(super) fn connect(id: &str) -> Message {
    let mut body = Vec::new();
    push_text(&mut body, "MQTT");
    // Version 3.1.1, clean session, no keep-alive.
    body.extend([4, 2, 0, 0]);
    push_text(&mut body, id);
    packet(CONNECT, &body)
}

/// Reads the small packets: a frame with a payload never comes here.
pub(super) fn read(frame: &[u8], peer: &mut Peer) {
    let mut rest = frame;
    while let Some((&[head, length], behind)) = rest.split_first_chunk::<2>() {
        match head >> 4 {
            2 => {
                peer.id = given_id(&peer.spec);
                peer.is_ready = true;
            }
            // PUBACK, SUBACK.
            4 | 9 => peer.acks += 1,
            _ => {}
        }
        rest = behind.get(usize::from(length)..).unwrap_or_default();
    }
}

pub(super) fn subscribe(channel: &str) -> Message {
    let mut body = vec![0, 1];
    push_text(&mut body, channel);
    body.push(0);
    packet(SUBSCRIBE, &body)
}

pub(super) fn publish(channel: &str, payload: &str) -> Message {
    let mut body = Vec::new();
    push_text(&mut body, channel);
    body.extend_from_slice(payload.as_bytes());
    packet(PUBLISH, &body)
}

pub(super) fn publish_acknowledged(channel: &str, payload: &str, number: u64) -> Message {
    let mut body = Vec::new();
    push_text(&mut body, channel);
    // An id is 1 to 65,535.
    let id = u16::try_from(number % 65_535 + 1).unwrap_or(1);
    body.extend(id.to_be_bytes());
    body.extend_from_slice(payload.as_bytes());
    packet(PUBLISH_ACKNOWLEDGED, &body)
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn packet(head: u8, body: &[u8]) -> Message {
    let mut out = vec![head];
    let mut length = body.len();
    loop {
        let digit = u8::try_from(length % 128).unwrap_or_default();
        length /= 128;
        out.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    Message::Binary(out)
}
