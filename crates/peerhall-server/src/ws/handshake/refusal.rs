//! The HTTP answers that are given before a connection is a WebSocket (wire protocol, section 1.2).

/// Why a request got an HTTP error instead of a WebSocket. Nothing here is about the credential:
/// a browser could not see that (wire protocol, section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are no HTTP/1.x request.
    #[error("this is no HTTP/1.1 request")]
    Malformed,
    /// The request target is above 32 KiB.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The head is above 64 KiB or has more than 64 header lines.
    #[error("the request head is too large")]
    HeadTooLarge,
    /// The request asks for no WebSocket.
    #[error("this endpoint speaks WebSocket only")]
    UpgradeRequired,
    /// `Sec-WebSocket-Version` is missing, repeated or not 13.
    #[error("the WebSocket version must be 13")]
    UnsupportedVersion,
    /// An upgrade must be a GET.
    #[error("a WebSocket is asked for with GET")]
    NotGet,
    /// `Host` is missing or repeated.
    #[error("a request must have one Host header")]
    NoHost,
    /// An upgrade cannot have a body.
    #[error("a WebSocket request cannot have a body")]
    AnnouncesBody,
    /// `Sec-WebSocket-Key` is missing, repeated or not 16 bytes of base64.
    #[error("Sec-WebSocket-Key must be 16 bytes of base64")]
    InvalidKey,
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::NotGet | Self::NoHost | Self::AnnouncesBody | Self::InvalidKey => 400,
            Self::TargetTooLong => 414,
            Self::UpgradeRequired | Self::UnsupportedVersion => 426,
            Self::HeadTooLarge => 431,
        }
    }

    /// The whole answer, ready to be sent; the connection is closed after it.
    #[must_use]
    pub fn response(self) -> Vec<u8> {
        const TEXT: (&str, &str) = ("Content-Type", "text/plain; charset=utf-8");
        // RFC 9110, section 7.8: who sends Upgrade says so in Connection.
        const UPGRADE: [(&str, &str); 3] = [TEXT, ("Connection", "Upgrade"), ("Upgrade", "websocket")];
        let [text, connection, upgrade] = UPGRADE;
        let body = format!("{self}\n");
        match self {
            Self::UpgradeRequired => response(self.status(), &UPGRADE, &body),
            Self::UnsupportedVersion => {
                let version = ("Sec-WebSocket-Version", "13");
                response(self.status(), &[text, connection, upgrade, version], &body)
            }
            Self::Malformed
            | Self::TargetTooLong
            | Self::HeadTooLarge
            | Self::NotGet
            | Self::NoHost
            | Self::AnnouncesBody
            | Self::InvalidKey => response(self.status(), &[TEXT], &body),
        }
    }
}

impl From<httparse::Error> for Refusal {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Self::HeadTooLarge,
            httparse::Error::HeaderName
            | httparse::Error::HeaderValue
            | httparse::Error::NewLine
            | httparse::Error::Status
            | httparse::Error::Token
            | httparse::Error::Version => Self::Malformed,
        }
    }
}

/// The answer to an address over its connect rate: 429 without a body; `retry_after_secs` is the wait
/// in seconds (wire protocol, sections 1.2 and 13.3).
#[must_use]
pub fn too_many_requests(retry_after_secs: u64) -> Vec<u8> {
    response(429, &[("Retry-After", &retry_after_secs.to_string())], "")
}

/// The answer of a server that drains or is not ready: 503, to be tried again after 1 s
/// (wire protocol, section 1.2).
#[must_use]
pub fn service_unavailable() -> Vec<u8> {
    response(503, &[("Retry-After", "1")], "")
}

/// An HTTP/1.1 answer after which the connection is closed. `Content-Length` and `Connection: close`
/// are added; `headers` are the caller's own words, never a client's.
#[must_use]
pub fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            answer.push_str(part);
        }
    }
    answer.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()));
    answer.into_bytes()
}

/// The words behind a status. They mean nothing to a client, and may be empty (RFC 9112, section 4).
const fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        404 => "Not Found",
        408 => "Request Timeout",
        414 => "URI Too Long",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "",
    }
}
