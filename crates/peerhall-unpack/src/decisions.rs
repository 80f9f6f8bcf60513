//! The decisions of LZMA (7-zip.org/sdk.html, whose names are used here): whether bytes come that were there before,
//! which and how many, or else which bits a new byte has.

use crate::place::{Follower, OUTSIDE, PLACES};

/// Literals have this many expectations for each place: eight bits with nothing to compare with, and with a bit to
/// compare with that is 0 or 1.
const LITERAL: usize = 0x300;

/// States say what the last decisions were.
const STATES: usize = 12;

/// From this state on, the last byte was one that was there before.
const AFTER_MATCH: usize = 7;

/// Where the expectations of each kind begin, literals first.
const IS_MATCH: usize = LITERAL * PLACES;
const IS_REP: usize = IS_MATCH + STATES * PLACES;
const IS_REP_G0: usize = IS_REP + STATES;
const IS_REP_G1: usize = IS_REP_G0 + STATES;
const IS_REP_G2: usize = IS_REP_G1 + STATES;
const IS_REP0_LONG: usize = IS_REP_G2 + STATES;
const LENGTHS: usize = IS_REP0_LONG + STATES;
const REP_LENGTHS: usize = LENGTHS + LENGTH;
const SLOTS: usize = REP_LENGTHS + LENGTH;
const SPECIAL: usize = SLOTS + 4 * 64;
const ALIGN: usize = SPECIAL + 115;

/// How many expectations there are.
pub(crate) const EXPECTATIONS: usize = ALIGN + 16;

/// Lengths have a code of three ranges: two decisions which, then those of each.
const LENGTH: usize = 512;
const LENGTH_LOW: usize = 8;
const LENGTH_MID: usize = 16;
const LENGTH_HIGH: usize = 256;

/// What is expected of one decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expectation {
    /// How likely it is 1, as soon as one was seen.
    odds: f32,
    /// How many were seen, up to [`REMEMBERED`].
    seen: f32,
}

impl Expectation {
    /// Nothing was seen yet.
    pub(crate) const NONE: Self = Self { odds: 0.0, seen: 0.0 };

    fn odds(self) -> f32 {
        if self.seen == 0.0 { EVEN } else { self.odds }
    }

    /// The first ones count most, and none is forgotten faster than by one part in forty.
    fn learn(&mut self, one: bool) {
        let odds = self.odds();
        let aim = if one { 1.0 } else { 0.0 };
        self.odds = odds + (aim - odds) / (self.seen + 2.3);
        if self.seen < REMEMBERED {
            self.seen += 1.0;
        }
    }
}

/// As likely as not.
const EVEN: f32 = 0.5;

/// Decisions that an expectation counts.
const REMEMBERED: f32 = 40.0;

/// Which bit of a number comes first.
#[derive(Clone, Copy, Debug)]
enum First {
    Highest,
    Lowest,
}

/// Gives decisions one after another, told how likely each is 1.
pub(crate) trait Decide {
    fn decide(&mut self, odds: f32) -> bool;
}

/// Makes the bytes that decisions stand for.
pub(crate) struct Maker<'a, D> {
    pub(crate) decide: D,
    expectations: &'a mut [Expectation; EXPECTATIONS],
    output: &'a mut [u8],
    follower: Follower,
    /// Where the next byte is.
    end: usize,
    /// The place there.
    place: usize,
}

impl<'a, D: Decide> Maker<'a, D> {
    pub(crate) fn new(
        decide: D,
        output: &'a mut [u8],
        follower: Follower,
        expectations: &'a mut [Expectation; EXPECTATIONS],
    ) -> Self {
        Self { decide, expectations, output, follower, end: 0, place: OUTSIDE }
    }

    /// Makes all bytes of the output.
    pub(crate) fn make(&mut self) {
        let mut state = 0;
        let mut reps = [0; 4];
        while self.end < self.output.len() {
            let [last, ..] = reps;
            if !self.bit(IS_MATCH + STATES * self.place + state) {
                let byte = self.literal(if state < AFTER_MATCH { 0 } else { 0x100 }, last);
                self.put(byte);
                state = match state {
                    0..4 => 0,
                    4..10 => state - 3,
                    _ => state - 6,
                };
                continue;
            }
            let (distance, count);
            if self.bit(IS_REP + state) {
                let (which, is_single) = self.repeated(state);
                distance = take_out(&mut reps, which);
                count = if is_single { 1 } else { self.length(REP_LENGTHS) + 2 };
                state = if state >= AFTER_MATCH { 11 } else { 8 + usize::from(is_single) };
            } else {
                count = self.length(LENGTHS) + 2;
                distance = self.distance(count - 2);
                take_out(&mut reps, 3);
                state = if state < AFTER_MATCH { 7 } else { 10 };
            }
            let [first, ..] = &mut reps;
            *first = distance;
            for _ in 0..count {
                let byte = self.earlier(distance);
                self.put(byte);
            }
        }
    }

    /// Which of the last distances it is, and whether it is for a single byte.
    fn repeated(&mut self, state: usize) -> (usize, bool) {
        if !self.bit(IS_REP_G0 + state) {
            (0, !self.bit(IS_REP0_LONG + state))
        } else if !self.bit(IS_REP_G1 + state) {
            (1, false)
        } else {
            (2 + usize::from(self.bit(IS_REP_G2 + state)), false)
        }
    }

    #[inline(never)]
    fn put(&mut self, byte: u8) {
        if let Some(next) = self.output.get_mut(self.end) {
            *next = byte;
        }
        self.end += 1;
        self.place = self.follower.follow(byte, self.end);
    }

    /// The byte that stands `distance` and one bytes before the next; of those that are not there, zero.
    #[inline(never)]
    fn earlier(&self, distance: usize) -> u8 {
        self.output.get(self.end.wrapping_sub(distance).wrapping_sub(1)).copied().unwrap_or_default()
    }

    #[inline(never)]
    fn bit(&mut self, index: usize) -> bool {
        let Some(expectation) = self.expectations.get_mut(index) else { return false };
        let one = self.decide.decide(expectation.odds());
        expectation.learn(one);
        one
    }

    /// A number of so many bits, each expected by those before it, with the highest or the lowest first.
    fn tree(&mut self, offset: usize, bits: u32, first: First) -> usize {
        let mut symbol = 1;
        let mut reversed = 0;
        for place in 0..bits {
            let one = usize::from(self.bit(offset + symbol));
            symbol = symbol << 1 | one;
            reversed |= one << place;
        }
        match first {
            First::Highest => symbol - (1 << bits),
            First::Lowest => reversed,
        }
    }

    fn length(&mut self, offset: usize) -> usize {
        if !self.bit(offset) {
            self.tree(offset + LENGTH_LOW, 3, First::Highest)
        } else if !self.bit(offset + 1) {
            8 + self.tree(offset + LENGTH_MID, 3, First::Highest)
        } else {
            16 + self.tree(offset + LENGTH_HIGH, 8, First::Highest)
        }
    }

    /// `differs` is 0x100 where a byte is expected to be unlike that at the last distance, up to where it is.
    fn literal(&mut self, mut differs: usize, last: usize) -> u8 {
        let offset = LITERAL * self.place;
        let mut like = usize::from(self.earlier(last));
        let mut symbol = 1;
        while symbol < 0x100 {
            like <<= 1;
            let wanted = like & differs;
            let one = self.bit(offset + differs + wanted + symbol);
            symbol = symbol << 1 | usize::from(one);
            differs &= if one { wanted } else { !wanted };
        }
        symbol as u8
    }

    fn distance(&mut self, matched: usize) -> usize {
        let slot = self.tree(SLOTS + 64 * matched.min(3), 6, First::Highest);
        if slot < 4 {
            return slot;
        }
        let bits = (slot >> 1) as u32 - 1;
        let base = (2 | slot & 1) << bits;
        if slot < 14 {
            return base + self.tree(SPECIAL + base - slot, bits, First::Lowest);
        }
        let mut direct = 0;
        for _ in 4..bits {
            direct = direct << 1 | usize::from(self.decide.decide(EVEN));
        }
        base + (direct << 4) + self.tree(ALIGN, 4, First::Lowest)
    }
}

/// Takes one of the last distances out, and makes room in front.
fn take_out(reps: &mut [usize; 4], which: usize) -> usize {
    let mut kept = 0;
    for rep in reps.iter_mut().take(which + 1) {
        kept = std::mem::replace(rep, kept);
    }
    kept
}
