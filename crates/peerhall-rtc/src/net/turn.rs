//! A client of one TURN server (RFC 8656) without sockets and without a clock: it is told what came
//! and what time it is, and tells what to send.

mod allocation;
mod auth;
mod client;
mod framing;
mod message;
mod peers;

pub(super) use client::{Client, Ended, TurnEvent};
pub(super) use framing::{Frames, NotTurn, padding};

#[cfg(test)]
mod tests;
