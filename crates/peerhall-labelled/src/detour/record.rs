//! What happens on the channels of a stay, as a stream of bytes that pieces cut anywhere.

use bytes::Bytes;

use crate::frame::FrameError;

/// Bytes before those that a record carries.
const HEAD: usize = 1 + 2 + 2;

const OPEN: u8 = 1;
const MESSAGE: u8 = 2;
const CLOSE: u8 = 3;

/// One thing that happens on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// There is a channel from now on.
    Open { line: u16, label: String },
    /// A message came on it.
    Message { line: u16, bytes: Bytes },
    /// It is not there any more.
    Close { line: u16 },
}

/// The head of a record; what it carries follows.
pub(super) fn opens(line: u16, label: &str) -> Vec<u8> {
    let mut record = head(OPEN, line, label.len());
    record.extend_from_slice(label.as_bytes());
    record
}

/// The head of a message of so many bytes.
pub(super) fn brings(line: u16, bytes: usize) -> Vec<u8> {
    head(MESSAGE, line, bytes)
}

/// A channel is closed.
pub(super) fn closes(line: u16) -> Vec<u8> {
    head(CLOSE, line, 0)
}

fn head(kind: u8, line: u16, bytes: usize) -> Vec<u8> {
    let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
    let mut head = Vec::with_capacity(HEAD);
    head.push(kind);
    head.extend_from_slice(&line.to_be_bytes());
    head.extend_from_slice(&bytes.to_be_bytes());
    head
}

/// Puts pieces together again.
#[derive(Debug, Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
}

impl Records {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// The next record, once all of it is here.
    pub(super) fn next(&mut self) -> Result<Option<Record>, FrameError> {
        let Some([kind, a, b, c, d]) = self.bytes.first_chunk::<HEAD>().copied() else { return Ok(None) };
        let line = u16::from_be_bytes([a, b]);
        let length = usize::from(u16::from_be_bytes([c, d]));
        let Some(carried) = self.bytes.get(HEAD..HEAD + length) else { return Ok(None) };
        let record = match kind {
            OPEN => {
                let label = String::from_utf8(carried.to_vec()).map_err(|_| FrameError::NotText)?;
                Record::Open { line, label }
            }
            MESSAGE => Record::Message { line, bytes: Bytes::copy_from_slice(carried) },
            CLOSE if length == 0 => Record::Close { line },
            CLOSE => return Err(FrameError::Long),
            other => return Err(FrameError::UnknownKind(other)),
        };
        self.bytes.drain(..HEAD + length);
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in_wherever_they_are_cut() {
        let stream =
            [opens(1, "files"), brings(1, 3), b"abc".to_vec(), brings(2, 0), closes(1), opens(2, "")]
                .concat();
        for cut in 1..stream.len() {
            let (mut records, mut found) = (Records::default(), Vec::new());
            for piece in stream.chunks(cut) {
                records.push(piece);
                while let Some(record) = records.next().unwrap() {
                    found.push(record);
                }
            }
            let expected = [
                Record::Open { line: 1, label: "files".to_owned() },
                Record::Message { line: 1, bytes: Bytes::from_static(b"abc") },
                Record::Message { line: 2, bytes: Bytes::new() },
                Record::Close { line: 1 },
                Record::Open { line: 2, label: String::new() },
            ];
            assert_eq!(found, expected, "pieces of {cut}");
        }
    }

    #[test]
    fn what_is_no_record_is_refused_as_soon_as_it_is_seen() {
        for (bytes, error) in [
            (head(9, 0, 0), FrameError::UnknownKind(9)),
            ([head(CLOSE, 0, 1), vec![0]].concat(), FrameError::Long),
            ([head(OPEN, 0, 1), vec![0xff]].concat(), FrameError::NotText),
        ] {
            let mut records = Records::default();
            records.push(&bytes);
            assert_eq!(records.next(), Err(error));
        }
    }
}
