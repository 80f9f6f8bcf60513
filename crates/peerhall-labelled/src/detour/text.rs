//! Bytes as text that JSON holds without escapes: base 64 (RFC 4648, section 4) without padding, read strictly.
//! Of our own, because this crate travels to browsers, which load every alphabet and engine of a library.

/// The text of some bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte));
        let word = word << (8 * (3 - group.len()));
        let digits = [18, 12, 6, 0].map(|place| char::from(letter(((word >> place) & 63) as u8)));
        text.extend(digits.into_iter().take(group.len() + 1));
    }
    text
}

/// The bytes of a text; `None` when it is not the text of any.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(bytes_in(text.len()));
    for group in text.as_bytes().chunks(4) {
        let word = group.iter().try_fold(0_u32, |word, letter| Some((word << 6) | digit(*letter)?))?;
        let [_, group_bytes @ ..] = (word << (6 * (4 - group.len()))).to_be_bytes();
        let (kept, left) = group_bytes.split_at(bytes_in(group.len()));
        // One letter alone holds no byte, and what a group does not need of its last letter is zero.
        if kept.is_empty() || left.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}

/// The most bytes that a text of so many letters holds.
pub(super) const fn bytes_in(letters: usize) -> usize {
    letters / 4 * 3 + (letters % 4) * 3 / 4
}

const fn letter(digit: u8) -> u8 {
    match digit {
        0..=25 => b'A' + digit,
        26..=51 => b'a' + digit - 26,
        52..=61 => b'0' + digit - 52,
        62 => b'+',
        _ => b'/',
    }
}

fn digit(letter: u8) -> Option<u32> {
    let digit = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(digit.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn what_nothing_is_written_as_is_not_read() {
        for text in ["A", "AAAAA", "Zg==", "Zh", "Zm9", "AA A", "AA-_", "ÄA"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            let text = encode(&bytes);
            prop_assert_eq!(bytes_in(text.len()), bytes.len());
            prop_assert_eq!(decode(&text), Some(bytes));
        }
    }
}
