//! A backend that signs what it is told to, good or bad.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::*;
use crate::pattern::PatternSet;

/// The moment of every test, in Unix seconds and milliseconds.
pub(in crate::keyring) const NOW: u64 = 1_767_000_000;
pub(in crate::keyring) const NOW_MS: i64 = 1_767_000_000_000;

pub(in crate::keyring) const APP: &str = "app_abc";

fn key(kind: KeyKind) -> KeyRecord {
    let patterns = PatternSet::for_key(vec!["**".parse().unwrap()]).unwrap();
    KeyRecord::generate(kind, APP.parse().unwrap(), patterns, NOW).unwrap()
}

pub(in crate::keyring) fn publishable() -> KeyRecord {
    key(KeyKind::Publishable)
}

pub(in crate::keyring) fn secret_key() -> KeyRecord {
    key(KeyKind::Secret)
}

pub(in crate::keyring) fn ring(keys: &[&KeyRecord]) -> Keyring {
    let app = AppRecord::new(APP.parse().unwrap());
    Keyring::new(vec![app], keys.iter().copied().cloned().collect()).unwrap()
}

pub(super) fn admit(ring: &Keyring, token: &str) -> Result<Identity, Denied> {
    ring.authenticate(Credential::Token(token), None, NOW_MS, &TokenPolicy::default())
}

pub(super) fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// The header that a well-behaved backend writes.
pub(super) fn header(key: &KeyRecord) -> String {
    format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, key.id.as_str())
}

/// Any header and payload, signed with any secret.
pub(super) fn forge(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>, secret: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    format!("{signed}.{}", encode(hs256(secret, &signed)))
}

/// Any payload under the right header and signature.
pub(in crate::keyring) fn signed(key: &KeyRecord, payload: &str) -> String {
    forge(header(key), payload, key.secret.as_ref().unwrap().expose())
}

/// A token with a minute to live and these claims, written like members of an object.
pub(in crate::keyring) fn with_claims(key: &KeyRecord, claims: &str) -> String {
    signed(key, &format!(r#"{{"exp":{},{claims}}}"#, NOW + 60))
}
