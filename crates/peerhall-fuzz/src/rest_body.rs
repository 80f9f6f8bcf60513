//! A REST call by somebody with a good key: method, path and body of any text.
//!
//! Input: one byte that chooses the method, the path up to a newline, the body.

use std::sync::LazyLock;

use peerhall_auth::action::Actions;
use peerhall_auth::key::{KeyKind, KeyRecord};
use peerhall_auth::keyring::{Credential, Denied, Keyring, TokenPolicy};
use peerhall_auth::pattern::PatternSet;
use peerhall_server::fuzzing::{RestCall, rest_call};
use serde_json::value::RawValue;

use crate::bytes::Bytes;
use crate::jwt::{app, ring_of};

const METHODS: [&[u8]; 8] = [b"GET", b"POST", b"DELETE", b"PUT", b"HEAD", b"OPTIONS", b"get", b"PATCH"];

/// May publish in `room/*`, see who is in it and mint tokens.
static KEY: LazyLock<KeyRecord> = LazyLock::new(|| {
    let patterns = vec!["room/*".parse().expect("a pattern")];
    let patterns = PatternSet::for_key(patterns).expect("one pattern");
    let mut key = KeyRecord::generate(KeyKind::Secret, app(), patterns, 0).expect("randomness");
    key.actions = Actions::ALL;
    key
});

static RING: LazyLock<Keyring> = LazyLock::new(|| ring_of(&KEY));

/// Tries one input.
///
/// # Panics
///
/// When a call does more than its key may, changes `data`, or answers with a server error.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some(first) = text.chars().next() else { return };
    let mut input = Bytes(&text.as_bytes()[first.len_utf8()..]);
    let part = |bytes| str::from_utf8(bytes).expect("a text cut at newlines");
    let method = METHODS[u32::from(first) as usize % METHODS.len()];
    let path = part(input.until(b'\n'));
    let body = part(input.0);
    match rest_call(&KEY, method, path, body) {
        RestCall::Elsewhere | RestCall::Usage => {}
        RestCall::Refused(status, message) => {
            assert!(matches!(status, 400 | 403), "{status} {message}");
            assert!(message.len() <= 300 && !message.is_empty(), "{message}");
        }
        RestCall::Token(token) => check_token(&token),
        RestCall::Peers(channel) => assert!(is_in_reach(channel.as_str()), "{channel}"),
        RestCall::Publish { channel, from, data } => {
            assert!(is_in_reach(channel.as_str()), "{channel}");
            assert!(body.contains(&data), "`data` byte for byte: {data}");
            assert!(serde_json::from_str::<Box<RawValue>>(&data).is_ok());
            assert!(from.as_str().bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        }
        RestCall::Kick(peer) => assert!((1..=128).contains(&peer.as_str().len())),
    }
}

fn is_in_reach(channel: &str) -> bool {
    channel.strip_prefix("room/").is_some_and(|rest| !rest.contains('/'))
}

/// What the server mints it must take, and the token must not reach further than its key.
fn check_token(token: &str) {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
    let now = i64::try_from(now).expect("a clock before the year 292 million");
    let identity = RING.authenticate(Credential::Token(token), None, now, &TokenPolicy::default());
    match identity {
        Ok(identity) => {
            let lives_ms = identity.expires_at_ms.expect("a token ends") - now;
            assert!(lives_ms <= 86_400_000, "a token for {lives_ms} ms");
            for channel in ["other", "room", "room/a/b", "_system/a"] {
                assert!(!identity.grants.covers_name(channel), "a token for {channel}");
            }
        }
        // A token for one second may have ended already.
        Err(denied) => assert_eq!(denied, Denied::TokenExpired, "{token}"),
    }
}
