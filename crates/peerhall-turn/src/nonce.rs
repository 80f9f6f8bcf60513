//! Nonces that nobody has to remember: the time, and a proof that it was this server which said it to
//! this address (RFC 8489 section 9.2). An engine keeps nothing about a source before it has proven who
//! it is.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a nonce is good for. An allocation is refreshed more often, so only the idle see a 438.
const LIFE_SECS: u64 = 3_600;

/// Digits of the time and of the proof: 64 bits, against which a guess costs a request each.
const TIME_DIGITS: usize = 8;
const PROOF_DIGITS: usize = 16;

/// Makes and checks nonces. All threads of a server share the key, since a client may change threads
/// with its port.
#[derive(Clone)]
pub(crate) struct Nonces {
    keyed: Hmac<Sha256>,
}

impl Nonces {
    #[expect(clippy::expect_used, reason = "the error type is that of ciphers, which want one key length")]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { keyed: Hmac::new_from_slice(key).expect("HMAC takes keys of any length") }
    }

    /// A nonce for `source`: 24 hex digits.
    pub(crate) fn issue(&self, source: SocketAddr, unix_secs: u64) -> String {
        self.at(source, seconds(unix_secs))
    }

    /// Whether `nonce` was issued to `source` within the last hour.
    pub(crate) fn accepts(&self, nonce: &str, source: SocketAddr, unix_secs: u64) -> bool {
        if nonce.len() != TIME_DIGITS + PROOF_DIGITS {
            return false;
        }
        let Some(issued) = nonce.get(..TIME_DIGITS).and_then(|digits| u32::from_str_radix(digits, 16).ok())
        else {
            return false;
        };
        let age = u64::from(seconds(unix_secs).wrapping_sub(issued));
        // What differs tells nothing: a proof is of this very nonce, and there is no second try for it.
        age < LIFE_SECS && self.at(source, issued) == nonce
    }

    fn at(&self, source: SocketAddr, issued: u32) -> String {
        let mut mac = self.keyed.clone();
        mac.update(&issued.to_be_bytes());
        match source.ip() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&source.port().to_be_bytes());
        let mut nonce = String::with_capacity(TIME_DIGITS + PROOF_DIGITS);
        // Writing to a String cannot fail.
        let _ = write!(nonce, "{issued:08x}");
        for byte in mac.finalize().into_bytes().iter().take(PROOF_DIGITS / 2) {
            let _ = write!(nonce, "{byte:02x}");
        }
        nonce
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(<redacted>)")
    }
}

/// Unix time as it is written in a nonce; it wraps in 2106, and differences go on being right.
fn seconds(unix_secs: u64) -> u32 {
    u32::try_from(unix_secs & u64::from(u32::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_nonce_is_good_for_an_hour_and_for_one_address() {
        let nonces = Nonces::new(&[7; 32]);
        let alice = address("192.0.2.1:4000");
        let nonce = nonces.issue(alice, 1_000_000);
        assert_eq!(nonce.len(), 24);
        assert!(nonces.accepts(&nonce, alice, 1_000_000));
        assert!(nonces.accepts(&nonce, alice, 1_003_599));
        assert!(!nonces.accepts(&nonce, alice, 1_003_600), "an hour later");
        assert!(!nonces.accepts(&nonce, alice, 999_999), "before it was issued");
        for other in ["192.0.2.1:4001", "192.0.2.2:4000", "[2001:db8::1]:4000"] {
            assert!(!nonces.accepts(&nonce, address(other), 1_000_000), "{other}");
        }
        assert!(!Nonces::new(&[8; 32]).accepts(&nonce, alice, 1_000_000), "another server's");
    }

    #[test]
    fn what_is_no_nonce_is_stale() {
        let nonces = Nonces::new(&[7; 32]);
        let alice = address("192.0.2.1:4000");
        let nonce = nonces.issue(alice, 0);
        let upper = nonce.to_uppercase();
        let cut = nonce.get(..23).unwrap();
        for wrong in ["", "zzzzzzzz0000000000000000", "0000000000000000000000é", upper.as_str(), cut] {
            let same = wrong == nonce;
            assert!(same || !nonces.accepts(wrong, alice, 0), "{wrong}");
        }
    }
}
