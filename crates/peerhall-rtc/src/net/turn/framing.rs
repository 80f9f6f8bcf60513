//! Messages on a stream (RFC 8656 sections 3.2 and 12.5).

/// Bytes of a STUN header and of a ChannelData header.
const STUN_HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;

/// The stream carries something else; there is no way to find the next message in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) struct NotTurn;

/// Cuts a stream into STUN messages and ChannelData. Holds at most one message more than was given.
#[derive(Debug, Default)]
pub(in crate::net) struct Frames {
    bytes: Vec<u8>,
    /// What stands before it has been given out.
    start: usize,
}

impl Frames {
    /// Takes what was read.
    pub(in crate::net) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, without padding.
    pub(in crate::net) fn next(&mut self) -> Result<Option<&[u8]>, NotTurn> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let Some(length) = message_length(rest)? else {
            return Ok(None);
        };
        let padded = length + padding(length);
        if rest.len() < padded {
            return Ok(None);
        }
        let from = self.start;
        self.start += padded;
        Ok(self.bytes.get(from..from + length))
    }

    /// Gives memory back once everything has been given out.
    pub(in crate::net) fn release(&mut self) {
        if self.start == self.bytes.len() {
            *self = Self::default();
        }
    }
}

/// Bytes that follow a message of this length on a stream, where all have a multiple of 4.
pub(in crate::net) fn padding(length: usize) -> usize {
    length.next_multiple_of(4) - length
}

/// Length of the message that begins here, without padding; `None` when too little of it is there.
fn message_length(bytes: &[u8]) -> Result<Option<usize>, NotTurn> {
    let Some([b0, b1, b2, b3]) = bytes.first_chunk() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([*b2, *b3]));
    match u16::from_be_bytes([*b0, *b1]) {
        0..=0x3fff if length % 4 == 0 => Ok(Some(STUN_HEADER + length)),
        0x4000..=0x4fff => Ok(Some(CHANNEL_HEADER + length)),
        0..=u16::MAX => Err(NotTurn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(length: u16) -> Vec<u8> {
        let mut message = vec![0x01, 0x01];
        message.extend(length.to_be_bytes());
        message.resize(20 + usize::from(length), 7);
        message
    }

    fn channel(number: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).expect("short");
        [&number.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
    }

    fn all(frames: &mut Frames) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(frame) = frames.next().expect("TURN") {
            all.push(frame.to_vec());
        }
        all
    }

    #[test]
    fn messages_are_found_wherever_the_stream_is_cut() {
        let messages =
            [stun(0), channel(0x4000, b"abc"), stun(8), channel(0x4fff, b""), channel(0x4001, b"four")];
        let mut stream = Vec::new();
        for message in &messages {
            stream.extend_from_slice(message);
            stream.resize(stream.len() + padding(message.len()), 0);
        }
        for cut in 1..stream.len() {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in stream.chunks(cut) {
                frames.extend(piece);
                found.extend(all(&mut frames));
            }
            frames.release();
            assert_eq!(found, messages, "pieces of {cut} bytes");
            assert_eq!(frames.bytes.capacity(), 0, "an idle stream holds nothing");
        }
    }

    #[test]
    fn anything_else_ends_the_stream() {
        for start in [[0x50, 0, 0, 0], [0x80, 0, 0, 0], [0xff; 4], [0x01, 0x01, 0, 3], *b"SSH-"] {
            let mut frames = Frames::default();
            frames.extend(&start);
            assert_eq!(frames.next(), Err(NotTurn), "{start:?}");
        }
    }
}
