//! Ordinary HTTP requests: a shard reads the head, sees that no WebSocket is asked for, and hands the
//! socket with what it has read to the HTTP plane, a thread with a runtime of its own. REST can
//! therefore be as slow as it likes; no shard waits for it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream as StdStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

use crate::http::ClientAddress;

/// Sockets that may wait for the HTTP plane to look at them.
const WAITING: usize = 1_024;

/// How long a client may take for the head of a request, on a connection that is kept alive too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket with an HTTP request on it.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) socket: StdStream,
    pub(crate) session: Option<ServerConnection>,
    /// What has been read and decrypted already.
    pub(crate) received: Vec<u8>,
    pub(crate) address: IpAddr,
}

/// The way from the shards to the HTTP plane. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct HttpPlane {
    sockets: mpsc::Sender<HandedOver>,
}

/// The other end of [`HttpPlane`].
#[derive(Debug)]
pub(crate) struct HttpSockets {
    sockets: mpsc::Receiver<HandedOver>,
}

impl HttpPlane {
    pub(crate) fn new() -> (Self, HttpSockets) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sockets: sender }, HttpSockets { sockets: receiver })
    }

    /// Hands a socket over. One too many is dropped, which its client sees as a reset.
    pub(crate) fn serve(&self, handed: HandedOver) {
        if let Err(error) = self.sockets.try_send(handed) {
            tracing::warn!(%error, "too many HTTP requests at once");
        }
    }
}

impl HttpSockets {
    /// Serves sockets until every shard has ended. At most `max_connections` at a time.
    pub(crate) async fn serve(mut self, router: Router, max_connections: usize) {
        let places = Arc::new(Semaphore::new(max_connections));
        while let Some(handed) = self.sockets.recv().await {
            let Ok(place) = places.clone().try_acquire_owned() else {
                tracing::warn!(max_connections, "too many HTTP connections");
                continue;
            };
            let router = router.clone();
            tokio::spawn(async move {
                serve_one(handed, router).await;
                drop(place);
            });
        }
    }
}

async fn serve_one(handed: HandedOver, router: Router) {
    let router = router.layer(axum::Extension(ClientAddress(handed.address)));
    let stream = match HttpStream::new(handed) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "a socket was lost on its way to the HTTP plane");
            return;
        }
    };
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// A socket whose first bytes have been read already.
struct HttpStream {
    socket: TcpStream,
    session: Option<ServerConnection>,
    received: io::Cursor<Vec<u8>>,
}

impl HttpStream {
    fn new(handed: HandedOver) -> io::Result<Self> {
        handed.socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpStream::from_std(handed.socket)?,
            session: handed.session,
            received: io::Cursor::new(handed.received),
        })
    }
}

/// A tokio socket as the blocking-style reader and writer that a TLS session wants.
struct Ready<'a>(&'a TcpStream);

impl Read for Ready<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}

impl Write for Ready<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends what a TLS session has to say, as far as the socket takes it.
fn poll_send(
    session: &mut ServerConnection,
    socket: &TcpStream,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while session.wants_write() {
        match session.write_tls(&mut Ready(socket)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(socket.poll_write_ready(cx))?,
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    Poll::Ready(Ok(()))
}

impl AsyncRead for HttpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut front = [0; 4096];
        let room = front.len().min(buf.remaining());
        let count = this.received.read(front.get_mut(..room).unwrap_or_default())?;
        if count > 0 {
            buf.put_slice(front.get(..count).unwrap_or_default());
            return Poll::Ready(Ok(()));
        }
        let Some(session) = &mut this.session else { return Pin::new(&mut this.socket).poll_read(cx, buf) };
        loop {
            match session.reader().read(buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            match session.read_tls(&mut Ready(&this.socket)) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) => {
                    session
                        .process_new_packets()
                        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(this.socket.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(session) = &mut this.session else { return Pin::new(&mut this.socket).poll_write(cx, buf) };
        ready!(poll_send(session, &this.socket, cx))?;
        let count = session.writer().write(buf)?;
        // What the socket does not take now goes out with the next write or flush.
        let _ = poll_send(session, &this.socket, cx)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.session {
            None => Pin::new(&mut this.socket).poll_flush(cx),
            Some(session) => poll_send(session, &this.socket, cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(session) = &mut this.session {
            session.send_close_notify();
            ready!(poll_send(session, &this.socket, cx))?;
        }
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}
