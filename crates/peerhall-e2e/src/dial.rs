//! The way in: an upgrade request of any shape, and the three things that can come of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use socket2::{Domain, Socket, Type};

use crate::PATIENCE;
use crate::client::{Client, Ending, Event};
use crate::http::Response;

/// The nonce of RFC 6455, section 1.3.
const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An upgrade request that has not been sent.
#[derive(Debug, Clone)]
pub struct Dial {
    addr: SocketAddr,
    target: String,
    headers: Vec<(String, String)>,
    early: Vec<u8>,
    receive_buffer: Option<usize>,
}

impl Dial {
    /// A well-formed request for `/v1` without a credential.
    #[must_use]
    pub fn to(addr: SocketAddr) -> Self {
        let host = addr.to_string();
        let headers = [
            ("Host", host.as_str()),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", NONCE),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { addr, target: "/v1".to_owned(), headers, early: Vec::new(), receive_buffer: None }
    }

    /// Asks for another target.
    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// Adds a query parameter as it stands, such as `key=pk_live_…`.
    #[must_use]
    pub fn query(mut self, parameter: &str) -> Self {
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(parameter);
        self
    }

    /// Uses a publishable key.
    #[must_use]
    pub fn key(self, id: &str) -> Self {
        self.query(&format!("key={id}"))
    }

    /// Uses a token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.query(&format!("token={token}"))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Sends these bytes behind the request, in the same write.
    #[must_use]
    pub fn early(mut self, bytes: &[u8]) -> Self {
        self.early.extend(bytes);
        self
    }

    /// Size of the socket's receive buffer in bytes, for a reader that soon has no room.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Sends the request. `Ok` after a correct 101, with that answer; `Err` with any other.
    ///
    /// # Errors
    ///
    /// The HTTP answer that is no 101.
    pub fn upgrade(self) -> Result<(Client, Response), Response> {
        let mut stream = self.connect();
        let mut request = format!("GET {} HTTP/1.1\r\n", self.target);
        for (name, value) in &self.headers {
            request += &format!("{name}: {value}\r\n");
        }
        let mut bytes = (request + "\r\n").into_bytes();
        bytes.extend(&self.early);
        stream.write_all(&bytes).expect("the server reads the request");

        let mut received = Vec::new();
        let mut response = loop {
            if let Some(response) = Response::take_head(&mut received) {
                break response;
            }
            let mut chunk = [0; 4_096];
            let count = stream.read(&mut chunk).expect("an answer to the request");
            assert!(count > 0, "the server hung up without an answer");
            received.extend(&chunk[..count]);
        };
        if response.status == 101 {
            check_switch(&response);
            return Ok((Client::new(stream, received), response));
        }
        let already = received.len();
        // The server may keep the connection for further requests, so its end says nothing.
        let length = response.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        received.resize(length.max(received.len()), 0);
        let missing = received.get_mut(already..).expect("what came is not longer than it says");
        stream.read_exact(missing).expect("the rest of the answer");
        response.body = received;
        Err(response)
    }

    fn connect(&self) -> TcpStream {
        let socket = Socket::new(Domain::for_address(self.addr), Type::STREAM, None).expect("a socket");
        if let Some(bytes) = self.receive_buffer {
            // Before the connection exists: later the window is agreed already.
            socket.set_recv_buffer_size(bytes).expect("a buffer size");
        }
        socket.connect_timeout(&self.addr.into(), PATIENCE).expect("the server listens");
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout above zero");
        stream
    }

    /// Connects and reads the `welcome`.
    #[must_use]
    pub fn open(self) -> Client {
        let target = self.target.clone();
        let (mut client, _) = self.upgrade().unwrap_or_else(|response| panic!("{target}: {response:?}"));
        client.read_welcome();
        client
    }

    /// Connects, and is closed without a single text frame. Code and reason of the close.
    #[must_use]
    pub fn refused(self) -> (u16, String) {
        let target = self.target.clone();
        let (mut client, _) = self.upgrade().unwrap_or_else(|response| panic!("{target}: {response:?}"));
        match client.poll(Instant::now() + PATIENCE) {
            Some(Event::Ended(Ending::Closed { code, reason })) => (code, reason),
            other => panic!("{target}: wanted a close, got {other:?}"),
        }
    }

    /// Connects and looks what comes first, without keeping the connection.
    ///
    /// # Errors
    ///
    /// The code of the close that came instead of a `welcome`.
    pub fn outcome(self) -> Result<(), u16> {
        let target = self.target.clone();
        let (mut client, _) = self.upgrade().unwrap_or_else(|response| panic!("{target}: {response:?}"));
        match client.poll(Instant::now() + PATIENCE) {
            Some(Event::Frame(frame)) if frame.kind() == "welcome" => Ok(()),
            Some(Event::Ended(Ending::Closed { code, .. })) => Err(code),
            other => panic!("{target}: wanted welcome or a close, got {other:?}"),
        }
    }

    /// Is answered by HTTP.
    #[must_use]
    pub fn http(self) -> Response {
        let target = self.target.clone();
        match self.upgrade() {
            Ok((_, response)) => panic!("{target}: upgraded, {response:?}"),
            Err(response) => response,
        }
    }
}

/// RFC 6455, section 4.1: what a client must see in a 101.
fn check_switch(response: &Response) {
    let accept = STANDARD.encode(Sha1::digest(format!("{NONCE}{GUID}")));
    assert_eq!(response.header("sec-websocket-accept"), Some(accept.as_str()));
    assert!(response.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")));
    assert!(response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
}
