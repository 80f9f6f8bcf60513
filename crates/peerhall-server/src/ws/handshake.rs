//! The opening of a connection: an HTTP/1.1 request head, and the answer that makes it a WebSocket
//! (RFC 6455, section 4.2; wire protocol, section 1).

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use peerhall_proto::limits::MAX_REQUEST_TARGET_BYTES;
use sha1::{Digest, Sha1};

mod query;
mod refusal;

pub(crate) use self::query::percent_decode;
pub use self::query::{Param, QueryError, query_params};
pub use self::refusal::{Refusal, response, service_unavailable, too_many_requests};

/// Header lines that a request may have; more are answered by 431.
pub const MAX_HEADERS: usize = 64;

/// Largest request head, in bytes with its closing empty line; a larger one is answered by 431. Twice
/// the largest request target, which can carry a token of 24 KiB (wire protocol, sections 1.1 and 12).
pub const MAX_HEAD_BYTES: usize = 2 * MAX_REQUEST_TARGET_BYTES;

/// Largest request line, in bytes: the target, and room for the longest method and the version.
const MAX_REQUEST_LINE_BYTES: usize = MAX_REQUEST_TARGET_BYTES + 64;

/// The version of RFC 6455, the only one there is.
const VERSION: &[u8] = b"13";

/// What a server adds to the client's key before it hashes it (RFC 6455, section 1.3).
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const KEY_BYTES: usize = 16;

/// Hand-written clients draw 24 characters at random and leave stray bits in the last one. The key
/// proves nothing, so they are let in.
const KEY_ENCODING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Finds and reads the request head at the front of `buf`.
///
/// `None`: its end has not arrived. Keep the bytes, present them again in front of the new ones, and
/// say in `seen` how many of them were presented before (0 the first time): those are not searched
/// again, so a head that comes a byte at a time costs no more than one that comes whole.
///
/// # Errors
///
/// - [`Refusal::Malformed`] when this is no HTTP/1.x request.
/// - [`Refusal::TargetTooLong`] above 32 KiB of request target.
/// - [`Refusal::HeadTooLarge`] above [`MAX_HEAD_BYTES`] or [`MAX_HEADERS`].
pub fn parse(buf: &[u8], seen: usize) -> Result<Option<Head<'_>>, Refusal> {
    // One empty line in front of a request is to be ignored (RFC 9112, section 2.2), not a stream of them.
    if buf.first_chunk::<4>().is_some_and(|start| start.iter().all(|byte| matches!(byte, b'\r' | b'\n'))) {
        return Err(Refusal::Malformed);
    }
    if seen > 0 && !holds_empty_line(buf, seen) {
        return within_limits(buf, seen).map(|()| None);
    }

    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(buf)?;
    let target = request.path.unwrap_or_default();
    if target.len() > MAX_REQUEST_TARGET_BYTES {
        return Err(Refusal::TargetTooLong);
    }
    match status {
        httparse::Status::Partial => within_limits(buf, seen).map(|()| None),
        httparse::Status::Complete(len) if len > MAX_HEAD_BYTES => Err(Refusal::HeadTooLarge),
        httparse::Status::Complete(len) => {
            let method = request.method.unwrap_or_default();
            let minor_version = request.version.unwrap_or_default();
            let header_count = request.headers.len();
            Ok(Some(Head { len, method, target, minor_version, headers, header_count }))
        }
    }
}

/// Whether an empty line ends in the part of `buf` that was not searched before.
fn holds_empty_line(buf: &[u8], seen: usize) -> bool {
    let fresh = buf.get(seen.saturating_sub(2)..).unwrap_or_default();
    fresh.windows(3).any(|bytes| bytes == b"\n\r\n") || fresh.windows(2).any(|bytes| bytes == b"\n\n")
}

/// Refuses a head without an end that has outgrown what a head may have.
fn within_limits(buf: &[u8], seen: usize) -> Result<(), Refusal> {
    // The empty line that may stand in front is not the end of the request line.
    let line_is_due = seen <= MAX_REQUEST_LINE_BYTES && buf.len() > MAX_REQUEST_LINE_BYTES;
    if line_is_due && !buf.iter().take(MAX_REQUEST_LINE_BYTES).skip(2).any(|&byte| byte == b'\n') {
        return Err(Refusal::TargetTooLong);
    }
    if buf.len() > MAX_HEAD_BYTES { Err(Refusal::HeadTooLarge) } else { Ok(()) }
}

/// A complete request head. Its `Debug` leaves out the query and all header values: they carry
/// credentials (wire protocol, section 1.1).
pub struct Head<'b> {
    len: usize,
    method: &'b str,
    target: &'b str,
    minor_version: u8,
    headers: [httparse::Header<'b>; MAX_HEADERS],
    header_count: usize,
}

impl<'b> Head<'b> {
    /// Bytes that the head takes in the buffer, its closing empty line included. What follows is the
    /// body or, after an upgrade, the first frames.
    #[must_use]
    pub const fn head_bytes(&self) -> usize {
        self.len
    }

    /// The method, in the client's letters: methods are case-sensitive.
    #[must_use]
    pub const fn method(&self) -> &'b str {
        self.method
    }

    /// The path in front of the query, still percent-encoded. The scheme and host that a request to a
    /// proxy has in front are left out.
    #[must_use]
    pub fn path(&self) -> &'b str {
        self.split_target().0
    }

    /// What follows the first `?`, still percent-encoded, for [`query_params`]; empty without one.
    #[must_use]
    pub fn query(&self) -> &'b str {
        self.split_target().1
    }

    /// The values of every header line called `name` (in any letter case), in order, without
    /// the white space around them.
    pub fn header_values(&self, name: &str) -> impl DoubleEndedIterator<Item = &'b [u8]> {
        self.headers
            .iter()
            .take(self.header_count)
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    }

    /// The value of the header called `name`, when there is exactly one line of it and it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'b str> {
        str::from_utf8(self.single(name)?).ok()
    }

    /// Host and port that the client asked for.
    #[must_use]
    pub fn host(&self) -> Option<&'b str> {
        self.header("host")
    }

    /// The page that a browser connects from (wire protocol, section 1.4). Two of them count as none,
    /// so that nobody can be let in by the one that was not looked at.
    #[must_use]
    pub fn origin(&self) -> Option<&'b str> {
        self.header("origin")
    }

    /// The addresses in all `X-Forwarded-For` lines. The nearest proxy's entry is the last one; only
    /// what trusted proxies added means anything.
    pub fn forwarded_for(&self) -> impl DoubleEndedIterator<Item = &'b str> {
        self.header_values("x-forwarded-for")
            .filter_map(|value| str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
    }

    /// Whether a header that holds a comma-separated list has `token` in it, in any letter case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.header_values(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|entry| entry.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Whether the client asks for a WebSocket, well-formed or not. HTTP/1.0 cannot (RFC 9110,
    /// section 7.8).
    #[must_use]
    pub fn asks_for_websocket(&self) -> bool {
        self.minor_version >= 1
            && self.has_token("upgrade", "websocket")
            && self.has_token("connection", "upgrade")
    }

    fn split_target(&self) -> (&'b str, &'b str) {
        let target = without_authority(self.target);
        target.split_once('?').unwrap_or((target, ""))
    }

    fn single(&self, name: &str) -> Option<&'b [u8]> {
        let mut values = self.header_values(name);
        values.next().filter(|_| values.next().is_none())
    }

    fn announces_body(&self) -> bool {
        self.header_values("transfer-encoding").next().is_some()
            || self.header_values("content-length").any(|length| length != b"0")
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({} {}, {} headers)", self.method, self.path(), self.header_count)
    }
}

fn without_authority(target: &str) -> &str {
    let after_scheme = ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    match after_scheme {
        Some(rest) => rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => target,
    }
}

/// The answer to an upgrade that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The whole 101, ready to be sent. It agrees to no extension and no subprotocol
    /// (wire protocol, section 1.5).
    pub response: Vec<u8>,
}

/// Checks the head of a request to the WebSocket endpoint (RFC 6455, section 4.2.1; wire protocol,
/// section 1.2). Path and credential are the caller's to check.
///
/// # Errors
///
/// - [`Refusal::UpgradeRequired`] when no WebSocket is asked for.
/// - [`Refusal::UnsupportedVersion`] when `Sec-WebSocket-Version` is not 13.
/// - [`Refusal::NotGet`], [`Refusal::NoHost`], [`Refusal::AnnouncesBody`], [`Refusal::InvalidKey`]
///   when the upgrade is not well-formed.
pub fn upgrade(head: &Head<'_>) -> Result<Accept, Refusal> {
    if !head.asks_for_websocket() {
        return Err(Refusal::UpgradeRequired);
    }
    if head.method != "GET" {
        return Err(Refusal::NotGet);
    }
    // The body would be read as frames. Where a proxy and this server disagree about it, a request
    // could be smuggled past the proxy.
    if head.announces_body() {
        return Err(Refusal::AnnouncesBody);
    }
    if head.single("host").is_none() {
        return Err(Refusal::NoHost);
    }
    if head.single("sec-websocket-version") != Some(VERSION) {
        return Err(Refusal::UnsupportedVersion);
    }
    let key = head.single("sec-websocket-key").filter(|key| is_key(key)).ok_or(Refusal::InvalidKey)?;
    Ok(Accept { response: switching_protocols(key) })
}

fn is_key(key: &[u8]) -> bool {
    KEY_ENCODING.decode(key).is_ok_and(|nonce| nonce.len() == KEY_BYTES)
}

fn switching_protocols(key: &[u8]) -> Vec<u8> {
    let accept = STANDARD.encode(Sha1::new().chain_update(key).chain_update(ACCEPT_GUID).finalize());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests;
