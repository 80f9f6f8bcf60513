//! Bytes of files and streams, read when there is room for them.

use std::io;
use std::sync::Weak;

use bytes::{Bytes, BytesMut};
use peerhall_labelled::OutgoingId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt};
use tokio::sync::mpsc;

use super::body::PeerShared;

/// Bytes that are read at once at most.
const READ: usize = 256 * 1024;

/// What is read.
pub(super) enum Reader {
    /// A file of which so many bytes are left.
    File { file: tokio::fs::File, left: u64 },
    /// Anything else, to its end.
    Stream(Box<dyn AsyncRead + Send + Unpin>),
}

/// What the session wants of a source.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// About so many bytes, for this beginning.
    More { bytes: usize, beginning: u32 },
    /// Begin anew.
    Rewind { total: Option<u64> },
}

/// Reads for one message until it has ended.
pub(super) async fn feed(
    peer: Weak<PeerShared>,
    id: OutgoingId,
    mut asks: mpsc::UnboundedReceiver<Ask>,
    mut reader: Reader,
) {
    while let Some(ask) = asks.recv().await {
        match ask {
            Ask::More { bytes, beginning } => {
                let read = reader.read(bytes.min(READ)).await;
                let Some(peer) = peer.upgrade() else { return };
                match read {
                    Ok((bytes, last)) => peer.provide(id, beginning, bytes, last),
                    Err(error) => peer.call(|session, now| session.abort(now, id, &error.to_string())),
                }
            }
            Ask::Rewind { total } => {
                let begun = reader.rewind(total).await;
                let Some(peer) = peer.upgrade() else { return };
                if begun.is_err() {
                    peer.call(|session, now| session.cannot_rewind(now, id));
                }
            }
        }
    }
}

impl Reader {
    /// The next bytes, and whether they are the last.
    async fn read(&mut self, most: usize) -> io::Result<(Bytes, bool)> {
        match self {
            Self::File { file, left } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(most);
                let mut buffer = BytesMut::with_capacity(most);
                let wanted = u64::try_from(most).unwrap_or(u64::MAX);
                let mut part = file.take(wanted);
                while part.limit() > 0 {
                    if part.read_buf(&mut buffer).await? == 0 {
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
                    }
                }
                *left -= wanted;
                Ok((buffer.freeze(), *left == 0))
            }
            Self::Stream(stream) => {
                let mut buffer = BytesMut::with_capacity(most);
                let count = stream.read_buf(&mut buffer).await?;
                Ok((buffer.freeze(), count == 0))
            }
        }
    }

    async fn rewind(&mut self, total: Option<u64>) -> io::Result<()> {
        match (self, total) {
            (Self::File { file, left }, Some(total)) => {
                file.rewind().await?;
                *left = total;
                Ok(())
            }
            (Self::File { .. } | Self::Stream(_), _) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
