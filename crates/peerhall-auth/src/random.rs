//! Random text for identifiers and secrets.

use std::fmt::Write;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness(#[from] getrandom::Error);

/// `prefix`, then `BYTES` random bytes as lower-case hex digits.
pub(crate) fn hex_after<const BYTES: usize>(prefix: &str) -> Result<String, NoRandomness> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random)?;
    let mut text = String::with_capacity(prefix.len() + 2 * BYTES);
    text.push_str(prefix);
    for byte in random {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
