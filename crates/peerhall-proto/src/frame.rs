//! Frames: every message in either direction is one JSON object with a string member `type`
//! (wire protocol, section 2).

pub mod client;
pub mod decode;
pub mod server;
