//! One connection's frames as rungs of a ladder: when, which way, how large, and what each means in words.
//! Names in the words are what peers chose; whoever shows them must treat them as text.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::mask::mask;
use crate::exchange::{Direction, FrameSeen, Sight};

/// Characters of a frame that are shown.
const MAX_BODY: usize = 4_096;

/// Characters of a name in a sentence.
const MAX_NAME: usize = 80;

/// Names of a list in a sentence.
const MAX_NAMES: usize = 5;

/// Requests whose answer is waited for.
const MAX_OPEN: usize = 256;

/// One rung.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rung {
    /// Unix milliseconds.
    at: i64,
    /// `in` from the client, `out` to it, `end` when the server closes.
    way: &'static str,
    bytes: usize,
    /// The frame's `type`, or what it is instead.
    kind: String,
    meaning: String,
    /// The frame with its secrets masked; empty when it is no JSON.
    body: String,
    /// Whether the body was longer.
    is_cut: bool,
    /// Milliseconds from the request that this answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<i64>,
    /// Frames before this one that were left out.
    lost: u64,
}

/// What has to be remembered to understand the next frame.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    open: HashMap<String, (String, i64)>,
    order: VecDeque<String>,
}

impl Ladder {
    /// Reads one thing that happened.
    pub(super) fn read(&mut self, sight: &Sight) -> Rung {
        let rung = |way, bytes, kind: &str, meaning: String| Rung {
            at: sight.at_ms,
            way,
            bytes,
            kind: kind.to_owned(),
            meaning,
            body: String::new(),
            is_cut: false,
            took_ms: None,
            lost: sight.lost,
        };
        match &sight.what {
            FrameSeen::Binary(bytes) => {
                rung("in", *bytes, "binary", "a binary message, which the protocol does not have".to_owned())
            }
            FrameSeen::Closed(code, reason) => {
                rung("end", 0, "close", format!("the server closes with {}: {reason}", code.0))
            }
            FrameSeen::Text(way, text) => {
                let word = match way {
                    Direction::In => "in",
                    Direction::Out => "out",
                };
                let bytes = text.as_str().len();
                match serde_json::from_str::<Value>(text.as_str()) {
                    Ok(frame) => self.frame(rung(word, bytes, "", String::new()), *way, frame),
                    // What cannot be read cannot be masked.
                    Err(_) => rung(word, bytes, "text", "no JSON, or nested too deep; not shown".to_owned()),
                }
            }
        }
    }

    fn frame(&mut self, mut rung: Rung, way: Direction, mut frame: Value) -> Rung {
        rung.kind = text(&frame, "type").map_or_else(|| "?".to_owned(), shorten);
        let id = text(&frame, "requestId").map(str::to_owned);
        let mut answered = None;
        match (way, id) {
            (Direction::In, Some(id)) => self.asked(id, &rung.kind, rung.at),
            (Direction::Out, Some(id)) => answered = self.open.remove(&id),
            (Direction::In | Direction::Out, None) => {}
        }
        rung.meaning = match way {
            Direction::In => from_client(&frame),
            Direction::Out => to_client(&frame, answered.as_ref().map(|(kind, _)| kind.as_str())),
        };
        rung.took_ms = answered.map(|(_, at)| rung.at.saturating_sub(at));
        mask(&mut frame);
        let body = frame.to_string();
        rung.is_cut = body.chars().nth(MAX_BODY).is_some();
        rung.body = if rung.is_cut { body.chars().take(MAX_BODY).collect() } else { body };
        rung
    }

    fn asked(&mut self, id: String, kind: &str, at: i64) {
        if self.order.len() >= MAX_OPEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.open.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.open.insert(id, (kind.to_owned(), at));
    }
}

fn from_client(frame: &Value) -> String {
    let channel = || name(frame, "channel");
    match text(frame, "type") {
        Some("subscribe") => format!("joins {}", channel()),
        Some("unsubscribe") => format!("leaves {}", channel()),
        Some("publish") => format!("publishes to {}", channel()),
        Some("send") => format!("to {}: {}", name(frame, "to"), matter(frame.get("data"))),
        Some("ping") => "are you there?".to_owned(),
        Some(_) | None => "a frame that the protocol does not have".to_owned(),
    }
}

fn to_client(frame: &Value, request: Option<&str>) -> String {
    match text(frame, "type") {
        Some("welcome") => format!("welcome, {}", name(frame, "peerId")),
        Some("ack") => format!("{} accepted", request.unwrap_or("request")),
        Some("error") => format!("{} refused: {}", request.unwrap_or("frame"), name(frame, "code")),
        Some("message") => format!("{} in {}", name(frame, "from"), name(frame, "channel")),
        Some("direct") => format!("from {}: {}", name(frame, "from"), matter(frame.get("data"))),
        Some("presence") => presence(frame),
        Some("going_away") => "the server stops; come back".to_owned(),
        Some("pong") => "yes".to_owned(),
        Some(_) | None => "a frame without a meaning".to_owned(),
    }
}

/// What a direct is about, as far as the SDKs agree on that.
fn matter(data: Option<&Value>) -> String {
    let Some(data) = data else { return "nothing".to_owned() };
    match text(data, "type") {
        Some("rtc-description") => {
            let kind = data.get("description").and_then(|description| text(description, "type"));
            match kind {
                Some("offer") => "offer of a peer connection".to_owned(),
                Some("answer") => "answer to an offer".to_owned(),
                Some(_) | None => "a session description".to_owned(),
            }
        }
        Some("rtc-ice") => match data.get("candidate").and_then(|candidate| text(candidate, "candidate")) {
            Some(line) if !line.is_empty() => {
                let kind = line.split(' ').skip_while(|word| *word != "typ").nth(1);
                format!("ICE candidate ({})", shorten(kind.unwrap_or("unknown")))
            }
            Some(_) | None => "no more ICE candidates".to_owned(),
        },
        Some(_) | None if data.get("__meteredTrackMeta").is_some() => "what a track is for".to_owned(),
        Some(_) | None => "a message".to_owned(),
    }
}

fn presence(frame: &Value) -> String {
    let (joined, left) = (peers(frame, "joined"), peers(frame, "left"));
    let changes = match (joined.is_empty(), left.is_empty()) {
        (true, true) => "nobody else is there".to_owned(),
        (false, true) => format!("there: {joined}"),
        (true, false) => format!("gone: {left}"),
        (false, false) => format!("there: {joined}; gone: {left}"),
    };
    format!("{}: {changes}", name(frame, "channel"))
}

fn peers(frame: &Value, member: &str) -> String {
    let list = frame.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<String> = list.iter().take(MAX_NAMES).map(|entry| name(entry, "peerId")).collect();
    if list.len() > MAX_NAMES {
        names.push(format!("{} more", list.len() - MAX_NAMES));
    }
    names.join(", ")
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str)
}

fn name(value: &Value, member: &str) -> String {
    text(value, member).map_or_else(|| "?".to_owned(), shorten)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use peerhall_proto::code::CloseCode;
    use serde_json::json;

    use super::*;
    use crate::exchange::FrameText;

    fn read(ladder: &mut Ladder, way: Direction, at_ms: i64, text: &str) -> Rung {
        let what = FrameSeen::Text(way, FrameText::Copied(text.into()));
        ladder.read(&Sight { at_ms, lost: 0, what })
    }

    fn meaning(way: Direction, frame: &Value) -> String {
        read(&mut Ladder::default(), way, 0, &frame.to_string()).meaning
    }

    #[test]
    fn an_answer_names_its_request_and_how_long_it_took() {
        let mut ladder = Ladder::default();
        read(&mut ladder, Direction::In, 100, r#"{"type":"subscribe","channel":"hall","requestId":"7"}"#);
        let ack = read(&mut ladder, Direction::Out, 103, r#"{"type":"ack","requestId":"7"}"#);
        assert_eq!((ack.meaning.as_str(), ack.took_ms), ("subscribe accepted", Some(3)));
        let again = read(&mut ladder, Direction::Out, 104, r#"{"type":"error","requestId":"7","code":"x"}"#);
        assert_eq!((again.meaning.as_str(), again.took_ms), ("frame refused: x", None));
    }

    #[test]
    fn negotiation_is_told_from_talk() {
        let direct =
            |data: Value| meaning(Direction::Out, &json!({"type": "direct", "from": "bob", "data": data}));
        let described = json!({"type": "rtc-description", "description": {"type": "offer", "sdp": "v=0"}});
        assert_eq!(direct(described), "from bob: offer of a peer connection");
        let line = "candidate:1 1 udp 2 192.0.2.1 9 typ relay raddr 0.0.0.0";
        assert_eq!(
            direct(json!({"type": "rtc-ice", "candidate": {"candidate": line}})),
            "from bob: ICE candidate (relay)"
        );
        assert_eq!(direct(json!({"type": "rtc-ice", "candidate": null})), "from bob: no more ICE candidates");
        assert_eq!(direct(json!({"text": "hi"})), "from bob: a message");
    }

    #[test]
    fn presence_counts_whom_it_does_not_name() {
        let joined: Vec<_> = (0..8).map(|number| json!({"peerId": format!("p{number}")})).collect();
        let frame = json!({"type": "presence", "channel": "hall", "joined": joined, "left": []});
        assert_eq!(meaning(Direction::Out, &frame), "hall: there: p0, p1, p2, p3, p4, 3 more");
    }

    #[test]
    fn what_cannot_be_read_is_not_shown_and_what_is_long_is_cut() {
        let mut ladder = Ladder::default();
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for text in ["{\"secret\":", deep.as_str()] {
            assert_eq!(read(&mut ladder, Direction::In, 0, text).body, "");
        }
        let long = json!({"type": "publish", "channel": "c", "data": "ü".repeat(5_000)}).to_string();
        let rung = read(&mut ladder, Direction::In, 0, &long);
        assert_eq!((rung.bytes, rung.body.chars().count(), rung.is_cut), (long.len(), MAX_BODY, true));
    }

    #[test]
    fn no_more_requests_are_remembered_than_there_is_room_for() {
        let mut ladder = Ladder::default();
        for number in 0..10_000 {
            read(
                &mut ladder,
                Direction::In,
                0,
                &json!({"type": "ping", "requestId": number.to_string()}).to_string(),
            );
        }
        assert!(ladder.open.len() <= MAX_OPEN && ladder.order.len() <= MAX_OPEN);
    }

    #[test]
    fn the_end_has_its_code_and_its_reason() {
        let what = FrameSeen::Closed(CloseCode::ADMIN_DISCONNECT, "closed by an administrator");
        let rung = Ladder::default().read(&Sight { at_ms: 0, lost: 2, what });
        assert_eq!(rung.meaning, "the server closes with 4020: closed by an administrator");
        assert_eq!((rung.way, rung.lost), ("end", 2));
    }
}
