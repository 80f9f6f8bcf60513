//! Randomness from a seed that the driver gives: delays and request ids. Nothing here protects
//! anything.

/// A stream of random numbers.
#[derive(Debug)]
pub(crate) struct Random(fastrand::Rng);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Uniform in [-1, 1).
    pub(crate) fn signed_unit(&mut self) -> f64 {
        self.0.f64() * 2.0 - 1.0
    }

    /// Eight hexadecimal digits.
    pub(crate) fn tag(&mut self) -> String {
        let mut text = String::new();
        hexadecimal(&mut text, self.0.u64(..), 8);
        text
    }

    /// A UUID of version 4 (RFC 9562, section 5.4).
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.0.u64(..), self.0.u64(..));
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0x3 << 62) | (0x2 << 62);
        let mut text = String::new();
        for (bits, digits) in [(high >> 32, 8), (high >> 16, 4), (high, 4), (low >> 48, 4), (low, 12)] {
            if !text.is_empty() {
                text.push('-');
            }
            hexadecimal(&mut text, bits, digits);
        }
        text
    }
}

/// Appends the last so many hexadecimal digits of a number. What formats numbers otherwise is ten times as
/// large, and the rest of the engine needs none of it.
fn hexadecimal(text: &mut String, bits: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (bits >> (4 * place)) as u32 & 0xf;
        text.extend(char::from_digit(digit, 16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4_and_differ() {
        let mut random = Random::seeded(7);
        let (one, other) = (random.uuid(), random.uuid());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
        assert!(matches!(one.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
