//! Lengths of time as people write them: `500ms`, `10s`, `5m`, `1h`, `7d`.

use std::time::Duration;

/// Units and their length in milliseconds. `ms` stands before `m` and `s`, which are its letters.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// A text is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a length of time is a whole number with a unit: 500ms, 10s, 5m, 1h or 7d")]
pub struct DurationError;

/// Reads a whole number followed by `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
///
/// [`DurationError`] when the number or the unit is missing or unknown, or when the length does not
/// fit into 64 bits of milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let (digits, unit) = UNITS
        .iter()
        .find_map(|(suffix, millis)| Some((text.strip_suffix(suffix)?, *millis)))
        .ok_or(DurationError)?;
    // `u64::from_str` would take a leading plus sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DurationError);
    }
    let count: u64 = digits.parse().map_err(|_| DurationError)?;
    count.checked_mul(unit).map(Duration::from_millis).ok_or(DurationError)
}

/// Writes a length of time in the largest unit that leaves a whole number, so that
/// [`parse_duration`] reads it back. Parts below a millisecond are dropped.
#[must_use]
pub fn format_duration(length: Duration) -> String {
    let millis = length.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let (suffix, unit) = UNITS
        .iter()
        .rev()
        .find(|(_, unit)| millis.is_multiple_of(u128::from(*unit)))
        .copied()
        .unwrap_or(("ms", 1));
    format!("{}{suffix}", millis / u128::from(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_a_length_of_time() {
        let cases = [("0ms", 0), ("20ms", 20), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000)];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(604_800)));
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        let cases = ["", "10", "s", "ms", "-1s", "+1s", "1.5h", "1 h", "1H", "1w", "1h30m", "９s", "1us"];
        for text in cases {
            assert_eq!(parse_duration(text), Err(DurationError), "{text}");
        }
        assert_eq!(parse_duration("18446744073709551615d"), Err(DurationError), "too long for 64 bits");
        assert_eq!(parse_duration("18446744073709551616ms"), Err(DurationError), "too many digits");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for millis in [0, 1, 20, 999, 1_000, 1_500, 60_000, 90_000, 86_400_000, 90_000_000, 604_800_000] {
            let length = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(length)), Ok(length));
        }
        assert_eq!(format_duration(Duration::from_secs(90)), "90s");
        assert_eq!(format_duration(Duration::from_secs(86_400)), "1d");
    }
}
