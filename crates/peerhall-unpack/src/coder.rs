//! Range coding (G. N. N. Martin, 1979): decisions as bytes, of which those that were expected take little.

use crate::decisions::Decide;

/// Numbers that the decisions up to here leave, both ends included.
#[derive(Debug)]
struct Range {
    low: u32,
    high: u32,
}

impl Range {
    const ALL: Self = Self { low: 0, high: u32::MAX };

    /// The highest number that belongs to the next decision's being 1. Never all do, because what is expected comes no
    /// nearer to 1 than 0.999998: steps beyond are too small for single precision.
    fn middle(&self, odds: f32) -> u32 {
        self.low + (f64::from(self.high - self.low) * f64::from(odds)) as u32
    }

    fn narrow(&mut self, middle: u32, one: bool) {
        if one {
            self.high = middle;
        } else {
            self.low = middle.wrapping_add(1);
        }
    }

    /// Takes away the first byte when it is settled.
    fn settled(&mut self) -> Option<u8> {
        let byte = self.low >> 24;
        if byte != self.high >> 24 {
            return None;
        }
        self.low <<= 8;
        self.high = self.high << 8 | 0xff;
        Some(byte as u8)
    }
}

/// Reads decisions from a text of printable ASCII without `"`, `<` and `\`: 36 of its characters are for six bits, 56
/// for seven. Behind the end are zeros.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: std::slice::Iter<'a, u8>,
    /// Bits that were read and not used, and how many there are.
    held: u32,
    count: u32,
    range: Range,
    code: u32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let mut reader = Self { text: text.iter(), held: 0, count: 0, range: Range::ALL, code: 0 };
        for _ in 0..4 {
            reader.read();
        }
        reader
    }

    fn read(&mut self) {
        while self.count < 8 {
            let unit = u32::from(self.text.next().copied().unwrap_or(b' '));
            let rank =
                unit.wrapping_sub(32 + u32::from(unit > 34) + u32::from(unit > 60) + u32::from(unit > 92));
            let (bits, value) = if rank > 35 { (7, rank.wrapping_add(36)) } else { (6, rank) };
            self.held = self.held << bits | value;
            self.count += bits;
        }
        self.count -= 8;
        self.code = self.code << 8 | self.held >> self.count & 0xff;
    }
}

impl Decide for Reader<'_> {
    fn decide(&mut self, odds: f32) -> bool {
        let middle = self.range.middle(odds);
        let one = self.code <= middle;
        self.range.narrow(middle, one);
        while self.range.settled().is_some() {
            self.read();
        }
        one
    }
}

/// Writes decisions that are known, and repeats them.
#[cfg(any(feature = "pack", test))]
pub(crate) struct Writer<'a, W> {
    decisions: std::slice::Iter<'a, u8>,
    range: Range,
    write: W,
}

#[cfg(any(feature = "pack", test))]
impl<'a, W: FnMut(u8)> Writer<'a, W> {
    /// `write` takes the bytes; `decisions` are 0 or 1.
    pub(crate) fn new(decisions: &'a [u8], write: W) -> Self {
        Self { decisions: decisions.iter(), range: Range::ALL, write }
    }

    /// Zeros are read behind the end, and are not below the range when this byte stands before them.
    pub(crate) fn end(mut self) {
        (self.write)((self.range.low >> 24) as u8 + 1);
    }
}

#[cfg(any(feature = "pack", test))]
impl<W: FnMut(u8)> Decide for Writer<'_, W> {
    fn decide(&mut self, odds: f32) -> bool {
        let one = self.decisions.next() == Some(&1);
        let middle = self.range.middle(odds);
        self.range.narrow(middle, one);
        while let Some(byte) = self.range.settled() {
            (self.write)(byte);
        }
        one
    }
}
