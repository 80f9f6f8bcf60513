//! What a server says to a peer that is in a channel with another one.
//!
//! Input: one frame a line; an empty line lets 100 ms pass.

use peerhall_sim::Lab;

use crate::client_lab;

/// Tries one input.
///
/// # Panics
///
/// When the client panics, holds too much, wants to be woken for ever, or does not come back once the
/// server makes sense again.
pub fn run(data: &[u8]) {
    client_lab::run(data, Lab::inject);
}
