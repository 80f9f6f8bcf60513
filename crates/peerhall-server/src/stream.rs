//! A client's byte stream, plain or encrypted, that never blocks.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::ServerConnection;

/// Plain bytes that a TLS session may hold before it has sent them, in bytes: one flush's worth.
const TLS_BUFFER_BYTES: usize = 256 * 1024;

/// One accepted socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream>),
}

/// A socket and its TLS session.
#[derive(Debug)]
pub(crate) struct TlsStream {
    socket: TcpStream,
    session: ServerConnection,
}

impl Stream {
    /// A plain stream, or an encrypted one when there is a session for it.
    pub(crate) fn new(socket: TcpStream, session: Option<ServerConnection>) -> Self {
        match session {
            None => Self::Plain(socket),
            Some(mut session) => {
                session.set_buffer_limit(Some(TLS_BUFFER_BYTES));
                Self::Tls(Box::new(TlsStream { socket, session }))
            }
        }
    }

    /// The socket, to register it.
    pub(crate) fn socket_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &mut tls.socket,
        }
    }

    /// Takes the stream apart, to be served elsewhere.
    pub(crate) fn into_parts(self) -> (TcpStream, Option<ServerConnection>) {
        match self {
            Self::Plain(socket) => (socket, None),
            Self::Tls(tls) => (tls.socket, Some(tls.session)),
        }
    }

    /// Reads what is there. 0 bytes: the other end has finished.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buf),
            Self::Tls(tls) => tls.read(buf),
        }
    }

    /// Writes what can be written now.
    pub(crate) fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(buf),
            Self::Tls(tls) => tls.write(buf),
        }
    }

    /// Writes what can be written now of two pieces that follow each other.
    pub(crate) fn write_both(&mut self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]),
            // The session collects both before a record leaves it.
            Self::Tls(tls) => tls.write_both(first, second),
        }
    }

    /// Sends what an earlier write has left in the TLS session. An error of kind `WouldBlock`: not
    /// all of it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.flush(),
        }
    }

    /// Whether a short read says that nothing is left to read.
    pub(crate) fn short_read_is_last(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Tells the other end that nothing more will come.
    pub(crate) fn finish(&mut self) {
        match self {
            Self::Plain(socket) => drop(socket.shutdown(Shutdown::Write)),
            Self::Tls(tls) => {
                tls.session.send_close_notify();
                drop(tls.flush());
                drop(tls.socket.shutdown(Shutdown::Write));
            }
        }
    }
}

impl TlsStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if self.session.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            if let Err(error) = self.session.process_new_packets() {
                // The alert that says why is worth a try; the connection ends either way.
                drop(self.flush());
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            if self.session.wants_write() {
                match self.flush() {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
        }
    }

    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_both(buf, &[])
    }

    fn write_both(&mut self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let taken = self.session.writer().write_vectored(&[IoSlice::new(first), IoSlice::new(second)])?;
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Ok(()) | Err(_) => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}
