//! The two message authentication codes, each for one purpose: HS256 signs tokens, HMAC-SHA1 makes TURN
//! passwords. No algorithm is chosen by input, so none can be confused.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Length of an HS256 signature in bytes.
pub(crate) const SIGNATURE_BYTES: usize = 32;

/// Signs `input` under the UTF-8 bytes of `key`.
pub(crate) fn hs256(key: &str, input: &str) -> [u8; SIGNATURE_BYTES] {
    hmac_sha256(key.as_bytes(), input.as_bytes())
}

/// Whether `signature` is that of `input`, in a time that does not depend on where they differ.
pub(crate) fn hs256_verifies(key: &str, input: &str, signature: &[u8]) -> bool {
    hmac_sha256_verifies(key.as_bytes(), input.as_bytes(), signature)
}

/// HMAC-SHA256 of `input` under a key of bytes, for proofs that the server gives to itself.
pub(crate) fn hs256_bytes(key: &[u8; 32], input: &str) -> [u8; SIGNATURE_BYTES] {
    hmac_sha256(key, input.as_bytes())
}

/// Whether `proof` is that of `input`, in a time that does not depend on where they differ.
pub(crate) fn hs256_bytes_verify(key: &[u8; 32], input: &str, proof: &[u8]) -> bool {
    hmac_sha256_verifies(key, input.as_bytes(), proof)
}

/// HMAC-SHA1 of `input` under the UTF-8 bytes of `key`.
pub(crate) fn hmac_sha1(key: &str, input: &str) -> [u8; 20] {
    hmac_sha1_bytes(key.as_bytes(), input.as_bytes())
}

fn hmac_sha1_bytes(key: &[u8], input: &[u8]) -> [u8; 20] {
    keyed::<Hmac<Sha1>>(key).chain_update(input).finalize().into_bytes().into()
}

fn hmac_sha256(key: &[u8], input: &[u8]) -> [u8; SIGNATURE_BYTES] {
    keyed::<Hmac<Sha256>>(key).chain_update(input).finalize().into_bytes().into()
}

fn hmac_sha256_verifies(key: &[u8], input: &[u8], code: &[u8]) -> bool {
    keyed::<Hmac<Sha256>>(key).chain_update(input).verify_slice(code).is_ok()
}

#[expect(clippy::expect_used, reason = "the error type is that of ciphers, which want one key length")]
fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests;
