//! A tone that every receiver understands and no encoder is needed for.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::track::{Codec, Sample};

/// Samples in a second, fixed by G.711.
const RATE: u32 = 8_000;

/// Samples of one frame of 20 ms.
const FRAME: u32 = RATE / 50;

/// Half of full scale, which is loud enough and leaves room for mixing.
const AMPLITUDE: f64 = 16_000.0;

/// A sine tone in G.711 μ-law, in frames of 20 ms without end. The caller keeps the pace.
#[derive(Debug, Clone)]
pub struct Tone {
    frequency: f64,
    frame: u32,
}

impl Tone {
    /// A tone of this many hertz; what is above 4,000 cannot be told from something lower.
    #[must_use]
    pub fn new(frequency: f64) -> Self {
        Self { frequency, frame: 0 }
    }
}

impl Iterator for Tone {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let start = u64::from(self.frame) * u64::from(FRAME);
        let payload: Vec<u8> = (start..start + u64::from(FRAME))
            .map(|at| {
                let phase = (at as f64 * self.frequency / f64::from(RATE)).fract();
                mu_law(((phase * TAU).sin() * AMPLITUDE) as i16)
            })
            .collect();
        let time = Duration::from_millis(20) * self.frame;
        self.frame = self.frame.wrapping_add(1);
        Some(Sample { keyframe: true, ..Sample::new(Codec::Pcmu, time, payload) })
    }
}

/// One sample in μ-law (ITU-T G.711): sign, a segment that doubles with each step, and four bits of
/// its place in the segment, all inverted.
fn mu_law(sample: i16) -> u8 {
    const BIAS: u16 = 0x84;
    const CLIP: u16 = 0x7f7b;
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.unsigned_abs().min(CLIP) + BIAS;
    // The bias puts the highest bit at 7 to 14.
    let segment = (15 - magnitude.leading_zeros()).saturating_sub(7);
    let place = (magnitude >> (segment + 3)) & 0x0f;
    !(sign | (segment as u8) << 4 | place as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a receiver makes of it, by the same standard.
    fn linear(code: u8) -> i32 {
        let code = !code;
        let segment = i32::from(code >> 4 & 7);
        let magnitude = (((i32::from(code & 0x0f) << 3) + 0x84) << segment) - 0x84;
        if code & 0x80 == 0 { magnitude } else { -magnitude }
    }

    #[test]
    fn every_sample_comes_back_within_the_step_of_its_segment() {
        for sample in (i16::MIN..=i16::MAX).step_by(7) {
            let back = linear(mu_law(sample));
            let wanted = i32::from(sample).clamp(-32_635, 32_635);
            let step = 8 + wanted.abs() / 16;
            assert!((back - wanted).abs() <= step, "{sample} came back as {back}");
        }
        assert_eq!((mu_law(0), mu_law(i16::MAX), mu_law(i16::MIN)), (0xff, 0x80, 0x00));
    }

    #[test]
    fn a_tone_has_its_pitch_and_no_gap_between_frames() {
        let frames: Vec<Sample> = Tone::new(400.0).take(50).collect();
        assert_eq!(frames.last().map(|frame| frame.time), Some(Duration::from_millis(980)));
        let heard: Vec<i32> =
            frames.iter().flat_map(|frame| frame.payload.iter().map(|code| linear(*code))).collect();
        assert_eq!(heard.len(), 8_000);
        let rises = heard.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert!((399..=400).contains(&rises), "{rises} periods in a second");
        let jump = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
        assert!(jump < Some(6_500), "a click of {jump:?}");
    }
}
