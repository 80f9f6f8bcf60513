//! Tokens written by hand, so that they can break any rule of the authentication document.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// This machine's clock, in seconds since 1970.
#[must_use]
pub fn unix_secs() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs_f64()
}

/// Claims of a token for one hour: `claims` plus `exp`, and `sub` "alice", as far as they are not given.
#[must_use]
pub fn with_defaults(claims: &Value) -> Value {
    let mut all = json!({ "sub": "alice", "exp": (unix_secs() as u64) + 3_600 });
    for (name, value) in claims.as_object().expect("claims are an object") {
        all[name] = value.clone();
    }
    all
}

/// The usual header for the key `kid`.
#[must_use]
pub fn header(kid: &str) -> Value {
    json!({ "alg": "HS256", "typ": "JWT", "kid": kid })
}

/// A token of exactly this header and payload, signed with HS256 by the bytes of `secret`.
#[must_use]
pub fn sign(header: &Value, payload: &Value, secret: &str) -> String {
    sign_text(&header.to_string(), &payload.to_string(), secret)
}

/// The same for header and payload that are not made by a JSON library.
#[must_use]
pub fn sign_text(header: &str, payload: &str, secret: &str) -> String {
    let input = signing_input(header, payload);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// What a signature is made over.
#[must_use]
pub fn signing_input(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// The payload of a token, unverified.
#[must_use]
pub fn payload(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token.
#[must_use]
pub fn header_of(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a token of three parts");
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Every byte as `%XX`, as no client would write it and every server must read it.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
