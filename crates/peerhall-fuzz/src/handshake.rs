//! The head of an HTTP request and the upgrade to a WebSocket.
//!
//! Input: one byte that chooses the split, then what the client sends.

use peerhall_server::ws::handshake::{
    Head, MAX_HEAD_BYTES, MAX_HEADERS, Refusal, parse, query_params, upgrade,
};

use crate::bytes::{Bytes, pieces};

/// Tries one input.
///
/// # Panics
///
/// When a head that comes in pieces is another than the same head at once, or an answer holds what the
/// client wrote.
pub fn run(data: &[u8]) {
    let mut input = Bytes(data);
    let seed = input.byte();
    let request = input.0;
    let whole = parse(request, 0);
    match (&whole, in_pieces(request, seed)) {
        (Ok(Some(head)), Ok(Some(same))) => assert_eq!(picture(head), same),
        (Ok(None), Ok(None)) | (Err(_), Err(_)) => {}
        // In pieces only an empty line starts the reader again, so a bad head may still be waited for.
        (Err(Refusal::Malformed | Refusal::HeadTooLarge | Refusal::TargetTooLong), Ok(None)) => {}
        (whole, pieces) => panic!("at once {whole:?}, in pieces {pieces:?}"),
    }
    match whole {
        Ok(Some(head)) => check(&head),
        Ok(None) => assert!(request.len() <= MAX_HEAD_BYTES),
        Err(refusal) => check_refusal(refusal),
    }
}

fn in_pieces(request: &[u8], seed: u8) -> Result<Option<String>, Refusal> {
    let mut arrived = Vec::new();
    for piece in pieces(request, seed) {
        let seen = arrived.len();
        arrived.extend_from_slice(piece);
        if let Some(head) = parse(&arrived, seen)? {
            return Ok(Some(picture(&head)));
        }
    }
    Ok(None)
}

/// Everything that the server reads of a head.
fn picture(head: &Head<'_>) -> String {
    let headers = ["host", "origin", "authorization", "connection", "upgrade", "x-forwarded-for"]
        .map(|name| head.header_values(name).map(<[u8]>::to_vec).collect::<Vec<_>>());
    let query: Vec<String> =
        query_params(head.query()).map(|param| format!("{}={:?}", param.name, param.value)).collect();
    format!("{head:?} {} {} {query:?} {headers:?}", head.path(), head.asks_for_websocket())
}

fn check(head: &Head<'_>) {
    assert!(!head.path().contains('?') && !head.query().contains('\n') && !head.query().contains(' '));
    assert!(head.header_values("host").count() <= MAX_HEADERS);
    for param in query_params(head.query()) {
        let shown = format!("{param:?}");
        assert!(shown.ends_with(", <redacted>)"), "{shown}");
    }
    assert!(head.forwarded_for().all(|entry| !entry.is_empty() && !entry.contains(',')));
    match upgrade(head) {
        Ok(accept) => {
            let response = String::from_utf8(accept.response).expect("an answer is text");
            let lines: Vec<&str> = response.split("\r\n").collect();
            let [first, up, connection, accept, "", ""] = lines[..] else { panic!("{response:?}") };
            assert_eq!((first, up), ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"));
            let value = accept.strip_prefix("Sec-WebSocket-Accept: ").expect("the accept header");
            assert!(connection == "Connection: Upgrade" && value.len() == 28, "{response:?}");
            assert!(head.host().is_some() || head.header_values("host").count() == 1);
            assert_eq!(head.header_values("transfer-encoding").count(), 0, "a body would be read as frames");
        }
        Err(refusal) => check_refusal(refusal),
    }
}

fn check_refusal(refusal: Refusal) {
    let response = String::from_utf8(refusal.response()).expect("an answer is text");
    assert!(response.starts_with(&format!("HTTP/1.1 {} ", refusal.status())), "{response:?}");
    assert_eq!(response.matches("\r\n\r\n").count(), 1, "{response:?}");
}
