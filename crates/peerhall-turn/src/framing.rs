//! Messages in a byte stream: STUN ends by its own length (RFC 8489 section 6.2.2), ChannelData is padded
//! to four bytes (RFC 8656 section 12.5).

/// Bytes of a STUN header, which its length does not count.
const STUN_HEADER: usize = 20;

/// Number and length of ChannelData.
const CHANNEL_HEADER: usize = 4;

/// Where the message at the front of a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its bytes.
    pub(crate) length: usize,
    /// The same with padding: where the next message begins.
    pub(crate) taken: usize,
}

/// What comes is neither STUN nor ChannelData, so where it ends cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// Whether a stream that begins with this byte is one of STUN: its methods make the first byte 0 to 3, and
/// neither HTTP nor TLS begins so (RFC 7983 section 7). No client begins with ChannelData.
#[must_use]
pub const fn is_stun(first: u8) -> bool {
    first <= 3
}

/// The message at the front; `None` while its header is not whole. It may be longer than what has come.
pub(crate) fn front(bytes: &[u8]) -> Result<Option<Frame>, Broken> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let is_channel = matches!(first, 0x40..=0x7f);
    if !is_channel && !is_stun(*first) {
        return Err(Broken);
    }
    let Some([_, _, high, low]) = bytes.first_chunk::<CHANNEL_HEADER>() else { return Ok(None) };
    let announced = usize::from(u16::from_be_bytes([*high, *low]));
    if is_channel {
        let length = CHANNEL_HEADER + announced;
        return Ok(Some(Frame { length, taken: length.next_multiple_of(4) }));
    }
    if announced % 4 != 0 {
        return Err(Broken);
    }
    let length = STUN_HEADER + announced;
    Ok(Some(Frame { length, taken: length }))
}

/// Zeros that ChannelData of so many bytes ends with in a stream.
pub(crate) const fn padding(length: usize) -> usize {
    length.next_multiple_of(4) - length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stun_ends_by_its_length_and_channel_data_at_a_multiple_of_four() {
        assert_eq!(front(&[0, 1, 0, 8]), Ok(Some(Frame { length: 28, taken: 28 })));
        assert_eq!(front(&[0x40, 0, 0, 5]), Ok(Some(Frame { length: 9, taken: 12 })));
        assert_eq!(front(&[0x40, 0, 0, 4, 9, 9]), Ok(Some(Frame { length: 8, taken: 8 })));
        assert_eq!(front(&[0x40, 0, 0xff, 0xff]), Ok(Some(Frame { length: 65_539, taken: 65_540 })));
        assert_eq!((padding(8), padding(9), padding(11)), (0, 3, 1));
    }

    #[test]
    fn t36_what_begins_like_neither_is_broken_at_its_first_byte() {
        for beginning in [&b"\x16\x03\x01\x02"[..], b"\x04", b"\x3f", b"\x80", b"\xff"] {
            assert_eq!(front(beginning), Err(Broken), "{beginning:?}");
        }
        assert_eq!(front(&[0, 1, 0, 7]), Err(Broken), "STUN has a length of whole words");
    }

    #[test]
    fn a_header_that_is_not_whole_says_nothing_yet() {
        for beginning in [&[][..], &[0], &[0, 1, 0], &[0x40], &[0x40, 0, 0]] {
            assert_eq!(front(beginning), Ok(None), "{beginning:?}");
        }
    }
}
