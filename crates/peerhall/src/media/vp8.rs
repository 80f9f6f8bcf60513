//! Key frames of VP8 whose macroblocks are one grey each (RFC 6386): all that a test picture needs, and so
//! little that no encoder has to be linked for it.
//!
//! A macroblock of one grey is its prediction, the mean of its neighbours, and one coefficient: the first of
//! the block that holds the averages of the others (section 13). The step of that coefficient is set so that
//! it counts greys.

mod coder;
mod probabilities;

use coder::Coder;
use probabilities::{Plane, write_updates};

/// Pixels on each side of a macroblock.
pub(super) const MACROBLOCK: usize = 16;

/// Most macroblocks on a side: a size has 14 bits (section 9.1).
const MAX_SIDE: usize = 0x3fff / MACROBLOCK;

/// Quantizer index at which one step of that coefficient is one grey: the table of section 14.1 has 32
/// there, the coefficient's own step is twice that, and 64 is what the two inverse transforms divide by.
const QUANTIZER: u32 = 35;

/// What a macroblock without neighbours is predicted as (section 12.2).
const NO_NEIGHBOUR: u8 = 128;

/// Probability, of 256, that a macroblock has a coefficient: most are as predicted.
const HAS_COEFFICIENT: u8 = 32;

/// A picture of grey macroblocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    columns: usize,
    greys: Vec<u8>,
}

impl Picture {
    /// A picture of so many macroblocks, at least one and at most 1,023 on each side, all of one grey.
    pub(super) fn new(columns: usize, rows: usize, grey: u8) -> Self {
        let columns = columns.clamp(1, MAX_SIDE);
        Self { columns, greys: vec![grey; columns * rows.clamp(1, MAX_SIDE)] }
    }

    /// Gives a macroblock a grey; one outside of the picture is left out.
    pub(super) fn set(&mut self, column: usize, row: usize, grey: u8) {
        if column < self.columns
            && let Some(place) = self.greys.get_mut(row * self.columns + column)
        {
            *place = grey;
        }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn rows(&self) -> usize {
        self.greys.len() / self.columns
    }

    /// The picture as a key frame.
    pub(super) fn key_frame(&self) -> Vec<u8> {
        let (modes, coefficients) = self.partitions();
        let mut frame = head(modes.len(), self.columns * MACROBLOCK, self.rows() * MACROBLOCK);
        frame.extend(modes);
        frame.extend(coefficients);
        frame
    }

    /// The frame's two parts: header and modes, and coefficients.
    fn partitions(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut modes, mut coefficients) = (Coder::default(), Coder::default());
        write_header(&mut modes);
        // Whether the macroblocks of the row above, and the one to the left, have a coefficient.
        let mut above = vec![false; self.columns];
        for (row, greys) in self.greys.chunks(self.columns).enumerate() {
            let mut left: Option<(u8, bool)> = None;
            for ((column, grey), above_has) in greys.iter().enumerate().zip(&mut above) {
                let above_grey =
                    row.checked_sub(1).and_then(|row| self.greys.get(row * self.columns + column));
                let predicted = predicted(left.map(|(grey, _)| grey), above_grey.copied());
                let step = i32::from(*grey) - i32::from(predicted);
                write_modes(&mut modes, step != 0);
                if step != 0 {
                    let neighbours = usize::from(*above_has) + usize::from(left.is_some_and(|(_, has)| has));
                    write_macroblock(&mut coefficients, step, neighbours);
                }
                *above_has = step != 0;
                left = Some((*grey, step != 0));
            }
        }
        (modes.finish(), coefficients.finish())
    }
}

/// The mean of the neighbours that are there (section 12.2), of which each is one grey.
fn predicted(left: Option<u8>, above: Option<u8>) -> u8 {
    match (left, above) {
        // Rounded up.
        (Some(left), Some(above)) => u8::midpoint(left, above) + ((left ^ above) & 1),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => NO_NEIGHBOUR,
    }
}

/// The bytes before the first part (section 9.1).
fn head(first_part: usize, width: usize, height: usize) -> Vec<u8> {
    // A key frame, version 0, shown.
    let tag = (first_part << 5) | (1 << 4);
    let mut head: Vec<u8> = tag.to_le_bytes().into_iter().take(3).collect();
    head.extend([0x9d, 0x01, 0x2a]);
    for side in [width, height] {
        head.extend(side.to_le_bytes().into_iter().take(2));
    }
    head
}

/// Section 9.2 to 9.11: no segments, no loop filter, one part with coefficients, one quantizer.
fn write_header(coder: &mut Coder) {
    // Colour space and clamping, segments, the filter's kind, level (6), sharpness (3) and adjustments, and
    // the number of parts (2) are all 0.
    coder.literal(0, 1 + 1 + 1 + 1 + 6 + 3 + 1 + 2);
    coder.literal(QUANTIZER, 7);
    // None of the five other steps differs from it, ...
    coder.literal(0, 5);
    // ... and the probabilities that follow are kept.
    coder.literal(1, 1);
    write_updates(coder);
    // Macroblocks without coefficients say so.
    coder.literal(1, 1);
    coder.literal(u32::from(HAS_COEFFICIENT), 8);
}

/// Section 11.2: whether a macroblock has coefficients, and that everything is predicted by its mean.
fn write_modes(coder: &mut Coder, has_coefficients: bool) {
    coder.bool(!has_coefficients, HAS_COEFFICIENT);
    // DC_PRED in the trees of key frames, for luma and for chroma.
    for (bit, probability) in [(true, 145), (false, 156), (false, 163), (false, 142)] {
        coder.bool(bit, probability);
    }
}

/// Section 13: the one coefficient, and that there is no other in the 25 blocks.
fn write_macroblock(coder: &mut Coder, step: i32, neighbours: usize) {
    let magnitude = step.unsigned_abs();
    coder.token(magnitude, &Plane::Averages.first(neighbours));
    coder.bool(step < 0, 128);
    // What follows is told by whether the coefficient before was one, or more.
    coder.end_of_block(Plane::Averages.second(magnitude));
    for _ in 0..16 {
        coder.end_of_block(Plane::Luma.end());
    }
    for _ in 0..8 {
        coder.end_of_block(Plane::Chroma.end());
    }
}

#[cfg(test)]
mod tests;
