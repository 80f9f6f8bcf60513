//! What two sessions say to each other through the server: one text each (docs/protocol-additions.md).

use bytes::Bytes;

use super::text;
use crate::frame::FrameError;
use crate::frame::read::Reader;

/// Bytes of a piece before those that it carries.
pub(super) const PIECE_HEAD: usize = 1 + 8 + 8 + 4 + 4;

const HELLO: u8 = 0x21;
const PIECE: u8 = 0x22;
const TAKEN: u8 = 0x23;
const BYE: u8 = 0x24;

/// One text. Each names the stay on this way that the sender speaks of, and the receiver's that it belongs to; 0
/// is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// The sender goes this way, because it has no other or because the receiver wants to.
    Hello { wants: bool },
    /// The next bytes.
    Piece {
        /// Pieces of this stay before it.
        number: u32,
        /// Pieces of the receiver that have arrived.
        taken: u32,
        bytes: Bytes,
    },
    /// So many pieces of the receiver have arrived.
    Taken(u32),
    /// The sender does not go this way, or not any more.
    Bye,
}

impl Word {
    pub(super) fn read(text: &str) -> Result<Self, FrameError> {
        let bytes = text::decode(text).ok_or(FrameError::NotText)?;
        let mut reader = Reader::of(bytes.into());
        let (kind, from, to) = (reader.u8()?, reader.u64()?, reader.u64()?);
        let what = match kind {
            HELLO => match reader.u8()? {
                wants @ (0 | 1) => What::Hello { wants: wants == 1 },
                other => return Err(FrameError::UnknownValue(other)),
            },
            PIECE => What::Piece { number: reader.u32()?, taken: reader.u32()?, bytes: reader.rest() },
            TAKEN => What::Taken(reader.u32()?),
            BYE => What::Bye,
            other => return Err(FrameError::UnknownKind(other)),
        };
        reader.end()?;
        Ok(Self { from, to, what })
    }

    pub(super) fn write(&self) -> String {
        let mut out = Vec::with_capacity(PIECE_HEAD);
        let kind = match self.what {
            What::Hello { .. } => HELLO,
            What::Piece { .. } => PIECE,
            What::Taken(_) => TAKEN,
            What::Bye => BYE,
        };
        out.push(kind);
        out.extend_from_slice(&self.from.to_be_bytes());
        out.extend_from_slice(&self.to.to_be_bytes());
        match &self.what {
            What::Hello { wants } => out.push(u8::from(*wants)),
            What::Piece { number, taken, bytes } => {
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(&taken.to_be_bytes());
                out.extend_from_slice(bytes);
            }
            What::Taken(taken) => out.extend_from_slice(&taken.to_be_bytes()),
            What::Bye => {}
        }
        text::encode(&out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_what_is_none_is_refused() {
        let bytes = Bytes::from_static(b"bytes");
        for what in [
            What::Hello { wants: true },
            What::Hello { wants: false },
            What::Piece { number: 7, taken: 9, bytes },
            What::Taken(3),
            What::Bye,
        ] {
            let word = Word { from: 1, to: u64::MAX, what };
            assert_eq!(Word::read(&word.write()), Ok(word));
        }
        let head = [[HELLO].as_slice(), &[0; 16]].concat();
        for (more, error) in [
            (vec![], FrameError::Short),
            (vec![2], FrameError::UnknownValue(2)),
            (vec![1, 0], FrameError::Long),
        ] {
            let text = text::encode(&[head.as_slice(), &more].concat());
            assert_eq!(Word::read(&text), Err(error));
        }
        assert_eq!(Word::read(&text::encode(&[9; 17])), Err(FrameError::UnknownKind(9)));
        assert_eq!(Word::read("no bytes!"), Err(FrameError::NotText));
    }
}
