//! G.711 with the μ-law: every browser has it, and it needs no encoder worth the name (ITU-T G.711).

/// Added before the logarithm is taken.
const BIAS: i32 = 0x84;

/// Largest amplitude.
const CLIP: i32 = 32_635;

/// One sample of 16 bits in 8.
pub(super) fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    // The highest set bit, of which there is one: the bias is larger than 7 bits.
    let exponent = (31 - magnitude.leading_zeros()).saturating_sub(7).min(7);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    let bits = sign | (exponent << 4) as i32 | mantissa;
    !(bits as u8)
}

/// The sample that 8 bits stand for.
#[cfg(test)]
pub(super) fn decode(bits: u8) -> i16 {
    let bits = i32::from(!bits);
    let magnitude = ((((bits & 0x0f) << 3) + BIAS) << ((bits >> 4) & 0x07)) - BIAS;
    let sample = if bits & 0x80 == 0 { magnitude } else { -magnitude };
    i16::try_from(sample).unwrap_or(i16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_the_extremes_are_those_of_the_recommendation() {
        assert_eq!((encode(0), encode(i16::MAX), encode(i16::MIN)), (0xff, 0x80, 0x00));
    }

    #[test]
    fn every_sample_comes_back_within_its_step() {
        for sample in i16::MIN..=i16::MAX {
            let error = (i32::from(decode(encode(sample))) - i32::from(sample)).abs();
            let clipped = (i32::from(sample).abs() - CLIP).max(0);
            assert!(error <= i32::from(sample).abs() / 16 + 8 + clipped, "{sample}: {error}");
        }
    }
}
