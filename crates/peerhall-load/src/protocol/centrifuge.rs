//! Centrifuge's JSON protocol, version 1: replies to commands by number, several in a frame on lines of their
//! own.

use memchr::memmem;

use super::{Message, Peer, contains, shown, text_after};

/// `{"sub":"load"}`, signed with the key of `peers/centrifuge/main.go`. One for all: the server checks the
/// signature for every connection.
const TOKEN: &str =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJsb2FkIn0.tC0Ow-RRDQ2nj8aZ3fkjukpCn3PNW-MzRmLYhmkI6D0";

pub(super) fn connect() -> Message {
    Message::Text(format!(r#"{{"id":1,"params":{{"token":"{TOKEN}"}}}}"#))
}

pub(super) fn read(frame: &[u8], peer: &mut Peer) {
    if contains(frame, "\"error\"") {
        peer.complaint = Some(shown(frame));
    }
    match peer.is_ready {
        // The reply to a later command has a number too.
        true => peer.acks += memmem::find_iter(frame, b"{\"id\":").count() as u64,
        false => {
            if let Some(id) = text_after(frame, "\"client\":\"") {
                peer.id = id.to_owned();
                peer.is_ready = true;
            }
        }
    }
}

pub(super) fn subscribe(channel: &str) -> Message {
    Message::Text(format!(r#"{{"id":2,"method":1,"params":{{"channel":"{channel}"}}}}"#))
}

pub(super) fn publish(channel: &str, payload: &str) -> Message {
    Message::Text(format!(r#"{{"id":3,"method":3,"params":{{"channel":"{channel}","data":"{payload}"}}}}"#))
}
