//! The opening handshake, the client's side of it (RFC 6455, section 4.1).

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The nonce of RFC 6455, section 1.3. A fresh one would protect from caches, of which there are none
/// here.
const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the server has to answer to [`NONCE`].
static ACCEPT: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha1::digest(format!("{NONCE}{GUID}"))));

const MAX_HEADERS: usize = 64;

/// What the bytes received so far say about the upgrade.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing yet.
    Incomplete,
    /// It is done; frames begin behind this many bytes.
    Switched(usize),
    /// It is not; the HTTP status.
    Refused(u16),
    /// This is no answer to an upgrade request.
    Wrong(&'static str),
}

/// The request for `target`.
pub(super) fn request(target: &str, host: &str, headers: &[(String, String)]) -> Vec<u8> {
    let mut text = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {NONCE}\r\n"
    );
    push_headers(&mut text, headers);
    text.into_bytes()
}

/// The head of a `POST` to `target` with a JSON body of so many bytes.
pub(super) fn post(target: &str, host: &str, headers: &[(String, String)], bytes: usize) -> Vec<u8> {
    let mut text = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {bytes}\r\n"
    );
    push_headers(&mut text, headers);
    text.into_bytes()
}

fn push_headers(text: &mut String, headers: &[(String, String)]) {
    for (name, value) in headers {
        // Writing to a string cannot fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
}

/// Reads the answer.
pub(super) fn answer(bytes: &[u8]) -> Answer {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Answer::Incomplete,
        Err(_) => return Answer::Wrong("the answer to the upgrade request is not HTTP"),
    };
    match response.code {
        Some(101) => {}
        Some(status) => return Answer::Refused(status),
        None => return Answer::Wrong("the answer to the upgrade request has no status"),
    }
    let value = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map_or(&[][..], |header| header.value)
    };
    if !value("upgrade").eq_ignore_ascii_case(b"websocket")
        || !value("connection").eq_ignore_ascii_case(b"upgrade")
        || value("sec-websocket-accept") != ACCEPT.as_bytes()
    {
        return Answer::Wrong("the 101 lacks a header that RFC 6455 asks for");
    }
    Answer::Switched(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_101_is_believed_only_with_the_three_headers_of_the_rfc() {
        let good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(answer(good.as_bytes()), Answer::Switched(good.len()));
        for cut in 0..good.len() {
            assert_eq!(answer(&good.as_bytes()[..cut]), Answer::Incomplete, "{cut} bytes");
        }
        for header in ["Upgrade: websocket", "Connection: Upgrade", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="] {
            let bad = good.replace(header, "X: y");
            assert!(matches!(answer(bad.as_bytes()), Answer::Wrong(_)), "without {header}");
        }
        assert_eq!(answer(b"HTTP/1.1 429 Too Many Requests\r\n\r\n"), Answer::Refused(429));
        assert!(matches!(answer(b"SSH-2.0-x\r\n\r\n"), Answer::Wrong(_)));
    }
}
