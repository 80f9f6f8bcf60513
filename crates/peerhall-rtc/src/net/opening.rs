//! What has to be waited for before a server can be asked: names, connections, TLS.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

use super::config::Trust;
use super::event::ServerFailure;
use super::server::{Endpoint, Host, ServerTransport};
use super::stream::StreamLink;
use super::tls;

/// Most addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 8;

/// What is there to ask a server with.
#[derive(Debug)]
pub(super) enum Opened {
    /// Its addresses, for servers that are asked over UDP.
    Addresses(Vec<SocketAddr>),
    /// A connection.
    Stream(Box<StreamLink>),
}

/// A server that will be asked. Dropping it gives the attempt up.
pub(super) struct Opening {
    /// Position in the list of servers.
    pub(super) server: usize,
    /// How often other servers have sent us on.
    pub(super) redirections: u8,
    future: Pin<Box<dyn Future<Output = Result<Opened, ServerFailure>> + Send>>,
}

/// What a connection needs beside the address.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    /// Local addresses it may leave from; empty for any.
    pub(super) from: Vec<IpAddr>,
    pub(super) trust: Trust,
    /// Limit for all of it.
    pub(super) limit: Duration,
}

impl Opening {
    /// Finds the addresses of a server that is asked over UDP.
    pub(super) fn resolve(server: usize, endpoint: Endpoint, limit: Duration) -> Self {
        let work = async move { addresses(&endpoint).await.map(Opened::Addresses) };
        Self::new(server, 0, limit, work)
    }

    /// Connects to a server over a stream.
    pub(super) fn connect(server: usize, endpoint: Endpoint, dial: Dial) -> Self {
        let limit = dial.limit;
        let work = async move {
            let addresses = addresses(&endpoint).await?;
            connect(&addresses, &endpoint, &dial).await.map(|stream| Opened::Stream(Box::new(stream)))
        };
        Self::new(server, 0, limit, work)
    }

    /// Connects to the address that `endpoint`, the one of the list, has sent us to.
    pub(super) fn redirect(
        server: usize,
        redirections: u8,
        endpoint: Endpoint,
        to: SocketAddr,
        dial: Dial,
    ) -> Self {
        let limit = dial.limit;
        let work = async move {
            connect(&[to], &endpoint, &dial).await.map(|stream| Opened::Stream(Box::new(stream)))
        };
        Self::new(server, redirections, limit, work)
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Opened, ServerFailure>> {
        self.future.as_mut().poll(cx)
    }

    fn new(
        server: usize,
        redirections: u8,
        limit: Duration,
        work: impl Future<Output = Result<Opened, ServerFailure>> + Send + 'static,
    ) -> Self {
        let limited = async move { timeout(limit, work).await.unwrap_or(Err(ServerFailure::Timeout)) };
        Self { server, redirections, future: Box::pin(limited) }
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opening({})", self.server)
    }
}

async fn addresses(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ServerFailure> {
    match &endpoint.host {
        Host::Address(ip) => Ok(vec![SocketAddr::new(*ip, endpoint.port)]),
        Host::Name(name) => {
            let found = lookup_host((name.as_str(), endpoint.port)).await;
            let found: Vec<_> = found.map_err(|_| ServerFailure::NameNotFound)?.take(MAX_ADDRESSES).collect();
            if found.is_empty() { Err(ServerFailure::NameNotFound) } else { Ok(found) }
        }
    }
}

/// Tries one address after the other, each with its share of the time.
async fn connect(
    addresses: &[SocketAddr],
    endpoint: &Endpoint,
    dial: &Dial,
) -> Result<StreamLink, ServerFailure> {
    let share = dial.limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut failure = ServerFailure::NoRoute;
    for address in addresses {
        match timeout(share, tcp(*address, &dial.from)).await {
            Ok(Ok(stream)) => return encrypt(stream, endpoint, dial).await,
            Ok(Err(error)) => failure = ServerFailure::Connection(error.kind()),
            Err(_) => failure = ServerFailure::Timeout,
        }
    }
    Err(failure)
}

async fn tcp(address: SocketAddr, from: &[IpAddr]) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if !from.is_empty() {
        let same_family = |ip: &&IpAddr| ip.is_ipv4() == address.is_ipv4();
        let local = from.iter().find(same_family).ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.bind(SocketAddr::new(*local, 0))?;
    }
    let stream = socket.connect(address).await?;
    // Every message counts at once: they carry media and ICE's checks.
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn encrypt(stream: TcpStream, endpoint: &Endpoint, dial: &Dial) -> Result<StreamLink, ServerFailure> {
    let connection = |error: io::Error| ServerFailure::Connection(error.kind());
    let local = stream.local_addr().map_err(connection)?;
    match endpoint.transport {
        // A stream without TLS is TCP; datagrams never come here.
        ServerTransport::Udp | ServerTransport::Tcp => Ok(StreamLink::new(stream, local)),
        ServerTransport::Tls => {
            let config: Arc<ClientConfig> = tls::config(&dial.trust).await?;
            let name = tls::server_name(&endpoint.host)?;
            let stream = TlsConnector::from(config).connect(name, stream).await.map_err(tls::failure)?;
            Ok(StreamLink::new(stream, local))
        }
    }
}
