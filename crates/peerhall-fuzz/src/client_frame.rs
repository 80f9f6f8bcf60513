//! A message of a client: the text of one WebSocket message.

use peerhall_proto::frame::client::{ClientFrame, Request};
use peerhall_proto::frame::decode::{Envelope, Refusal, nests_within};
use peerhall_proto::limits::MAX_DATA_DEPTH;
use serde_json::value::RawValue;

/// Tries one input.
///
/// # Panics
///
/// When a frame that is accepted is not what was sent.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match read(text) {
        Ok(request) => check(&request, text),
        Err(refusal) => assert!(!refusal.message.is_empty()),
    }
}

fn read(text: &str) -> Result<Request<'_>, Refusal> {
    Envelope::parse(text)?.decode(MAX_DATA_DEPTH)
}

fn check(request: &Request<'_>, text: &str) {
    let object: Result<Box<RawValue>, _> = serde_json::from_str(text);
    assert!(object.is_ok_and(|raw| raw.get().starts_with('{')), "no JSON object: {text:?}");
    if let Some(data) = data_of(request) {
        assert!(text.as_bytes().as_ptr_range().contains(&data.as_ptr()), "`data` is a copy");
        assert!(text.contains(data));
        assert_eq!(nests_within(data, MAX_DATA_DEPTH), depth(data) <= MAX_DATA_DEPTH, "{data}");
        assert!(depth(data) <= MAX_DATA_DEPTH);
    }
    let again = serde_json::to_string(request).expect("a frame has JSON");
    let read_again = read(&again).unwrap_or_else(|refusal| panic!("{refusal:?}: {again}"));
    assert_eq!(serde_json::to_string(&read_again).expect("a frame has JSON"), again);
    assert_eq!(data_of(&read_again), data_of(request), "`data` byte for byte");
    assert_eq!(read_again.request_id, request.request_id);
}

fn data_of<'a>(request: &Request<'a>) -> Option<&'a str> {
    match &request.frame {
        ClientFrame::Publish(publish) => Some(publish.data.get()),
        ClientFrame::Send(send) => Some(send.data.get()),
        ClientFrame::Subscribe(_) | ClientFrame::Unsubscribe(_) | ClientFrame::Ping => None,
    }
}

/// Depth of a valid JSON text, counted with the strings taken out first.
fn depth(json: &str) -> usize {
    let mut structure = String::new();
    let mut rest = json;
    while let Some((before, string)) = rest.split_once('"') {
        structure.push_str(before);
        let mut end = 0;
        let bytes = string.as_bytes();
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        rest = &string[end + 1..];
    }
    structure.push_str(rest);
    let mut open = 0_usize;
    let mut deepest = 0;
    for c in structure.chars() {
        match c {
            '[' | '{' => open += 1,
            ']' | '}' => open -= 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}
