//! Candidates of a remote peer, as a native connection takes them.
//!
//! Input: one candidate a line, for a connection that has taken an offer.

use peerhall_proto::signal::{Candidate, Description, DescriptionKind};
use peerhall_rtc::PeerConnection;

use crate::rtc_edge::{asks_the_network, with_connection};

/// Most lines of one input that are looked at: more than a connection takes.
const MAX_LINES: usize = 250;

/// What the candidates belong to.
const OFFER: &str = include_str!("rtc_candidate/offer.sdp");

/// Tries one input.
///
/// # Panics
///
/// When the connection panics or ends, or does not take the offer.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if asks_the_network(text) {
        return;
    }
    with_connection(async |connection: &PeerConnection| {
        let offer = Description { kind: DescriptionKind::Offer, sdp: OFFER.to_owned() };
        connection.set_remote_description(offer).await.expect("an offer");
        for line in text.lines().take(MAX_LINES) {
            let candidate = Candidate {
                candidate: line.to_owned(),
                sdp_mid: Some("0".to_owned()),
                sdp_m_line_index: Some(0),
                username_fragment: None,
            };
            // An error is an answer; what counts is that the connection goes on.
            let _ = connection.add_candidate(Some(candidate)).await;
        }
    });
}
