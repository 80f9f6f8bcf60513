//! Masking (RFC 6455, section 5.3): a client XORs every payload with a key of four bytes.

/// The masking key of one frame, turned so that its first byte belongs to the next payload byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    /// The key as it stands in the frame's header.
    pub(super) const fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Masks or unmasks the next bytes of the payload, in place. A payload may come in any number of
    /// pieces.
    pub(super) fn apply(&mut self, piece: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let wide_key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, rest) = piece.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ wide_key).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(self.0.iter().cycle()) {
            *byte ^= key;
        }
        self.0.rotate_left(piece.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// The definition of section 5.3, a byte at a time.
    fn by_definition(payload: &[u8]) -> Vec<u8> {
        payload.iter().enumerate().map(|(at, byte)| byte ^ KEY[at % 4]).collect()
    }

    #[test]
    fn a_payload_of_any_length_is_masked_as_the_rfc_defines_it() {
        for len in 0..64 {
            let plain: Vec<u8> = (0..len).rev().collect();
            let mut masked = plain.clone();
            Mask::new(KEY).apply(&mut masked);
            assert_eq!(masked, by_definition(&plain), "{len} bytes");
        }
    }

    #[test]
    fn two_pieces_give_what_the_whole_gives_wherever_the_cut_is() {
        let plain: Vec<u8> = (0..40).collect();
        for cut in 0..=plain.len() {
            let mut masked = plain.clone();
            let mut mask = Mask::new(KEY);
            let (first, second) = masked.split_at_mut(cut);
            mask.apply(first);
            mask.apply(second);
            assert_eq!(masked, by_definition(&plain), "cut at {cut}");
        }
    }
}
