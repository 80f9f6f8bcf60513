//! The arithmetic coder of VP8 (RFC 6386, section 7) and the words that coefficients are written in (13.2).

/// Writes yes and no, each with the probability that it is no.
#[derive(Debug)]
pub(super) struct Coder {
    bytes: Vec<u8>,
    /// Width of the interval that is left, 128 to 255 between two calls.
    range: u32,
    /// Its lower end: the bits that are not in `bytes` yet.
    bottom: u32,
    /// Shifts until the next byte is complete.
    shifts: u32,
}

impl Default for Coder {
    fn default() -> Self {
        Self { bytes: Vec::new(), range: 255, bottom: 0, shifts: 24 }
    }
}

/// A range of magnitudes that share a word: the first, the way to it in the tree, and the probabilities of
/// the bits that say which.
struct Category {
    first: u32,
    /// Branches behind "not one": which probability, and which way.
    way: &'static [(usize, bool)],
    extra: &'static [u8],
}

/// From the largest to the smallest.
const CATEGORIES: [Category; 9] = [
    Category {
        first: 67,
        way: &[(3, true), (6, true), (8, true), (10, true)],
        extra: &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129],
    },
    Category {
        first: 35,
        way: &[(3, true), (6, true), (8, true), (10, false)],
        extra: &[180, 157, 141, 134, 130],
    },
    Category { first: 19, way: &[(3, true), (6, true), (8, false), (9, true)], extra: &[176, 155, 140, 135] },
    Category { first: 11, way: &[(3, true), (6, true), (8, false), (9, false)], extra: &[173, 148, 140] },
    Category { first: 7, way: &[(3, true), (6, false), (7, true)], extra: &[165, 145] },
    Category { first: 5, way: &[(3, true), (6, false), (7, false)], extra: &[159] },
    Category { first: 4, way: &[(3, false), (4, true), (5, true)], extra: &[] },
    Category { first: 3, way: &[(3, false), (4, true), (5, false)], extra: &[] },
    Category { first: 2, way: &[(3, false), (4, false)], extra: &[] },
];

/// Probabilities of the eleven branches of the tree of tokens.
pub(super) type Branches = [u8; 11];

impl Coder {
    /// Writes a bit; `zero` of 256 is the probability that it is not set.
    pub(super) fn bool(&mut self, bit: bool, zero: u8) {
        let split = 1 + (((self.range - 1) * u32::from(zero)) >> 8);
        if bit {
            // Stays below 2^32: the topmost bit is the carry, which the next shift takes away.
            self.bottom += split;
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.range <<= 1;
            self.shift();
        }
    }

    fn shift(&mut self) {
        if self.bottom >> 31 == 1 {
            self.carry();
        }
        self.bottom <<= 1;
        self.shifts -= 1;
        if self.shifts == 0 {
            let [byte, ..] = self.bottom.to_be_bytes();
            self.bytes.push(byte);
            self.bottom &= 0x00ff_ffff;
            self.shifts = 8;
        }
    }

    /// Adds one to what has been written.
    fn carry(&mut self) {
        for byte in self.bytes.iter_mut().rev() {
            let (sum, over) = byte.overflowing_add(1);
            *byte = sum;
            if !over {
                return;
            }
        }
    }

    /// Writes the lowest `bits` bits of a number, the highest of them first.
    pub(super) fn literal(&mut self, number: u32, bits: u32) {
        for bit in (0..bits).rev() {
            self.bool((number >> bit) & 1 == 1, 128);
        }
    }

    /// Writes the magnitude of a coefficient, at least one.
    pub(super) fn token(&mut self, magnitude: u32, branches: &Branches) {
        let [not_end, not_zero, not_one, ..] = *branches;
        self.bool(true, not_end);
        self.bool(true, not_zero);
        let category = CATEGORIES.iter().find(|category| magnitude >= category.first);
        self.bool(category.is_some(), not_one);
        let Some(category) = category else { return };
        for (branch, way) in category.way {
            self.bool(*way, branches.get(*branch).copied().unwrap_or(128));
        }
        let (rest, bits) = (magnitude - category.first, category.extra.len());
        for (place, probability) in category.extra.iter().enumerate() {
            self.bool((rest >> (bits - 1 - place)) & 1 == 1, *probability);
        }
    }

    /// Says that a block has no further coefficient.
    pub(super) fn end_of_block(&mut self, ends: u8) {
        self.bool(false, ends);
    }

    /// The bytes, with all that was held back.
    pub(super) fn finish(mut self) -> Vec<u8> {
        for _ in 0..32 {
            self.shift();
        }
        self.bytes
    }
}
