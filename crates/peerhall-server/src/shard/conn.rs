//! One socket and how far its life has come.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use peerhall_hub::Tick;

use crate::outbox::{Flushed, Outbox};
use crate::stream::Stream;
use crate::ws::decode::Decoder;

/// How long a connection that is being closed may take to read the close frame and to end.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// Where a connection is in its life.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The HTTP request is not complete yet.
    Handshake(Box<Handshake>),
    /// Upgraded and welcomed: the hub knows it.
    Open,
    /// A close frame is queued or sent; input is ignored until the other end closes.
    Closing,
    /// Ends as soon as what is queued has been written: an HTTP answer, or the reply to a close.
    Finishing,
}

/// What has come of an HTTP request.
#[derive(Debug)]
pub(crate) struct Handshake {
    pub(crate) head: Vec<u8>,
    pub(crate) address: IpAddr,
}

/// What is to be done after a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterFlush {
    Nothing,
    /// The reader is slow.
    Blocked,
    /// Everything has been said and the socket can go.
    Finished,
}

/// One connection of a shard.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) stream: Stream,
    pub(crate) phase: Phase,
    pub(crate) decoder: Decoder,
    /// An incomplete frame's head, at most 130 bytes, kept until the rest comes.
    pub(crate) tail: Vec<u8>,
    pub(crate) outbox: Outbox,
    /// When something came last.
    pub(crate) heard: Tick,
    /// Has brought more than was read of it, and waits for its turn to be read on.
    pub(crate) unread: bool,
    /// Is on the list of connections to be written in this turn.
    pub(crate) dirty: bool,
    /// A deadline watches the age of the outbox.
    pub(crate) watched: bool,
    /// When the message began that has come in part.
    pub(crate) message_since: Option<Tick>,
    /// A deadline watches that message.
    pub(crate) message_watched: bool,
    /// Bytes that waited after the last write, counted in the shard's sum.
    pub(crate) backlog: usize,
    /// Was asked whether it is alive, and has said nothing since.
    pub(crate) probed: bool,
    /// The write side has been ended.
    finished: bool,
}

impl Conn {
    pub(crate) fn new(stream: Stream, address: IpAddr, now: Tick) -> Self {
        Self {
            stream,
            phase: Phase::Handshake(Box::new(Handshake { head: Vec::new(), address })),
            decoder: Decoder::new(),
            tail: Vec::new(),
            outbox: Outbox::default(),
            heard: now,
            unread: false,
            dirty: false,
            watched: false,
            message_since: None,
            message_watched: false,
            backlog: 0,
            probed: false,
            finished: false,
        }
    }

    /// Whether the hub knows the connection.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether its HTTP request is not complete yet.
    pub(crate) fn is_newcomer(&self) -> bool {
        matches!(self.phase, Phase::Handshake(_))
    }

    /// Writes what waits, and ends the write side when there will be no more.
    pub(crate) fn flush(&mut self, scratch: &mut Vec<u8>) -> io::Result<AfterFlush> {
        if self.outbox.flush(&mut self.stream, scratch)? == Flushed::Blocked {
            return Ok(AfterFlush::Blocked);
        }
        match self.phase {
            Phase::Handshake(_) | Phase::Open => Ok(AfterFlush::Nothing),
            Phase::Closing => {
                self.finish();
                Ok(AfterFlush::Nothing)
            }
            Phase::Finishing => {
                self.finish();
                Ok(AfterFlush::Finished)
            }
        }
    }

    fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            self.stream.finish();
        }
    }
}
