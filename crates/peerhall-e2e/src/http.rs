//! One HTTP/1.1 request on one connection, and a client for the REST API.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use peerhall_auth::key::KeyRecord;
use serde_json::Value;

use crate::PATIENCE;

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The bytes after the head.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads the head off the front of `bytes`; `None` until it is complete.
    pub(crate) fn take_head(bytes: &mut Vec<u8>) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head: Vec<u8> = bytes.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("an HTTP head is text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let status = status.parse().expect("a status is a number");
        Some(Self { status, headers: headers.collect(), body: Vec::new() })
    }

    /// A header by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status and the member `error` of the body, for comparison in one go.
    #[must_use]
    pub fn refusal(&self) -> (u16, String) {
        let body = self.json();
        assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "no message: {body}");
        (self.status, body["error"].as_str().expect("an error word").to_owned())
    }
}

/// Sends one request and reads the whole answer.
#[must_use]
pub fn call(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Response {
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if let Some(body) = body {
        request += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut bytes = (request + "\r\n").into_bytes();
    bytes.extend(body.unwrap_or_default());

    let mut stream = TcpStream::connect(addr).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout above zero");
    stream.write_all(&bytes).expect("the server reads the request");
    let mut answer = Vec::new();
    // The end of an answer to a request that was refused half-read may be a reset.
    let outcome = stream.read_to_end(&mut answer);
    let mut response = Response::take_head(&mut answer)
        .unwrap_or_else(|| panic!("{method} {target}: {outcome:?}, {answer:?}"));
    let length =
        response.header("content-length").map_or(answer.len(), |length| length.parse().expect("a length"));
    assert_eq!(answer.len(), length, "{method} {target}: the body is as long as it says");
    response.body = answer;
    response
}

/// The REST API as seen with one credential.
#[derive(Debug, Clone)]
pub struct Rest {
    addr: SocketAddr,
    authorization: Option<String>,
}

impl Rest {
    /// With this `Authorization` header, or none.
    #[must_use]
    pub fn new(addr: SocketAddr, authorization: Option<String>) -> Self {
        Self { addr, authorization }
    }

    /// With the id and the secret of a secret key.
    #[must_use]
    pub fn with_key(addr: SocketAddr, key: &KeyRecord) -> Self {
        let secret = key.secret.as_ref().expect("a secret key").expose();
        Self::new(addr, Some(format!("Bearer {}:{secret}", key.id.as_str())))
    }

    /// `GET`.
    #[must_use]
    pub fn get(&self, target: &str) -> Response {
        self.call("GET", target, None)
    }

    /// `DELETE`.
    pub fn delete(&self, target: &str) -> Response {
        self.call("DELETE", target, None)
    }

    /// `POST` of a JSON body.
    pub fn post(&self, target: &str, body: &Value) -> Response {
        self.call("POST", target, Some(body.to_string().as_bytes()))
    }

    /// Any request.
    pub fn call(&self, method: &str, target: &str, body: Option<&[u8]>) -> Response {
        let headers: Vec<_> =
            self.authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
        call(self.addr, method, target, &headers, body)
    }
}
