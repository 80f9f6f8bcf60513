//! A message of a server, as a client and another node's tools read it.

use peerhall_proto::frame::server::ServerFrame;

/// Tries one input.
///
/// # Panics
///
/// When a frame that is understood is written as something else.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(frame) = ServerFrame::decode(text) else { return };
    let written = frame.encode();
    let again = ServerFrame::decode(written.as_str());
    let again = again.unwrap_or_else(|error| panic!("{error}: {}", written.as_str()));
    assert_eq!(again.encode().as_str(), written.as_str());
}
