//! What must hold for every byte that arrives from outside, one module a door.
//!
//! A target is a function of bytes that panics when a promise is broken. libFuzzer calls it through
//! the programs in `fuzz/` (`cargo xtask fuzz`), and a test of this crate calls it with every committed
//! input, so a finding stays found.
//!
//! To add one: a module with `run`, a line in [`TARGETS`], a program in `fuzz/fuzz_targets` and a
//! folder in `fuzz/corpus`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a target reports a broken promise by panicking"
)]

mod bytes;
pub mod client_frame;
mod client_lab;
pub mod client_peer;
pub mod client_signal;
pub mod config;
pub mod handshake;
pub mod hub;
pub mod jwt;
pub mod labelled;
pub mod member_log;
pub mod origin;
pub mod pattern;
pub mod rest_body;
pub mod rtc_candidate;
pub mod rtc_description;
mod rtc_edge;
pub mod server_frame;
pub mod turn;
pub mod ws_frame;

/// A door and what is asked of it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of the module, of the program and of the folder of its inputs.
    pub name: &'static str,
    /// Tries one input. Panics when a promise is broken.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 17] = [
    Target { name: "client_frame", run: client_frame::run },
    Target { name: "client_peer", run: client_peer::run },
    Target { name: "client_signal", run: client_signal::run },
    Target { name: "config", run: config::run },
    Target { name: "handshake", run: handshake::run },
    Target { name: "hub", run: hub::run },
    Target { name: "jwt", run: jwt::run },
    Target { name: "labelled", run: labelled::run },
    Target { name: "member_log", run: member_log::run },
    Target { name: "origin", run: origin::run },
    Target { name: "pattern", run: pattern::run },
    Target { name: "rest_body", run: rest_body::run },
    Target { name: "rtc_candidate", run: rtc_candidate::run },
    Target { name: "rtc_description", run: rtc_description::run },
    Target { name: "server_frame", run: server_frame::run },
    Target { name: "turn", run: turn::run },
    Target { name: "ws_frame", run: ws_frame::run },
];
