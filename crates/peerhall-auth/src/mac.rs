//! The two message authentication codes, each for one purpose: HS256 signs tokens, HMAC-SHA1 makes TURN
//! passwords. No algorithm is chosen by input, so none can be confused.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Length of an HS256 signature in bytes.
pub(crate) const SIGNATURE_BYTES: usize = 32;

/// Signs `input` under the UTF-8 bytes of `key`.
pub(crate) fn hs256(key: &str, input: &str) -> [u8; SIGNATURE_BYTES] {
    keyed::<Hmac<Sha256>>(key).chain_update(input).finalize().into_bytes().into()
}

/// Whether `signature` is that of `input`, in a time that does not depend on where they differ.
pub(crate) fn hs256_verifies(key: &str, input: &str, signature: &[u8]) -> bool {
    keyed::<Hmac<Sha256>>(key).chain_update(input).verify_slice(signature).is_ok()
}

/// HMAC-SHA256 of `input` under a key of bytes, for proofs that the server gives to itself.
pub(crate) fn hs256_bytes(key: &[u8; 32], input: &str) -> [u8; SIGNATURE_BYTES] {
    keyed_bytes::<Hmac<Sha256>>(key).chain_update(input).finalize().into_bytes().into()
}

/// Whether `proof` is that of `input`, in a time that does not depend on where they differ.
pub(crate) fn hs256_bytes_verify(key: &[u8; 32], input: &str, proof: &[u8]) -> bool {
    keyed_bytes::<Hmac<Sha256>>(key).chain_update(input).verify_slice(proof).is_ok()
}

/// HMAC-SHA1 of `input` under the UTF-8 bytes of `key`.
pub(crate) fn hmac_sha1(key: &str, input: &str) -> [u8; 20] {
    keyed::<Hmac<Sha1>>(key).chain_update(input).finalize().into_bytes().into()
}

fn keyed<M: KeyInit>(key: &str) -> M {
    keyed_bytes(key.as_bytes())
}

#[expect(clippy::expect_used, reason = "the error type is that of ciphers, which want one key length")]
fn keyed_bytes<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn hs256_gives_the_vector_of_rfc_4231() {
        // Test case 2.
        let signature = hs256("Jefe", "what do ya want for nothing?");
        assert_eq!(hex(&signature), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(hs256_verifies("Jefe", "what do ya want for nothing?", &signature));
        assert!(!hs256_verifies("Jefe", "what do ya want for nothing!", &signature));
        assert!(!hs256_verifies("jefe", "what do ya want for nothing?", &signature));
        assert!(!hs256_verifies("Jefe", "what do ya want for nothing?", &signature[..31]));
        assert!(!hs256_verifies("Jefe", "what do ya want for nothing?", b""));
    }

    #[test]
    fn hmac_sha1_gives_the_vector_of_rfc_2202() {
        // Test case 2.
        let code = hmac_sha1("Jefe", "what do ya want for nothing?");
        assert_eq!(hex(&code), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }
}
