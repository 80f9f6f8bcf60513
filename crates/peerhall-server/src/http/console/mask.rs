//! What an operator has no need to see of a frame, and nobody a saved file is sent to: credentials of
//! every kind, ICE passwords, and the addresses of people. What is left tells what the frame means.

use std::borrow::Cow;

use serde_json::Value;

/// Stands where something was taken out.
const MASK: &str = "•••";

/// Parts of names of members that hold credentials, in lower case.
const SECRET_NAMES: [&str; 9] =
    ["token", "secret", "password", "passwd", "credential", "apikey", "api_key", "authorization", "cookie"];

/// Whole names of such members, in lower case.
const SECRET_WHOLE_NAMES: [&str; 4] = ["resume", "pwd", "jwt", "usernamefragment"];

/// Beginnings of keys. What follows is kept as far as a log would.
const KEYS: [&str; 3] = ["pk_live_", "sk_id_", "sk_secret_"];

/// Lines of SDP that hold secrets or addresses of people, without `a=`.
const SDP_SECRETS: [&str; 4] = ["ice-pwd:", "ice-ufrag:", "crypto:", "fingerprint:"];

/// Masks a frame in place.
pub(super) fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_ice_server = members.contains_key("urls") || members.contains_key("url");
            for (name, value) in members.iter_mut() {
                let lower = name.to_lowercase();
                let is_secret = SECRET_NAMES.iter().any(|part| lower.contains(part))
                    || SECRET_WHOLE_NAMES.contains(&lower.as_str())
                    || (is_ice_server && lower == "username");
                if is_secret && !value.is_object() && !value.is_array() && !value.is_null() {
                    *value = Value::from(MASK);
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::String(text) => {
            if let Cow::Owned(masked) = mask_text(text) {
                *text = masked;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Masks SDP, candidates, keys and tokens wherever they stand in a text.
fn mask_text(text: &str) -> Cow<'_, str> {
    let is_sdp = text.contains("ice-pwd") || text.contains("ice-ufrag") || text.starts_with("v=0");
    let is_suspect = is_sdp
        || text.contains("candidate:")
        || text.contains("eyJ")
        || KEYS.iter().any(|key| text.contains(key));
    if !is_suspect {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| {
        let (body, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        let masked = if body.contains("candidate:") { mask_candidate(body) } else { mask_line(body, is_sdp) };
        masked + end
    });
    Cow::Owned(lines.collect())
}

fn mask_line(line: &str, is_sdp: bool) -> String {
    let mut line = mask_words(line);
    if is_sdp {
        for secret in SDP_SECRETS {
            line = cut_after(&line, secret);
        }
        if let Some(rest) = line.strip_prefix("c=IN ").or_else(|| line.strip_prefix("o=")) {
            let kind = line.get(..2).unwrap_or_default();
            let family = if rest.contains("IP6") { "IP6" } else { "IP4" };
            line = format!("{kind}{MASK} IN {family} {MASK}");
        }
    }
    line
}

/// Takes out what follows each `mark`, up to white space, a quote or a backslash.
fn cut_after(line: &str, mark: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(mark) {
        masked.push_str(before);
        masked.push_str(mark);
        masked.push_str(MASK);
        rest = after.trim_start_matches(|c: char| !c.is_whitespace() && !matches!(c, '"' | '\\'));
    }
    masked.push_str(rest);
    masked
}

/// Takes out addresses and the ICE user name; kind, protocol and port stay.
fn mask_candidate(line: &str) -> String {
    let mut words: Vec<Cow<'_, str>> = line.split(' ').map(Cow::Borrowed).collect();
    let typ = words.iter().position(|word| word == "typ");
    // foundation, component, protocol, priority, address, port, typ.
    if let Some(address) = typ.and_then(|typ| typ.checked_sub(2)).and_then(|place| words.get_mut(place)) {
        *address = Cow::Borrowed(family(address));
    }
    for mark in ["raddr", "ufrag"] {
        let place = words.iter().position(|word| word == mark).map(|place| place + 1);
        if let Some(word) = place.and_then(|place| words.get_mut(place)) {
            *word = if mark == "raddr" { Cow::Borrowed(family(word)) } else { Cow::Borrowed(MASK) };
        }
    }
    // Without `typ` it is no candidate that can be understood, so nothing of it is shown.
    if typ.is_some() { words.join(" ") } else { format!("candidate:{MASK}") }
}

/// What may be told of an address.
fn family(address: &str) -> &'static str {
    match address.parse() {
        Ok(std::net::IpAddr::V4(_)) => "‹ipv4›",
        Ok(std::net::IpAddr::V6(_)) => "‹ipv6›",
        Err(_) if address.ends_with(".local") => "‹mdns›",
        Err(_) => "‹name›",
    }
}

/// Takes out what looks like a key or a token.
fn mask_words(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        let word_end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        match KEYS.iter().find(|key| word.contains(**key)) {
            Some(key) => {
                masked.push_str(key);
                masked.push_str(MASK);
            }
            None if word.contains("eyJ") && word.len() > 20 => masked.push_str(MASK),
            None => masked.push_str(word),
        }
        let gap_end = after.find(is_part).unwrap_or(after.len());
        let (gap, next) = after.split_at(gap_end);
        masked.push_str(gap);
        rest = next;
    }
    masked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(mut value: Value) -> String {
        mask(&mut value);
        value.to_string()
    }

    #[test]
    fn no_credential_of_a_welcome_is_shown() {
        let text = masked(json!({"type": "welcome", "peerId": "alice", "resume": "v1.opaque", "metadata":
            {"iceServers": [{"urls": ["turn:turn.example:3478"], "username": "1767:alice", "credential": "hunter2"}],
             "apiKey": "abc", "nested": [{"accessToken": "def", "note": "kept"}]}}));
        for secret in ["v1.opaque", "1767", "hunter2", "abc", "def"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("turn:turn.example:3478") && text.contains("kept") && text.contains("alice"));
    }

    #[test]
    fn no_ice_password_fingerprint_or_address_of_a_description_is_shown() {
        let sdp = "v=0\r\no=- 46 2 IN IP4 192.0.2.7\r\nc=IN IP4 192.0.2.7\r\na=ice-ufrag:uFRAG\r\na=ice-pwd:pWd/+\r\n\
                   a=fingerprint:sha-256 AA:BB\r\na=crypto:1 KEY inline:sEcReT\r\n\
                   a=candidate:1 1 udp 9 2001:db8::1 4000 typ srflx raddr 192.0.2.8 rport 9 ufrag uFRAG\r\nm=audio 9 RTP";
        let text = masked(json!({"description": {"type": "offer", "sdp": sdp}}));
        for secret in ["uFRAG", "pWd", "sha-256", "192.0.2", "2001:db8"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(
            text.contains("typ srflx") && text.contains("‹ipv6›") && text.contains("m=audio 9 RTP"),
            "{text}"
        );
        let inside = masked(json!({"data": r#"{"sdp":"v=0\r\na=ice-pwd:pWd\r\nm=audio"}"#}));
        assert!(!inside.contains("pWd") && inside.contains("m=audio"), "{inside}");
    }

    #[test]
    fn keys_and_tokens_are_found_in_the_middle_of_a_text() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
        let text = masked(json!([
            format!("wss://h/v1?token={token}&x=1"),
            "key=pk_live_0123456789abcdef0123456789abcdef;",
            "\"sk_secret_0123456789abcdef\""
        ]));
        assert!(!text.contains("c2ln") && !text.contains("0123456789"), "{text}");
        assert!(text.contains("x=1") && text.contains("pk_live_•••") && text.contains("sk_secret_•••"));
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        for value in [json!("hello"), json!({"text": "a key, a lock", "n": 1.5, "x": null, "tokens": []})] {
            let before = value.to_string();
            assert_eq!(masked(value), before);
        }
        let candidate = masked(json!("candidate:1 1 udp 2 abc.local 50000 typ host generation 0"));
        assert_eq!(candidate, "\"candidate:1 1 udp 2 ‹mdns› 50000 typ host generation 0\"");
    }
}
