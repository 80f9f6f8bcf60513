//! What peers tell each other through `send` to set up a call (wire protocol, section 16). The
//! server treats all of it as opaque `data`; the shapes bind clients.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Longest candidate line a receiver applies, in characters (section 16.2).
pub const MAX_CANDIDATE_CHARS: usize = 1_000;

/// Most candidates a receiver applies in one negotiation (section 16.2).
pub const MAX_CANDIDATES: usize = 200;

/// Most track-metadata entries a receiver keeps for one peer, oldest out first (section 16.3).
pub const MAX_TRACK_METADATA: usize = 512;

/// Which half of a negotiation a description is. `pranswer` and `rollback` never travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DescriptionKind {
    /// Proposes a session.
    Offer,
    /// Agrees to an offer.
    Answer,
}

/// A session description (section 16.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Offer or answer.
    #[serde(rename = "type")]
    pub kind: DescriptionKind,
    /// The SDP text; it holds ICE passwords and is never logged.
    pub sdp: String,
}

impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Description({:?}, {} bytes)", self.kind, self.sdp.len())
    }
}

/// One ICE candidate (section 16.2).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The candidate line; an empty one marks the end of gathering.
    pub candidate: String,
    /// Media section by name.
    #[serde(default)]
    pub sdp_mid: Option<String>,
    /// Media section by number.
    #[serde(default)]
    pub sdp_m_line_index: Option<u16>,
    /// ICE user name of the generation that the candidate belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Candidate(mid {:?}, {} bytes)", self.sdp_mid, self.candidate.len())
    }
}

/// A negotiation message between two peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Signal {
    /// An offer or an answer.
    #[serde(rename = "rtc-description")]
    Description {
        /// The description itself.
        description: Description,
    },
    /// A candidate, or `null` at the end of gathering.
    #[serde(rename = "rtc-ice")]
    Candidate {
        /// The candidate, or `None` at the end.
        candidate: Option<Candidate>,
    },
}

/// What a sender says about one of its tracks (section 16.3): the value of the reserved member
/// `__meteredTrackMeta`. Without `metadata` it clears what was said before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackMetadata {
    /// The sender's track id, not empty.
    pub track_id: String,
    /// A plain object; left out, never `null`, to clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// `audio` or `video`; sent by the vendor's Python SDK and by ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Id of the stream that the track belongs to, at most 256 characters; it survives the way to
    /// the receiver where track ids do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<String>,
    /// Media section of the track; ours only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
}

/// The `data` that carries [`TrackMetadata`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackMetadataMessage {
    /// The one reserved member.
    #[serde(rename = "__meteredTrackMeta")]
    pub track: TrackMetadata,
}

/// Whether the `data` of a `send` belongs to one connection between two peers, so that it means nothing
/// to the next one: a description or a candidate (sections 16.1 and 16.2), by its `type` alone.
#[must_use]
pub fn belongs_to_connection(data: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    let kind = serde_json::from_str::<Kind<'_>>(data.get());
    kind.is_ok_and(|Kind { kind }| matches!(&*kind, "rtc-description" | "rtc-ice"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_and_candidates_belong_to_a_connection_and_nothing_else_does() {
        let belongs = |data: &str| belongs_to_connection(serde_json::from_str(data).expect("JSON"));
        assert!(belongs(r#"{"description":{"type":"offer","sdp":"v=0"},"type":"rtc-description"}"#));
        assert!(belongs(r#"{"type":"rtc\u002dice","candidate":null}"#));
        for data in [
            r#"{"type":"chat"}"#,
            r#"{"type":7}"#,
            r#"{"__meteredTrackMeta":{"trackId":"t"}}"#,
            r#"{"inner":{"type":"rtc-ice"}}"#,
            r#"[{"type":"rtc-ice"}]"#,
            r#""rtc-ice""#,
            "null",
        ] {
            assert!(!belongs(data), "{data}");
        }
    }
}
