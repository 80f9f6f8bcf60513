//! A description of a remote peer, as a native connection takes it.
//!
//! Input: the text of an offer. What is taken is answered, and then taken and answered a second time.

use peerhall_proto::signal::{Description, DescriptionKind};
use peerhall_rtc::PeerConnection;

use crate::rtc_edge::{asks_the_network, with_connection};

/// Tries one input.
///
/// # Panics
///
/// When the connection panics or ends, or answers with other sections than were offered.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if asks_the_network(text) {
        return;
    }
    with_connection(async |connection: &PeerConnection| {
        for _ in 0..2 {
            let offer = Description { kind: DescriptionKind::Offer, sdp: text.to_owned() };
            if connection.set_remote_description(offer).await.is_err() {
                return;
            }
            let Ok(answer) = connection.create_answer().await else { return };
            assert_eq!(sections(&answer.sdp), sections(text), "{}", answer.sdp);
            if connection.set_local_description(answer).await.is_err() {
                return;
            }
        }
    });
}

fn sections(sdp: &str) -> usize {
    sdp.lines().filter(|line| line.starts_with("m=")).count()
}
