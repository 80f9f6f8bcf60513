//! Nonces that nobody has to remember: the time, and a proof that it was this server which said it to
//! this address (RFC 8489 section 9.2). An engine keeps nothing about a source before it has proven who
//! it is.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a nonce is good for. An allocation is refreshed more often, so only the idle see a 438.
const LIFE_SECS: u64 = 3_600;

/// Bytes of the time.
const TIME_BYTES: usize = 4;

/// Bytes of the time and of the proof: 64 bits, against which a guess costs a request each. The challenge of
/// the smallest request, 20 bytes of a stranger, just is not more than three times as large.
const BYTES: usize = TIME_BYTES + 8;

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

    /// A nonce for `source`: 16 letters and digits.
    pub(crate) fn issue(&self, source: SocketAddr, unix_secs: u64) -> String {
        self.at(source, seconds(unix_secs))
    }

    /// Whether `nonce` was issued to `source` within the last hour.
    pub(crate) fn accepts(&self, nonce: &str, source: SocketAddr, unix_secs: u64) -> bool {
        let mut bytes = [0; BYTES];
        if URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) != Ok(BYTES) {
            return false;
        }
        let [t0, t1, t2, t3, ..] = bytes;
        let issued = u32::from_be_bytes([t0, t1, t2, t3]);
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
        let proof = mac.finalize().into_bytes();
        let mut bytes = [0; BYTES];
        let said = issued.to_be_bytes().into_iter().chain(proof);
        bytes.iter_mut().zip(said).for_each(|(place, byte)| *place = byte);
        URL_SAFE_NO_PAD.encode(bytes)
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
        assert_eq!(nonce.len(), 16);
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
        let cut = nonce.get(..15).unwrap();
        for wrong in ["", "!zzzzzz000000000", "00000000000000é", "0".repeat(24).as_str(), upper.as_str(), cut]
        {
            let same = wrong == nonce;
            assert!(same || !nonces.accepts(wrong, alice, 0), "{wrong}");
        }
    }
}
