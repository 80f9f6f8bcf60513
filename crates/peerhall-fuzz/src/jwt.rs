//! Tokens and the other credentials, each in any bytes.
//!
//! Input: one byte that chooses what is tried, then
//!
//! - 0: a token as it stands.
//! - 1: header, newline, payload, to be signed with the real key.
//! - 2: positions and bytes to change in a token that is good.
//! - 3: an `Authorization` header.
//! - 4: a `resume` value.
//! - 5: a publishable key and, after a newline, an `Origin` header.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use peerhall_auth::action::Actions;
use peerhall_auth::key::{AppRecord, KeyId, KeyKind, KeyRecord};
use peerhall_auth::keyring::{Credential, Denied, Identity, Keyring, TokenPolicy};
use peerhall_auth::origin::AllowedOrigins;
use peerhall_auth::pattern::PatternSet;
use peerhall_auth::resume::ResumeKey;
use peerhall_proto::ids::AppId;
use serde_json::Value;
use sha2::Sha256;

use crate::bytes::Bytes;

/// The wall clock of all inputs, in Unix milliseconds.
const NOW_MS: i64 = 1_767_000_000_000;

const KEY_ID: &str = "sk_id_0123456789abcdef";
const PUBLISHABLE: &str = "pk_live_0123456789abcdef";
const SECRET: &str = "sk_secret_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static RING: LazyLock<Keyring> = LazyLock::new(|| {
    let mut publishable = record(KeyKind::Publishable, PUBLISHABLE);
    let origin = "https://app.example.com".parse().expect("an origin");
    publishable.allowed_origins = AllowedOrigins::new(vec![origin]);
    let mut secret = record(KeyKind::Secret, KEY_ID);
    secret.secret = Some(SECRET.parse().expect("a secret"));
    Keyring::new(vec![AppRecord::new(app())], vec![publishable, secret]).expect("a keyring")
});

fn record(kind: KeyKind, id: &str) -> KeyRecord {
    let patterns = PatternSet::for_key(vec!["room/**".parse().expect("a pattern")]).expect("one pattern");
    let mut key = KeyRecord::generate(kind, app(), patterns, 0).expect("randomness");
    key.id = id.parse().expect("an id");
    key.actions = Actions::ALL;
    key
}

/// The app of all keys here.
pub(crate) fn app() -> AppId {
    "app".parse().expect("an app id")
}

/// A keyring of one key.
pub(crate) fn ring_of(key: &KeyRecord) -> Keyring {
    Keyring::new(vec![AppRecord::new(app())], vec![key.clone()]).expect("a keyring")
}

/// Tries one input.
///
/// # Panics
///
/// When a credential opens something that it should not.
pub fn run(data: &[u8]) {
    let mut input = Bytes(data);
    let choice = input.byte() % 6;
    if choice == 2 {
        return try_changed(input.0);
    }
    let Ok(text) = str::from_utf8(input.0) else { return };
    match choice {
        0 => {
            if let Ok(identity) = authenticate(Credential::Token(text)) {
                check(text, &identity);
            }
        }
        1 => try_signed(text),
        3 => try_rest(text),
        4 => try_resume(text),
        _ => try_key(text),
    }
}

fn authenticate(credential: Credential<'_>) -> Result<Identity, Denied> {
    RING.authenticate(credential, None, NOW_MS, &TokenPolicy::default())
}

fn sign(input: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Header and payload of any text under a good signature.
fn try_signed(text: &str) {
    let (header, payload) =
        text.split_once('\n').unwrap_or((r#"{"alg":"HS256","kid":"sk_id_0123456789abcdef"}"#, text));
    let token = sign(&format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)));
    if let Ok(identity) = authenticate(Credential::Token(&token)) {
        check(&token, &identity);
    }
}

/// What every admitted token must be, read with other means than the server's.
fn check(token: &str, identity: &Identity) {
    let (signed, _) = token.rsplit_once('.').expect("a token has dots");
    assert_eq!(sign(signed), token, "the signature is not ours");
    let (header, payload) = signed.split_once('.').expect("a token has two dots");
    let header = json(header);
    assert_eq!(header["alg"], "HS256");
    assert_eq!(header["kid"], KEY_ID);
    assert!(header.get("crit").is_none() && header.get("b64").is_none(), "{header}");
    assert!(token.len() <= 24 * 1024);

    let ends = identity.expires_at_ms.expect("a token ends");
    assert!(ends > NOW_MS + 250 && ends <= (1 << 53) * 1_000, "{ends}");
    assert_eq!(identity.app.id, app());
    assert_eq!(identity.grants.key().id.as_str(), KEY_ID);
    assert!(!identity.grants.covers_name("elsewhere"), "wider than its key");
    let peer = identity.peer.as_ref().expect("a token names a peer");
    // A value with a lone surrogate or a huge number is none for this reader.
    if let Some(claims) = try_json(payload) {
        assert_eq!(claims["sub"], peer.as_str());
        let exp = claims["exp"].as_f64().expect("a number");
        assert_eq!((exp * 1_000.0).floor() as i64, ends);
        let not_before = claims["nbf"].as_f64().unwrap_or(0.0);
        assert!(not_before * 1_000.0 <= (NOW_MS + 60_001) as f64, "{not_before}");
        let list = |name: &str| claims[name].as_array().map_or(0, Vec::len);
        assert!(list("channels") <= 100 && list("permissions") <= 16);
    }
    let size = |raw: Option<&serde_json::value::RawValue>| raw.map_or(0, |raw| raw.get().len());
    assert!(size(identity.metadata.as_deref()) <= 8_192 && size(identity.peer_metadata.as_deref()) <= 4_096);
}

fn try_json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).ok()
}

fn json(part: &str) -> Value {
    try_json(part).expect("a header of an admitted token is JSON")
}

/// A good token in which something was changed.
fn try_changed(changes: &[u8]) {
    static GOOD: LazyLock<String> = LazyLock::new(|| {
        let header = r#"{"alg":"HS256","kid":"sk_id_0123456789abcdef","typ":"JWT"}"#;
        let payload = r#"{"sub":"alice","exp":1767003600,"channels":["room/1"]}"#;
        sign(&format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)))
    });
    let mut token = GOOD.clone().into_bytes();
    for change in changes.as_chunks::<3>().0 {
        let [how, at, byte] = *change;
        let at = usize::from(at) * token.len() / 256;
        match how % 4 {
            0 => token[at] = byte & 0x7f,
            1 => token[at] ^= 1 << (byte % 7),
            2 => token.insert(at, byte & 0x7f),
            _ if token.len() > 1 => drop(token.remove(at)),
            _ => {}
        }
    }
    let token = String::from_utf8(token).expect("ASCII");
    assert_eq!(authenticate(Credential::Token(&token)).is_ok(), token == *GOOD, "{token}");
}

fn try_rest(text: &str) {
    let Ok(key) = RING.authenticate_rest(Some(text)) else { return };
    assert_eq!(key.id.as_str(), KEY_ID);
    let (scheme, pair) = text.split_once(' ').expect("a scheme");
    assert!(scheme.eq_ignore_ascii_case("bearer") && pair.trim() == format!("{KEY_ID}:{SECRET}"), "{text}");
}

fn try_resume(text: &str) {
    let resume = ResumeKey::new([7; 32]);
    let key: KeyId = PUBLISHABLE.parse().expect("an id");
    if let Some(peer) = resume.verify(&app(), &key, text) {
        assert_eq!(resume.issue(&app(), &key, &peer), text);
    }
}

fn try_key(text: &str) {
    let (key, origin) = text.split_once('\n').unwrap_or((text, ""));
    let outcome = RING.authenticate(Credential::Key(key), Some(origin), NOW_MS, &TokenPolicy::default());
    match outcome {
        Ok(identity) => {
            assert_eq!(key, PUBLISHABLE);
            let origin = origin.to_ascii_lowercase();
            assert_eq!(origin.strip_suffix(":443").unwrap_or(&origin), "https://app.example.com");
            assert!(identity.peer.is_none() && identity.expires_at.is_none());
        }
        Err(Denied::OriginNotAllowed) => assert_eq!(key, PUBLISHABLE),
        Err(denied) => assert_eq!(denied, Denied::InvalidCredential),
    }
}
