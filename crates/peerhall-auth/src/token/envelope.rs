//! A token before its signature is checked (authentication, sections 4.1 and 6, steps 5 and 6).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use peerhall_proto::frame::decode::nests_within;
use peerhall_proto::limits::MAX_TOKEN_BYTES;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::Malformed;
use crate::json::MAX_DEPTH;
use crate::mac::hs256_verifies;

/// The only algorithm there is.
pub(super) const ALGORITHM: &str = "HS256";

/// The parts of a token whose header has been read and whose payload has not been looked at.
pub(crate) struct Envelope<'a> {
    key_id: String,
    /// Header and payload as they were signed, the dot between them included.
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Envelope<'a> {
    /// Takes a token apart and reads its header.
    pub(crate) fn open(token: &'a str) -> Result<Self, Malformed> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Malformed)?;
        if payload.contains('.') {
            return Err(Malformed);
        }
        let header = decode_json(header)?;
        let header: Header<'_> = serde_json::from_str(&header).map_err(|_| Malformed)?;
        if header.alg != ALGORITHM || header.crit || header.b64 {
            return Err(Malformed);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Malformed)?;
        Ok(Self { key_id: header.kid.into_owned(), signed, payload, signature })
    }

    /// Id of the key that is said to have signed, unchecked.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether the signature was made with `secret`, in constant time.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        hs256_verifies(secret, self.signed, &self.signature)
    }

    /// The payload as JSON text that begins like an object. Only for a token whose signature is good.
    pub(crate) fn payload(&self) -> Result<String, Malformed> {
        decode_json(self.payload)
    }
}

/// Decodes one part: strict base64url of JSON text that begins like an object and is not too deep.
fn decode_json(part: &str) -> Result<String, Malformed> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed)?;
    let json = String::from_utf8(bytes).map_err(|_| Malformed)?;
    // The derived readers would take an array as well.
    let is_object = json.trim_ascii_start().starts_with('{');
    if is_object && nests_within(&json, MAX_DEPTH) { Ok(json) } else { Err(Malformed) }
}

/// The members that decide something; a double of one of them is an error of the derived reader.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Cow<'a, str>,
    #[serde(default, rename = "typ", deserialize_with = "present")]
    _typ: bool,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

/// Reads any value, `null` included, as "the member is there".
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
