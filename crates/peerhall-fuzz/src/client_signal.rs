//! What a remote peer says to the one at the other end of a connection: descriptions, candidates, track
//! metadata.
//!
//! Input: the payload of one direct message a line; an empty line lets 100 ms pass.

use crate::client_lab;

/// Tries one input.
///
/// # Panics
///
/// When the client panics, holds too much, wants to be woken for ever, or does not come back once the
/// remote peer makes sense again.
pub fn run(data: &[u8]) {
    client_lab::run(data, |lab, alice, payload| {
        lab.inject(alice, &format!(r#"{{"type":"direct","from":"bob","data":{payload}}}"#));
    });
}
