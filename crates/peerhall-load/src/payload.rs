//! What the load is made of: texts that carry the moment they were sent.
//!
//! A payload begins with [`MARK`] and 16 hexadecimal digits. Counting marks counts deliveries in any
//! protocol, however many of them a frame holds.

use memchr::memmem;

/// Begins every payload. No protocol and no id contains it.
pub(crate) const MARK: &str = "~T";

/// Length of mark and stamp together: the shortest payload.
pub(crate) const MIN_BYTES: usize = MARK.len() + 16;

/// Makes and finds payloads of one size.
#[derive(Debug)]
pub(crate) struct Payloads {
    filler: String,
    finder: memmem::Finder<'static>,
}

impl Payloads {
    /// Payloads of `bytes` bytes, filled with letters that `rng` chooses once.
    pub(crate) fn new(bytes: usize, rng: &mut fastrand::Rng) -> Self {
        let filler = (MIN_BYTES..bytes).map(|_| rng.lowercase()).collect();
        Self { filler, finder: memmem::Finder::new(MARK) }
    }

    /// A payload that was sent at `nanos`.
    pub(crate) fn make(&self, nanos: u64) -> String {
        format!("{MARK}{nanos:016x}{}", self.filler)
    }

    /// The moments of the payloads in a frame.
    pub(crate) fn find<'f>(&'f self, frame: &'f [u8]) -> impl Iterator<Item = u64> + 'f {
        self.finder.find_iter(frame).map(|at| {
            let digits = frame.get(at + MARK.len()..at + MIN_BYTES).and_then(|d| std::str::from_utf8(d).ok());
            digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_of_a_frame_is_found_with_its_moment() {
        let payloads = Payloads::new(200, &mut fastrand::Rng::with_seed(7));
        let frame =
            format!("MSG a 200\r\n{}\r\nMSG a 200\r\n{}\r\n", payloads.make(5), payloads.make(1 << 40));
        assert_eq!(payloads.find(frame.as_bytes()).collect::<Vec<_>>(), [5, 1 << 40]);
        assert_eq!(payloads.make(5).len(), 200);
        assert_eq!(payloads.find(b"{\"type\":\"ack\"}").count(), 0);
    }
}
