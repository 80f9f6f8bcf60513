//! Reading a server's frame: every field is checked here, once (sdk-behaviour, section 3.7).

use std::time::Duration;

use peerhall_proto::code::ErrorCode;
use peerhall_proto::json::{Json, JsonKind};

use super::event::Member;

/// A frame that was understood.
#[derive(Debug)]
pub(super) enum Inbound<J: Json> {
    Welcome(Welcome<J>),
    Ack { request_id: String },
    Error { code: ErrorCode, message: Option<String>, request_id: Option<String> },
    Message { channel: String, from: String, data: J, from_metadata: Option<J> },
    Direct { from: String, data: J, from_metadata: Option<J> },
    Presence { channel: String, joined: Vec<Member<J>>, left: Vec<Member<J>> },
    GoingAway { retry_after: Duration },
    IceServers(J),
    Pong,
}

/// The fields of a `welcome`.
#[derive(Debug)]
pub(super) struct Welcome<J: Json> {
    pub(super) peer_id: String,
    pub(super) expires_at: Option<f64>,
    pub(super) server_time: f64,
    pub(super) max_message_size: usize,
    pub(super) metadata: Option<J>,
    pub(super) resume: Option<String>,
}

/// Delay of a `going_away` that names none.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Reads a frame; `None` when a field is missing or wrong, or the type is unknown.
pub(super) fn read<J: Json>(mut frame: J) -> Option<Inbound<J>> {
    if !frame.is_object() {
        return None;
    }
    let kind = frame.text_at("type")?;
    match kind.as_str() {
        "welcome" => welcome(frame).map(Inbound::Welcome),
        "ack" => Some(Inbound::Ack { request_id: frame.text_at("requestId")? }),
        "error" => Some(Inbound::Error {
            code: frame
                .text_at("code")
                .filter(|code| !code.is_empty())
                .map(|code| ErrorCode::from(&*code))?,
            message: frame.text_at("message"),
            request_id: frame.text_at("requestId"),
        }),
        "message" => Some(Inbound::Message {
            channel: frame.text_at("channel")?,
            from: frame.text_at("from")?,
            data: frame.take("data")?,
            from_metadata: object(&mut frame, "fromMetadata"),
        }),
        "direct" => Some(Inbound::Direct {
            from: frame.text_at("from")?,
            data: frame.take("data")?,
            from_metadata: object(&mut frame, "fromMetadata"),
        }),
        "presence" => Some(Inbound::Presence {
            channel: frame.text_at("channel")?,
            joined: members(frame.take("joined")?)?,
            left: members(frame.take("left")?)?,
        }),
        "going_away" => Some(Inbound::GoingAway { retry_after: retry_after(&frame) }),
        "ice_servers" => Some(Inbound::IceServers(frame.take("iceServers")?)),
        "pong" => Some(Inbound::Pong),
        _ => None,
    }
}

fn welcome<J: Json>(mut frame: J) -> Option<Welcome<J>> {
    let expires_at = frame.get("expiresAt")?;
    let expires_at = match expires_at.kind() {
        JsonKind::Null => None,
        JsonKind::Number => expires_at.as_number(),
        JsonKind::Bool | JsonKind::String | JsonKind::Array | JsonKind::Object => return None,
    };
    let size = number(&frame, "maxMessageSize").filter(|size| *size > 0.0)?;
    Some(Welcome {
        peer_id: frame.text_at("peerId")?,
        expires_at,
        server_time: number(&frame, "serverTime")?,
        // Sizes beyond what a frame can carry mean no limit of the server's.
        max_message_size: if size < 9e15 { size as usize } else { usize::MAX },
        metadata: object(&mut frame, "metadata"),
        resume: frame.text_at("resume"),
    })
}

fn number<J: Json>(frame: &J, name: &'static str) -> Option<f64> {
    frame.get(name)?.as_number().filter(|number| number.is_finite())
}

fn object<J: Json>(frame: &mut J, name: &'static str) -> Option<J> {
    frame.take(name).filter(Json::is_object)
}

/// One bad entry makes the whole frame malformed.
fn members<J: Json>(list: J) -> Option<Vec<Member<J>>> {
    list.into_items()?.into_iter().map(member).collect()
}

fn member<J: Json>(mut entry: J) -> Option<Member<J>> {
    if !entry.is_object() {
        return None;
    }
    Some(Member {
        peer_id: entry.text_at("peerId")?,
        metadata: object(&mut entry, "metadata"),
        dropped: entry.get("dropped").and_then(|dropped| dropped.as_bool()).unwrap_or(false),
    })
}

fn retry_after<J: Json>(frame: &J) -> Duration {
    number(frame, "retryAfterMs")
        .filter(|millis| *millis > 0.0)
        .filter(|millis| millis.is_finite())
        .map(|millis| Duration::from_micros((millis * 1_000.0) as u64))
        .unwrap_or(DEFAULT_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn understood(frame: Value) -> bool {
        read(frame).is_some()
    }

    #[test]
    fn a_welcome_needs_its_four_fields() {
        let good = json!({"type": "welcome", "peerId": "p", "expiresAt": null, "serverTime": 1, "maxMessageSize": 65536});
        assert!(understood(good.clone()));
        for (field, value) in [
            ("peerId", json!(1)),
            ("expiresAt", json!("soon")),
            ("serverTime", json!(null)),
            ("maxMessageSize", json!(0)),
            ("maxMessageSize", json!("64k")),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            assert!(!understood(bad), "{field}");
            let mut short = good.clone();
            short.as_object_mut().unwrap().remove(field);
            assert!(!understood(short), "{field} missing");
        }
    }

    #[test]
    fn one_bad_entry_makes_a_presence_frame_malformed() {
        let frame = |joined: Value| json!({"type": "presence", "channel": "c", "joined": joined, "left": []});
        assert!(understood(frame(json!([{"peerId": "a", "metadata": 7}]))));
        for joined in [json!([{"peerId": "a"}, {}]), json!(["a"]), json!([{"peerId": 1}]), json!(null)] {
            assert!(!understood(frame(joined)));
        }
        assert!(!understood(json!({"type": "presence", "channel": "c", "joined": []})));
    }

    #[test]
    fn data_may_be_null_but_not_missing() {
        assert!(understood(json!({"type": "message", "channel": "c", "from": "a", "data": null})));
        assert!(!understood(json!({"type": "message", "channel": "c", "from": "a"})));
        assert!(!understood(json!({"type": "direct", "data": 1})));
    }

    #[test]
    fn a_going_away_without_a_sensible_delay_means_one_second() {
        for (value, millis) in
            [(json!(2500), 2_500), (json!(0), 1_000), (json!(-1), 1_000), (json!("x"), 1_000)]
        {
            let frame = json!({"type": "going_away", "retryAfterMs": value});
            let Some(Inbound::GoingAway { retry_after }) = read(frame) else { panic!("understood") };
            assert_eq!(retry_after, Duration::from_millis(millis));
        }
    }

    #[test]
    fn what_is_no_frame_is_not_understood() {
        for frame in [
            json!(null),
            json!([]),
            json!({"type": 5}),
            json!({"type": "zap"}),
            json!({"type": "error", "code": ""}),
        ] {
            assert!(!understood(frame.clone()), "{frame}");
        }
    }
}
