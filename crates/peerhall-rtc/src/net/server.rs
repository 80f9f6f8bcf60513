//! The addresses in `iceServers`, read into servers (RFC 7064, RFC 7065).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use crate::config::IceServer;

/// Most entries of `iceServers`; the vendor's SDKs ignore longer lists (authentication section 7).
pub const MAX_ENTRIES: usize = 16;

/// Longest address of a server, in characters (authentication section 7).
pub const MAX_URL_CHARS: usize = 512;

/// Longest user name and longest credential, in bytes (authentication section 7).
pub const MAX_CREDENTIAL_BYTES: usize = 1_024;

/// Most addresses in all entries together. Each costs a request from every socket.
pub const MAX_URLS: usize = 64;

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerTransport {
    /// Datagrams.
    Udp,
    /// A plain stream.
    Tcp,
    /// A stream under TLS.
    Tls,
}

/// The machine a server runs on, as its address names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name that DNS resolves.
    Name(String),
    /// An address; IPv6 stands in brackets in the URL.
    Address(IpAddr),
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The machine.
    pub host: Host,
    /// The port: 3478 unless the address says otherwise, 5349 under TLS.
    pub port: u16,
    /// How it is reached.
    pub transport: ServerTransport,
}

/// User name and password of a TURN server. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnCredential {
    /// User name as the server knows it.
    pub username: String,
    /// Password, base64 text when it was made from a shared secret.
    pub password: String,
}

impl fmt::Debug for TurnCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnCredential(<redacted>)")
    }
}

/// What a server is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// The address others see (RFC 8489).
    Stun,
    /// An address that relays (RFC 8656).
    Turn(TurnCredential),
}

/// One server of `iceServers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address as it was given; it holds no secret.
    pub url: Arc<str>,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// What it is asked for.
    pub service: Service,
}

/// An entry of `iceServers` that cannot be used. None is worth a retry with the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("iceServers: entry {entry}: {problem}")]
pub struct ServerError {
    /// Position of the entry, from 0.
    pub entry: usize,
    /// What is wrong with it.
    pub problem: ServerProblem,
}

/// What is wrong with an entry of `iceServers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerProblem {
    /// The list is longer than [`MAX_ENTRIES`].
    #[error("more than {MAX_ENTRIES} entries")]
    TooManyEntries,
    /// All entries together name more than [`MAX_URLS`] servers.
    #[error("more than {MAX_URLS} addresses in all entries")]
    TooManyUrls,
    /// The entry has no address.
    #[error("no address")]
    NoUrl,
    /// An address is longer than [`MAX_URL_CHARS`].
    #[error("an address of more than {MAX_URL_CHARS} characters")]
    UrlTooLong,
    /// The scheme is none of `stun`, `stuns`, `turn` and `turns`.
    #[error("the scheme is none of stun, stuns, turn and turns")]
    Scheme,
    /// There is no host, or it holds characters no host has.
    #[error("no usable host")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The part after `?` is not `transport=udp` or `transport=tcp`, or stands at a STUN server.
    #[error("the part after ? is not transport=udp or transport=tcp of a turn address")]
    Query,
    /// `turns:` over UDP would be DTLS, which is not spoken here.
    #[error("turns over udp (DTLS) is not supported")]
    Dtls,
    /// A TURN server without user name or credential.
    #[error("a turn server needs username and credential")]
    NoCredential,
    /// User name or credential is longer than [`MAX_CREDENTIAL_BYTES`].
    #[error("username or credential of more than {MAX_CREDENTIAL_BYTES} bytes")]
    CredentialTooLong,
}

/// Reads `iceServers`. As in browsers, one wrong entry spoils the list: a call that silently works
/// without its relay is harder to find than one that does not start.
///
/// # Errors
///
/// [`ServerError`] with the first entry that cannot be used.
pub fn parse(entries: &[IceServer]) -> Result<Vec<Server>, ServerError> {
    if entries.len() > MAX_ENTRIES {
        return Err(ServerError { entry: MAX_ENTRIES, problem: ServerProblem::TooManyEntries });
    }
    let mut servers = Vec::new();
    for (entry, ice_server) in entries.iter().enumerate() {
        parse_entry(ice_server, &mut servers).map_err(|problem| ServerError { entry, problem })?;
    }
    Ok(servers)
}

fn parse_entry(entry: &IceServer, servers: &mut Vec<Server>) -> Result<(), ServerProblem> {
    if entry.urls.is_empty() {
        return Err(ServerProblem::NoUrl);
    }
    let lengths = [&entry.username, &entry.credential].map(|secret| secret.as_ref().map_or(0, String::len));
    if lengths.iter().any(|length| *length > MAX_CREDENTIAL_BYTES) {
        return Err(ServerProblem::CredentialTooLong);
    }
    for url in &entry.urls {
        if servers.len() == MAX_URLS {
            return Err(ServerProblem::TooManyUrls);
        }
        let (scheme, endpoint) = parse_url(url)?;
        let service = match scheme {
            Scheme::Stun | Scheme::Stuns => Service::Stun,
            Scheme::Turn | Scheme::Turns => Service::Turn(credential(entry)?),
        };
        servers.push(Server { url: url.as_str().into(), endpoint, service });
    }
    Ok(())
}

fn credential(entry: &IceServer) -> Result<TurnCredential, ServerProblem> {
    match (&entry.username, &entry.credential) {
        (Some(username), Some(password)) => {
            Ok(TurnCredential { username: username.clone(), password: password.clone() })
        }
        (None, _) | (_, None) => Err(ServerProblem::NoCredential),
    }
}

#[derive(Debug, Clone, Copy)]
enum Scheme {
    Stun,
    Stuns,
    Turn,
    Turns,
}

impl Scheme {
    fn parse(text: &str) -> Result<Self, ServerProblem> {
        let known =
            [("stun", Self::Stun), ("stuns", Self::Stuns), ("turn", Self::Turn), ("turns", Self::Turns)];
        let found = known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, scheme)| scheme).ok_or(ServerProblem::Scheme)
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Stun | Self::Turn => 3_478,
            Self::Stuns | Self::Turns => 5_349,
        }
    }

    fn transport(self, query: Option<&str>) -> Result<ServerTransport, ServerProblem> {
        let Some(query) = query else {
            return Ok(match self {
                Self::Stun | Self::Turn => ServerTransport::Udp,
                Self::Stuns | Self::Turns => ServerTransport::Tls,
            });
        };
        let (name, value) = query.split_once('=').ok_or(ServerProblem::Query)?;
        if !name.eq_ignore_ascii_case("transport") {
            return Err(ServerProblem::Query);
        }
        let udp = value.eq_ignore_ascii_case("udp");
        if !udp && !value.eq_ignore_ascii_case("tcp") {
            return Err(ServerProblem::Query);
        }
        match (self, udp) {
            (Self::Stun | Self::Stuns, _) => Err(ServerProblem::Query),
            (Self::Turn, true) => Ok(ServerTransport::Udp),
            (Self::Turn, false) => Ok(ServerTransport::Tcp),
            (Self::Turns, true) => Err(ServerProblem::Dtls),
            (Self::Turns, false) => Ok(ServerTransport::Tls),
        }
    }
}

fn parse_url(url: &str) -> Result<(Scheme, Endpoint), ServerProblem> {
    if url.chars().count() > MAX_URL_CHARS {
        return Err(ServerProblem::UrlTooLong);
    }
    let (scheme, rest) = url.split_once(':').ok_or(ServerProblem::Scheme)?;
    let scheme = Scheme::parse(scheme)?;
    let (authority, query) = match rest.split_once('?') {
        Some((authority, query)) => (authority, Some(query)),
        None => (rest, None),
    };
    let transport = scheme.transport(query)?;
    let (host, port) = parse_authority(authority)?;
    Ok((scheme, Endpoint { host, port: port.unwrap_or_else(|| scheme.default_port()), transport }))
}

fn parse_authority(text: &str) -> Result<(Host, Option<u16>), ServerProblem> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']').ok_or(ServerProblem::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| ServerProblem::Host)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if rest.is_empty() => None,
            None => return Err(ServerProblem::Host),
        };
        return Ok((Host::Address(IpAddr::V6(address)), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(port)?)),
        None => (text, None),
    };
    if let Ok(address) = host.parse() {
        return Ok((Host::Address(IpAddr::V4(address)), port));
    }
    // Names of machines, plus the underscore that internal names have in practice.
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(usable) {
        return Err(ServerProblem::Host);
    }
    Ok((Host::Name(host.to_owned()), port))
}

fn parse_port(text: &str) -> Result<u16, ServerProblem> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ServerProblem::Port);
    }
    text.parse().ok().filter(|port| *port != 0).ok_or(ServerProblem::Port)
}

#[cfg(test)]
mod tests;
