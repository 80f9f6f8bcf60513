//! How a client connects.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

use super::upgrade;

/// Addresses that [`Sources::Spread`] uses: 250 times 28,000 ports are enough for any crowd.
const SPREAD: usize = 250;

/// Where a crowd's connections come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sources {
    /// 250 loopback addresses in turn, so that no port runs out. On systems other than Linux, where
    /// loopback is one address, and towards servers that are not on loopback: as the system chooses.
    #[default]
    Spread,
    /// This address.
    One(IpAddr),
    /// As the system chooses.
    System,
}

impl Sources {
    /// The address of the `index`-th connection to `server`; `None` leaves it to the system.
    pub(super) fn address(self, index: usize, server: SocketAddr) -> Option<IpAddr> {
        match self {
            Self::System => None,
            Self::One(address) => Some(address),
            Self::Spread if !cfg!(target_os = "linux") || !server.ip().is_loopback() || server.is_ipv6() => {
                None
            }
            Self::Spread => {
                let last = u8::try_from(index % SPREAD).unwrap_or_default() + 1;
                Some(Ipv4Addr::new(127, 7, 0, last).into())
            }
        }
    }
}

/// What a connection says by itself.
#[derive(Debug, Clone)]
enum Asks {
    /// Nothing.
    Nothing,
    /// To become a WebSocket, at this target.
    Upgrade(String),
    /// To hand in a body of so many bytes, at this target.
    Post(String, usize),
}

/// How one client connects, and what it asks for.
#[derive(Debug, Clone)]
pub struct Dial {
    asks: Asks,
    headers: Vec<(String, String)>,
    receive_buffer: Option<usize>,
}

impl Dial {
    /// A well-formed upgrade request for `target`.
    #[must_use]
    pub fn to(target: &str) -> Self {
        Self::asking(Asks::Upgrade(target.to_owned()))
    }

    /// The head of a `POST` to `target` that announces a body of this many bytes and sends none of it;
    /// [`Crowd::send_raw`](super::Crowd::send_raw) does.
    #[must_use]
    pub fn post(target: &str, announced_bytes: usize) -> Self {
        Self::asking(Asks::Post(target.to_owned(), announced_bytes))
    }

    /// A TCP connection that says nothing by itself; [`Crowd::send_raw`](super::Crowd::send_raw) speaks
    /// for it.
    #[must_use]
    pub fn silent() -> Self {
        Self::asking(Asks::Nothing)
    }

    fn asking(asks: Asks) -> Self {
        Self { asks, headers: Vec::new(), receive_buffer: None }
    }

    /// Adds a header to the request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Size of the socket's receive buffer in bytes, for a reader that soon has no room. Default: the
    /// system's.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// The request in full; empty for a silent connection.
    pub(super) fn request(&self, host: &str) -> Vec<u8> {
        match &self.asks {
            Asks::Nothing => Vec::new(),
            Asks::Upgrade(target) => upgrade::request(target, host, &self.headers),
            Asks::Post(target, bytes) => upgrade::post(target, host, &self.headers, *bytes),
        }
    }

    /// Begins to connect.
    pub(super) fn connect(&self, server: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(bytes) = self.receive_buffer {
            // Before the connection exists: later the window is agreed already.
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(source) = source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match socket.connect(&server.into()) {
            Err(error) if !is_under_way(&error) => Err(error),
            Ok(()) | Err(_) => Ok(TcpStream::from_std(socket.into())),
        }
    }
}

/// `EINPROGRESS`, for which the standard library has no stable kind: Linux, or the BSDs and macOS.
const IN_PROGRESS: i32 = if cfg!(target_os = "linux") { 115 } else { 36 };

/// Whether a connection that does not block has begun.
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(IN_PROGRESS)
}
