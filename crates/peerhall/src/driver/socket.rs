//! One WebSocket: a task that moves text between the server and the driver.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use peerhall_core::{CloseCode, Secret, SocketId, scrub};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WsCloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::Happening;

/// Frames that may wait for a slow socket. The engine sends some hundred at most before it waits for
/// answers; a socket that is further behind is as good as dead.
const OUTGOING: usize = 4096;

/// How long the server has to answer a close before the connection is dropped (sdk-behaviour,
/// section 1: close flush wait).
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// Largest message that is taken from the network, in bytes: the core's cap counts UTF-16 units, of
/// which one takes three bytes at most.
const MAX_MESSAGE_BYTES: usize = 3 * peerhall_core::MAX_INBOUND_UNITS + 1;

/// Bytes of the read buffer: the default of the library is 128 KiB for each connection.
const READ_BUFFER: usize = 8 * 1024;

/// What a socket tells the driver.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    Opened,
    Text(Utf8Bytes),
    Binary,
    Closed { code: CloseCode, reason: String, http_status: Option<u16> },
    Failed(String),
}

/// What the driver tells a socket.
#[derive(Debug)]
enum Order {
    Text(String),
    Close(CloseCode, String),
}

/// The driver's end of a socket. Dropping it drops the connection.
#[derive(Debug)]
pub(crate) struct Socket {
    orders: mpsc::Sender<Order>,
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Socket {
    /// Opens a socket; everything else is told through `inbox`.
    pub(crate) fn open(
        id: SocketId,
        url: &Secret,
        tls: Arc<ClientConfig>,
        inbox: mpsc::Sender<Happening>,
    ) -> Self {
        let (orders, queue) = mpsc::channel(OUTGOING);
        tokio::spawn(run(url.expose().to_owned(), tls, Mouth { id, inbox }, queue));
        Self { orders }
    }

    /// Queues a frame; `false` when the socket is too far behind, or gone.
    pub(crate) fn send(&self, frame: String) -> bool {
        self.orders.try_send(Order::Text(frame)).is_ok()
    }

    /// Closes after what is queued.
    pub(crate) fn close(&self, code: CloseCode, reason: String) {
        // A full queue: dropping the socket, which follows, closes it too.
        let _ = self.orders.try_send(Order::Close(code, reason));
    }
}

/// How a socket speaks to the driver.
struct Mouth {
    id: SocketId,
    inbox: mpsc::Sender<Happening>,
}

impl Mouth {
    async fn say(&self, event: SocketEvent) {
        // A driver that is gone needs no news.
        let _ = self.inbox.send(Happening::Socket(self.id, event)).await;
    }

    async fn closed(&self, code: u16, reason: impl Into<String>) {
        self.say(SocketEvent::Closed { code: CloseCode(code), reason: reason.into(), http_status: None })
            .await;
    }
}

async fn run(url: String, tls: Arc<ClientConfig>, mouth: Mouth, mut orders: mpsc::Receiver<Order>) {
    let opening = open(&url, tls);
    tokio::pin!(opening);
    let mut early = Vec::new();
    let stream = loop {
        tokio::select! {
            result = &mut opening => break result,
            order = orders.recv() => match order {
                Some(Order::Text(text)) => early.push(text),
                // The upgrade is abandoned: there is nobody to say goodbye to yet.
                Some(Order::Close(code, reason)) => return mouth.closed(code.0, reason).await,
                None => return,
            },
        }
    };
    match stream {
        Ok(stream) => {
            mouth.say(SocketEvent::Opened).await;
            serve(stream, early, &mouth, orders).await;
        }
        Err(Error::Http(response)) => {
            let status = response.status().as_u16();
            let reason = format!("the upgrade was refused with status {status}");
            mouth.say(SocketEvent::Closed { code: CloseCode(1006), reason, http_status: Some(status) }).await;
        }
        Err(Error::Url(error)) => mouth.say(SocketEvent::Failed(error.to_string())).await,
        Err(error) => mouth.closed(1006, scrub(&error.to_string())).await,
    }
}

async fn open(url: &str, tls: Arc<ClientConfig>) -> Result<Stream, Error> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let (stream, _) =
        connect_async_tls_with_config(url, Some(config), true, Some(Connector::Rustls(tls))).await?;
    Ok(stream)
}

async fn serve(stream: Stream, early: Vec<String>, mouth: &Mouth, mut orders: mpsc::Receiver<Order>) {
    let (mut sink, mut source) = stream.split();
    for text in early {
        if sink.send(Message::text(text)).await.is_err() {
            return mouth.closed(1006, "the connection was lost").await;
        }
    }
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Text(text)) => {
                    if !write(&mut sink, text, &mut orders).await {
                        return end(&mut source, mouth, None).await;
                    }
                }
                Some(Order::Close(code, reason)) => {
                    return close(&mut sink, &mut source, mouth, code, reason).await;
                }
                None => return,
            },
            message = source.next() => match message {
                Some(Ok(Message::Text(text))) => mouth.say(SocketEvent::Text(text)).await,
                Some(Ok(Message::Binary(_))) => mouth.say(SocketEvent::Binary).await,
                Some(Ok(Message::Close(frame))) => return end(&mut source, mouth, Some(frame)).await,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(Error::Capacity(error))) => return mouth.closed(1009, error.to_string()).await,
                Some(Err(error)) => return mouth.closed(1006, scrub(&error.to_string())).await,
                None => return mouth.closed(1006, "").await,
            },
        }
    }
}

/// Writes what is queued in one go. `false` when the connection is lost.
async fn write(
    sink: &mut SplitSink<Stream, Message>,
    first: String,
    orders: &mut mpsc::Receiver<Order>,
) -> bool {
    let mut next = Some(first);
    while let Some(text) = next.take() {
        if sink.feed(Message::text(text)).await.is_err() {
            return false;
        }
        match orders.try_recv() {
            Ok(Order::Text(text)) => next = Some(text),
            Ok(Order::Close(code, reason)) => {
                let _ = sink.send(Message::Close(Some(close_frame(code, &reason)))).await;
                return false;
            }
            Err(_) => {}
        }
    }
    sink.flush().await.is_ok()
}

async fn close(
    sink: &mut SplitSink<Stream, Message>,
    source: &mut SplitStream<Stream>,
    mouth: &Mouth,
    code: CloseCode,
    reason: String,
) {
    let frame = close_frame(code, &reason);
    let _ = tokio::time::timeout(CLOSE_WAIT, sink.send(Message::Close(Some(frame)))).await;
    let answer = async {
        while let Some(Ok(message)) = source.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(CLOSE_WAIT, answer).await;
    mouth.closed(code.0, reason).await;
}

/// The server closes, or writing failed: reads to the end, so that a close frame that is still to come is
/// seen.
async fn end(source: &mut SplitStream<Stream>, mouth: &Mouth, mut frame: Option<Option<CloseFrame>>) {
    let rest = async {
        while let Some(Ok(message)) = source.next().await {
            if let Message::Close(found) = message {
                frame.get_or_insert(found);
            }
        }
    };
    // Whoever does not hang up by then is left alone.
    let _ = tokio::time::timeout(CLOSE_WAIT, rest).await;
    match frame {
        Some(Some(frame)) => mouth.closed(frame.code.into(), frame.reason.as_str()).await,
        // A close frame without a code (RFC 6455, section 7.1.5).
        Some(None) => mouth.closed(1005, "").await,
        None => mouth.closed(1006, "").await,
    }
}

fn close_frame(code: CloseCode, reason: &str) -> CloseFrame {
    let mut end = reason.len().min(peerhall_proto::limits::MAX_CLOSE_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    CloseFrame { code: WsCloseCode::from(code.0), reason: reason.get(..end).unwrap_or_default().into() }
}
