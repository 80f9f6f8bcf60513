//! A connection to a TURN server over TCP or TLS.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::turn::{Frames, NotTurn, padding};

/// Most bytes that wait to be written. More would be a delay that nobody wants for media: about
/// a tenth of a second at 20 Mbit/s.
const MAX_QUEUED: usize = 256 * 1024;

/// Bytes taken from the stream at a time: a record of TLS.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that carries TURN messages.
pub(super) struct StreamLink {
    io: Box<dyn Duplex>,
    /// This end of it.
    pub(super) local: SocketAddr,
    frames: Frames,
    queued: Vec<u8>,
    /// How much of `queued` has been written.
    written: usize,
}

impl StreamLink {
    pub(super) fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, local: SocketAddr) -> Self {
        Self { io: Box::new(io), local, frames: Frames::default(), queued: Vec::new(), written: 0 }
    }

    /// Queues a message. Says no, and drops it, when too much is queued already.
    pub(super) fn push(&mut self, parts: [&[u8]; 2]) -> bool {
        let [head, payload] = parts;
        let length = head.len() + payload.len();
        if self.queued.len() - self.written + length > MAX_QUEUED {
            return false;
        }
        self.queued.extend_from_slice(head);
        self.queued.extend_from_slice(payload);
        self.queued.resize(self.queued.len() + padding(length), 0);
        true
    }

    /// Writes what is queued, as far as it goes.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Some(rest) = self.queued.get(self.written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.io).poll_write(cx, rest)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => self.written += count,
                Poll::Pending => {
                    self.forget_written();
                    return Ok(());
                }
            }
        }
        if !self.queued.is_empty() {
            // An idle connection keeps no memory.
            self.queued = Vec::new();
            self.written = 0;
        }
        // TLS may hold a record back until it is told. Still pending is no error: it wakes us.
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Reads something and gives each whole message to `each`.
    ///
    /// # Errors
    ///
    /// When the connection is broken or ended, or carries something other than TURN.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        mut each: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        let io = &mut self.io;
        let frames = &mut self.frames;
        let count = READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(io).poll_read(cx, &mut read))?;
            frames.extend(read.filled());
            Poll::Ready(io::Result::Ok(read.filled().len()))
        });
        if ready!(count)? == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        loop {
            match frames.next() {
                Ok(Some(frame)) => each(frame),
                Ok(None) => break,
                Err(NotTurn) => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            }
        }
        frames.release();
        Poll::Ready(Ok(()))
    }

    /// Moves what remains to the front once it is the smaller part, so that a connection that never
    /// catches up does not grow.
    fn forget_written(&mut self) {
        if self.written > self.queued.len() / 2 {
            self.queued.drain(..self.written);
            self.written = 0;
        }
    }
}

impl fmt::Debug for StreamLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamLink({} bytes queued)", self.queued.len() - self.written)
    }
}
