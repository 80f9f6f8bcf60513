//! Fields out of a message, without copying the bytes and without a way to read past the end.

use bytes::Bytes;

use super::{FrameError, MAX_MESSAGE_BYTES};

pub(crate) struct Reader(Bytes);

impl Reader {
    pub(super) fn new(message: Bytes) -> Result<Self, FrameError> {
        if message.len() > MAX_MESSAGE_BYTES { Err(FrameError::Long) } else { Ok(Self(message)) }
    }

    /// What has been measured otherwise.
    pub(crate) const fn of(message: Bytes) -> Self {
        Self(message)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<Bytes, FrameError> {
        if self.0.len() < count {
            return Err(FrameError::Short);
        }
        Ok(self.0.split_to(count))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let array = self.0.first_chunk::<N>().copied().ok_or(FrameError::Short)?;
        let _ = self.bytes(N)?;
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, FrameError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, FrameError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FrameError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A text of so many bytes, of which no more than `most` are allowed.
    pub(super) fn text(&mut self, count: usize, most: usize) -> Result<String, FrameError> {
        if count > most {
            return Err(FrameError::Long);
        }
        String::from_utf8(self.bytes(count)?.into()).map_err(|_| FrameError::NotText)
    }

    /// Everything that is left, as text of at most so many bytes.
    pub(super) fn rest_as_text(&mut self, most: usize) -> Result<String, FrameError> {
        self.text(self.0.len(), most)
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), FrameError> {
        if self.0.is_empty() { Ok(()) } else { Err(FrameError::Long) }
    }
}

/// A byte with these bits, each where its condition holds.
pub(super) fn flags<const N: usize>(bits: [(bool, u8); N]) -> u8 {
    bits.into_iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit)
}

/// The longest beginning of a text that has at most so many bytes.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
