//! Negotiation messages as they stand in the `data` of a `send` (wire protocol, section 16).

use peerhall_proto::json::{Json, JsonKind};

use super::labels::Label;
use super::rtc::{Description, DescriptionKind, IceCandidate};

/// The member that marks what a sender says about its tracks.
pub(crate) const TRACK_METADATA_KEY: &str = "__meteredTrackMeta";

/// Longest stream id and kind in a track's metadata, in UTF-16 code units.
const MAX_LABEL_UNITS: usize = 256;

/// Longest tag of a connection, in UTF-16 code units; a longer one is as good as none.
const MAX_TAG_UNITS: usize = 64;

/// The member that says what the sender knows beyond the vendor's protocol.
const EXTRAS_KEY: &str = "ph";

/// The `type` of a message that carries labelled data, and the member that holds it.
#[cfg(feature = "labelled")]
const CARRIED_TYPE: &str = "rtc-labels";
#[cfg(feature = "labelled")]
const CARRIED_KEY: &str = "data";

/// Bytes of JSON of such a message beyond what it carries.
#[cfg(feature = "labelled")]
pub(crate) const CARRIED_OVERHEAD: usize = r#"{"type":"rtc-labels","data":""}"#.len();

/// Version of the labelled layer that is spoken.
const LABELLED_VERSION: u8 = 1;

/// A message between two peers.
#[derive(Debug, Clone)]
pub(crate) enum Signal<J> {
    Description(Description, Ends),
    /// The sender has a new connection, `from`, and knows that the receiver's is `to`.
    Reset(Ends),
    Candidate(Option<IceCandidate>),
    Label(Label<J>),
    /// Labelled data, for want of a connection.
    #[cfg(feature = "labelled")]
    Carried(String),
}

/// Between which two peer connections a description travels. Only our own clients say so: a server may
/// hold a message until its receiver is back, with another connection than the one it was meant for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Tag of the sender's connection.
    pub(crate) from: Option<String>,
    /// Tag of the receiver's connection, once the sender knows it.
    pub(crate) to: Option<String>,
    /// What the sender knows of labelled channels.
    pub(crate) knows: Knows,
}

/// What a peer knows of labelled channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Knows {
    /// Nothing.
    #[default]
    Nothing,
    /// Labelled channels on a connection.
    Labels,
    /// The same through the server, too, while there is no connection.
    Detours,
}

/// What the payload of a direct message is.
#[derive(Debug)]
pub(crate) enum Payload<J> {
    /// A negotiation message.
    Signal(Signal<J>),
    /// Something that looks like one and is not; it belongs to nobody (X13).
    Malformed,
    /// The application's.
    Data(J),
}

/// Tells negotiation from application data. `cap` is the largest metadata that is kept, in bytes of
/// JSON.
pub(crate) fn read<J: Json>(mut data: J, cap: usize) -> Payload<J> {
    if !data.is_object() {
        return Payload::Data(data);
    }
    if let Some(label) = data.get(TRACK_METADATA_KEY).map(std::borrow::Cow::into_owned) {
        return read_label(label, cap)
            .map_or(Payload::Malformed, |label| Payload::Signal(Signal::Label(label)));
    }
    match data.text_at("type").as_deref() {
        Some("rtc-description") => {
            let ends = ends(&data);
            let description = data.take("description").and_then(description);
            signal(description.map(|description| Signal::Description(description, ends)))
        }
        Some("rtc-reset") => {
            let ends = ends(&data);
            signal((ends.from.is_some() && ends.to.is_some()).then_some(Signal::Reset(ends)))
        }
        Some("rtc-ice") => signal(data.take("candidate").and_then(candidate)),
        #[cfg(feature = "labelled")]
        Some(CARRIED_TYPE) => signal(data.text_at(CARRIED_KEY).map(Signal::Carried)),
        Some(_) | None => Payload::Data(data),
    }
}

/// Whether an application's payload would be taken for negotiation by its receiver.
pub(crate) fn looks_like_signal<J: Json>(data: &J) -> bool {
    data.is_object()
        && (data.get(TRACK_METADATA_KEY).is_some()
            || match data.text_at("type").as_deref() {
                Some("rtc-description" | "rtc-ice" | "rtc-reset") => true,
                #[cfg(feature = "labelled")]
                Some(CARRIED_TYPE) => true,
                Some(_) | None => false,
            })
}

fn signal<J>(signal: Option<Signal<J>>) -> Payload<J> {
    signal.map_or(Payload::Malformed, Payload::Signal)
}

fn ends<J: Json>(data: &J) -> Ends {
    let short = |tag: &String| tag.encode_utf16().count() <= MAX_TAG_UNITS;
    let tag = |name| data.get("ends").and_then(|ends| ends.text_at(name)).filter(short);
    Ends { from: tag("from"), to: tag("to"), knows: known(data) }
}

/// Another version is another layer, which is as good as none.
fn known<J: Json>(data: &J) -> Knows {
    let extras = data.get(EXTRAS_KEY).filter(|extras| cfg!(feature = "labelled") && extras.is_object());
    let Some(extras) = extras else { return Knows::Nothing };
    let says = |name| extras.get(name).is_some_and(|value| value.as_bool() == Some(true));
    let version = extras.get("v").and_then(|version| version.as_number());
    if version != Some(f64::from(LABELLED_VERSION)) || !says("ch") {
        return Knows::Nothing;
    }
    if says("sv") { Knows::Detours } else { Knows::Labels }
}

fn description<J: Json>(object: J) -> Option<Description> {
    let kind = match object.text_at("type")?.as_str() {
        "offer" => DescriptionKind::Offer,
        "answer" => DescriptionKind::Answer,
        _ => return None,
    };
    Some(Description { kind, sdp: object.text_at("sdp")? })
}

fn candidate<J: Json>(value: J) -> Option<Signal<J>> {
    match value.kind() {
        JsonKind::Null => Some(Signal::Candidate(None)),
        JsonKind::Object => {
            let candidate = value.text_at("candidate").unwrap_or_default();
            // The Python SDK marks the end in this way too.
            if candidate.is_empty() {
                return Some(Signal::Candidate(None));
            }
            let index = value.get("sdpMLineIndex").and_then(|index| index.as_number());
            Some(Signal::Candidate(Some(IceCandidate {
                candidate,
                sdp_mid: value.text_at("sdpMid"),
                sdp_m_line_index: index
                    .filter(|index| (0.0..65_536.0).contains(index))
                    .map(|index| index as u16),
                username_fragment: value.text_at("usernameFragment"),
            })))
        }
        JsonKind::Bool | JsonKind::Number | JsonKind::String | JsonKind::Array => None,
    }
}

fn read_label<J: Json>(mut object: J, cap: usize) -> Option<Label<J>> {
    let track_id = object.text_at("trackId").filter(|id| !id.is_empty())?;
    let metadata = match object.take("metadata") {
        None => None,
        Some(metadata) => match metadata.kind() {
            JsonKind::Null => None,
            JsonKind::Object if metadata.encoded_len() <= cap => Some(metadata),
            JsonKind::Object | JsonKind::Bool | JsonKind::Number | JsonKind::String | JsonKind::Array => {
                return None;
            }
        },
    };
    let short = |name: &'static str| {
        object.text_at(name).filter(|text| text.encode_utf16().count() <= MAX_LABEL_UNITS)
    };
    Some(Label { stream_id: short("streamId"), kind: short("kind"), track_id, metadata })
}

/// The payload that carries a signal.
pub(crate) fn write<J: Json>(signal: &Signal<J>) -> J {
    match signal {
        Signal::Description(description, ends) => {
            let kind = match description.kind {
                DescriptionKind::Offer => "offer",
                DescriptionKind::Answer => "answer",
            };
            let description =
                J::object(vec![("type", J::string(kind)), ("sdp", J::string(&description.sdp))]);
            let mut members = vec![("type", J::string("rtc-description")), ("description", description)];
            if ends.from.is_some() || ends.to.is_some() {
                members.push(("ends", write_ends(ends)));
            }
            if cfg!(feature = "labelled") && ends.knows != Knows::Nothing {
                let mut extras = vec![("v", J::integer(LABELLED_VERSION.into())), ("ch", J::boolean(true))];
                if ends.knows == Knows::Detours {
                    extras.push(("sv", J::boolean(true)));
                }
                members.push((EXTRAS_KEY, J::object(extras)));
            }
            J::object(members)
        }
        Signal::Reset(ends) => J::object(vec![("type", J::string("rtc-reset")), ("ends", write_ends(ends))]),
        Signal::Candidate(candidate) => {
            let candidate = candidate.as_ref().map_or_else(J::null, write_candidate);
            J::object(vec![("type", J::string("rtc-ice")), ("candidate", candidate)])
        }
        Signal::Label(label) => J::object(vec![(TRACK_METADATA_KEY, write_label(label))]),
        #[cfg(feature = "labelled")]
        Signal::Carried(text) => {
            J::object(vec![("type", J::string(CARRIED_TYPE)), (CARRIED_KEY, J::string(text))])
        }
    }
}

fn write_ends<J: Json>(ends: &Ends) -> J {
    let tags = [("from", &ends.from), ("to", &ends.to)];
    let tags = tags.into_iter().filter_map(|(name, tag)| Some((name, J::string(tag.as_deref()?))));
    J::object(tags.collect::<Vec<_>>())
}

fn write_candidate<J: Json>(candidate: &IceCandidate) -> J {
    let text = |text: &Option<String>| text.as_deref().map_or_else(J::null, J::string);
    let mut members = vec![
        ("candidate", J::string(&candidate.candidate)),
        ("sdpMid", text(&candidate.sdp_mid)),
        ("sdpMLineIndex", candidate.sdp_m_line_index.map_or_else(J::null, |index| J::integer(index.into()))),
    ];
    if candidate.username_fragment.is_some() {
        members.push(("usernameFragment", text(&candidate.username_fragment)));
    }
    J::object(members)
}

fn write_label<J: Json>(label: &Label<J>) -> J {
    let mut members = vec![("trackId", J::string(&label.track_id))];
    if let Some(metadata) = &label.metadata {
        members.push(("metadata", metadata.clone()));
        members.extend(label.kind.as_deref().map(|kind| ("kind", J::string(kind))));
        members.extend(label.stream_id.as_deref().map(|id| ("streamId", J::string(id))));
    }
    J::object(members)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kind(data: Value) -> &'static str {
        match read(data, 100) {
            Payload::Signal(Signal::Description(..)) => "description",
            Payload::Signal(Signal::Candidate(_)) => "candidate",
            Payload::Signal(Signal::Label(_)) => "label",
            Payload::Signal(Signal::Reset(_)) => "reset",
            #[cfg(feature = "labelled")]
            Payload::Signal(Signal::Carried(_)) => "carried",
            Payload::Malformed => "malformed",
            Payload::Data(_) => "data",
        }
    }

    #[test]
    fn r64_negotiation_is_told_from_data() {
        for (data, expected) in [
            (
                json!({"type": "rtc-description", "description": {"type": "offer", "sdp": "v=0"}, "extra": 1}),
                "description",
            ),
            (json!({"type": "rtc-ice", "candidate": null}), "candidate"),
            (json!({"type": "rtc-ice", "candidate": {}}), "candidate"),
            (json!({"type": "rtc-reset", "ends": {"from": "a", "to": "b"}}), "reset"),
            (json!({"__meteredTrackMeta": {"trackId": "t"}}), "label"),
            (json!({"__meteredTrackMeta": {"trackId": "t", "metadata": null}}), "label"),
            (json!({"type": "chat"}), "data"),
            (json!("rtc-ice"), "data"),
            (json!([{"type": "rtc-ice"}]), "data"),
        ] {
            assert_eq!(kind(data.clone()), expected, "{data}");
        }
    }

    #[test]
    #[cfg(feature = "labelled")]
    fn whether_labels_are_known_is_said_beside_the_description_and_nowhere_else() {
        let description = Description { kind: DescriptionKind::Offer, sdp: "v=0".to_owned() };
        let words = [
            (Knows::Nothing, None),
            (Knows::Labels, Some(json!({"v": 1, "ch": true}))),
            (Knows::Detours, Some(json!({"v": 1, "ch": true, "sv": true}))),
        ];
        for (knows, said) in words {
            let ends = Ends { knows, ..Ends::default() };
            let written: Value = write(&Signal::Description(description.clone(), ends.clone()));
            assert_eq!(written.get("ph"), said.as_ref());
            assert_eq!(written.get("ends"), None);
            let Payload::Signal(Signal::Description(_, back)) = read(written, 100) else {
                panic!("a description")
            };
            assert_eq!(back, ends);
        }
        let others =
            [json!(true), json!({"v": 2, "ch": true}), json!({"v": 1, "sv": true}), json!({"v": 1, "ch": 1})];
        for other in others {
            assert_eq!(known(&json!({"ph": other})), Knows::Nothing, "{other}");
        }
        assert_eq!(known(&json!({"ph": {"v": 1, "ch": true, "sv": 1}})), Knows::Labels);
    }

    #[test]
    #[cfg(feature = "labelled")]
    fn labelled_data_travels_as_one_text_and_is_nobody_elses() {
        let written: Value = write(&Signal::Carried("AQID".to_owned()));
        assert_eq!(written, json!({"type": "rtc-labels", "data": "AQID"}));
        assert_eq!(written.encoded_len(), CARRIED_OVERHEAD + 4);
        assert!(looks_like_signal(&written));
        assert!(matches!(read(written, 100), Payload::Signal(Signal::Carried(text)) if text == "AQID"));
        assert_eq!(kind(json!({"type": "rtc-labels", "data": [1]})), "malformed");
    }

    #[test]
    fn x13_malformed_look_alikes_belong_to_nobody() {
        for data in [
            json!({"type": "rtc-description", "description": {"type": "rollback", "sdp": ""}}),
            json!({"type": "rtc-description", "description": {"type": "offer"}}),
            json!({"type": "rtc-description"}),
            json!({"type": "rtc-ice"}),
            json!({"type": "rtc-reset", "ends": {"from": "a"}}),
            json!({"type": "rtc-ice", "candidate": 7}),
            json!({"__meteredTrackMeta": 1}),
            json!({"__meteredTrackMeta": {"trackId": ""}}),
        ] {
            assert_eq!(kind(data.clone()), "malformed", "{data}");
        }
    }

    #[test]
    fn r57_only_plain_objects_within_the_cap_are_metadata() {
        for metadata in [json!([1]), json!(1), json!("x"), json!({"a": "x".repeat(100)})] {
            assert_eq!(
                kind(json!({"__meteredTrackMeta": {"trackId": "t", "metadata": metadata}})),
                "malformed"
            );
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let candidate = IceCandidate {
            candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host".to_owned(),
            sdp_mid: Some("0".to_owned()),
            sdp_m_line_index: Some(0),
            username_fragment: None,
        };
        let written: Value = write(&Signal::Candidate(Some(candidate.clone())));
        assert_eq!(written["candidate"]["sdpMLineIndex"], json!(0));
        let Payload::Signal(Signal::Candidate(Some(back))) = read(written, 100) else {
            panic!("a candidate")
        };
        assert_eq!(back, candidate);
    }

    #[test]
    fn clearing_a_label_writes_no_metadata_member() {
        let label =
            Label { track_id: "t".to_owned(), metadata: None, stream_id: Some("s".to_owned()), kind: None };
        let written: Value = write(&Signal::Label(label));
        assert_eq!(written, json!({"__meteredTrackMeta": {"trackId": "t"}}));
    }
}
