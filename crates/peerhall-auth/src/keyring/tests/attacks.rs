//! Tokens that must not pass: the 33 of the reliability findings (section 2.6), and arbitrary bytes.

use proptest::prelude::*;

use super::support::{NOW, NOW_MS, admit, encode, forge, header, publishable, ring, secret_key, signed};
use super::*;

/// One attack: what it tries, the token, and the verdict.
type Attack = (&'static str, String, Result<(), Denied>);

const INVALID: Result<(), Denied> = Err(Denied::InvalidCredential);
const EXPIRED: Result<(), Denied> = Err(Denied::TokenExpired);

fn good_payload() -> String {
    format!(r#"{{"sub":"alice","exp":{}}}"#, NOW + 60)
}

#[test]
fn w119_the_33_attacks_get_their_verdicts() {
    let key = secret_key();
    let ring = ring(&[&key]);
    assert!(admit(&ring, &signed(&key, &good_payload())).is_ok(), "what the attacks start from");
    let attacks = [header_attacks(&key), signature_attacks(&key), claim_attacks(&key)].concat();
    assert_eq!(attacks.len(), 33);
    for (attack, token, verdict) in attacks {
        assert_eq!(admit(&ring, &token).map(drop), verdict, "{attack}");
    }
}

fn header_attacks(key: &KeyRecord) -> Vec<Attack> {
    let (kid, secret) = (key.id.as_str(), key.secret.as_ref().unwrap().expose());
    let with = |members: &str, secret: &str| {
        forge(format!(r#"{{"kid":"{kid}",{members}}}"#), good_payload(), secret)
    };
    let unsigned = |alg: &str| {
        let header = encode(format!(r#"{{"kid":"{kid}","alg":"{alg}"}}"#));
        format!("{header}.{}.", encode(good_payload()))
    };
    let jwk = r#""alg":"HS256","jwk":{"kty":"oct","k":"YXR0YWNrZXI"}"#;
    vec![
        ("none, no signature", unsigned("none"), INVALID),
        ("None, no signature", unsigned("None"), INVALID),
        ("NONE, no signature", unsigned("NONE"), INVALID),
        ("none, right signature", with(r#""alg":"none""#, secret), INVALID),
        ("HS384 in the header", with(r#""alg":"HS384""#, secret), INVALID),
        ("HS512 in the header", with(r#""alg":"HS512""#, secret), INVALID),
        ("RS256 in the header", with(r#""alg":"RS256""#, secret), INVALID),
        ("hs256 in lower case", with(r#""alg":"hs256""#, secret), INVALID),
        ("the attacker's key in jwk", with(jwk, "attacker"), INVALID),
        ("alg twice", with(r#""alg":"HS256","alg":"HS256""#, secret), INVALID),
        ("an unknown critical extension", with(r#""alg":"HS256","crit":["exp"]"#, secret), INVALID),
        ("b64 switched off", with(r#""alg":"HS256","b64":false"#, secret), INVALID),
        ("an array as header", forge(format!(r#"["HS256","{kid}"]"#), good_payload(), secret), INVALID),
        ("no kid", forge(r#"{"alg":"HS256"}"#, good_payload(), secret), INVALID),
        ("unknown kid", forge(header(&secret_key()), good_payload(), secret), INVALID),
    ]
}

fn signature_attacks(key: &KeyRecord) -> Vec<Attack> {
    let good = signed(key, &good_payload());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (first, _) = head.split_once('.').unwrap();
    let last = signature.chars().last().unwrap();
    let other_payload = encode(good_payload().replace("alice", "mallo"));
    let changed = if signature.starts_with('A') { "B" } else { "A" };
    vec![
        ("another key", forge(header(key), good_payload(), "sk_secret_wrong"), INVALID),
        ("the empty key", forge(header(key), good_payload(), ""), INVALID),
        ("a changed payload byte", format!("{first}.{other_payload}.{signature}"), INVALID),
        ("a changed signature byte", format!("{head}.{changed}{}", &signature[1..]), INVALID),
        ("a padded signature", format!("{good}="), INVALID),
        ("a signature that is not canonical", format!("{head}.{}", nudge(signature, last)), INVALID),
        ("four parts", format!("{good}."), INVALID),
        ("a trailing newline", format!("{good}\n"), INVALID),
    ]
}

/// The same 32 bytes with a set bit where the last character has two unused ones.
fn nudge(signature: &str, last: char) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = ALPHABET.find(last).unwrap();
    assert_eq!(at % 4, 0, "32 bytes leave two bits unused");
    format!("{}{}", &signature[..signature.len() - 1], &ALPHABET[at + 1..at + 2])
}

fn claim_attacks(key: &KeyRecord) -> Vec<Attack> {
    let deep = format!("{{\"exp\":1,\"a\":{}{}}}", "[".repeat(9_000), "]".repeat(9_000));
    let big = format!(r#"{{"exp":{},"sub":"a","x":"{}"}}"#, NOW + 60, "x".repeat(1_000_000));
    let exp = |exp: &str| signed(key, &format!(r#"{{"sub":"alice","exp":{exp}}}"#));
    let soon = NOW + 60;
    vec![
        ("exp twice", exp(&format!(r#"{soon},"exp":{soon}"#)), INVALID),
        ("exp as text", exp(&format!("\"{soon}\"")), INVALID),
        ("exp of 1e300", exp("1e300"), INVALID),
        ("exp below zero", exp("-1"), EXPIRED),
        ("expired 30 s ago", exp(&(NOW - 30).to_string()), EXPIRED),
        ("nbf in an hour", exp(&format!(r#"{soon},"nbf":{}"#, NOW + 3_600)), INVALID),
        ("a payload 9,000 deep", signed(key, &deep), INVALID),
        ("an array as payload", signed(key, &format!(r#"[{soon},null,"alice"]"#)), INVALID),
        ("a lone surrogate in sub", signed(key, &format!(r#"{{"sub":"\ud800","exp":{soon}}}"#)), INVALID),
        ("a payload of 1 MB", signed(key, &big), INVALID),
    ]
}

/// What wycheproof's cases for symmetric signatures do to a token, done to one of ours: parts and
/// separators left out, added and exchanged, and the JSON form of a signature.
#[test]
fn p13_a_token_that_is_not_three_whole_parts_is_refused() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let good = signed(&key, &good_payload());
    let [header, payload, signature] = *good.split('.').collect::<Vec<_>>() else { panic!("{good}") };
    let bad = [
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}..{signature}"),
        format!("{header}.{signature}"),
        format!(".{payload}.{signature}"),
        format!("{payload}.{signature}"),
        format!("{payload}.{header}.{signature}"),
        format!(".{payload}."),
        payload.to_owned(),
        header.to_owned(),
        String::new(),
        "..".to_owned(),
        "...".to_owned(),
        format!("{good}."),
        format!("{good}.{payload}"),
        format!(".{good}"),
        format!("{header}.{payload}.{}", signature.to_ascii_lowercase()),
        format!("{header}.{payload}.{}", encode(signature)),
        format!("{header}.{payload}.{signature}{signature}"),
        format!(
            r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
        ),
        format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#),
    ];
    assert!(admit(&ring, &good).is_ok());
    for token in bad {
        assert_eq!(admit(&ring, &token).map(drop), INVALID, "{token}");
    }
}

/// Whatever algorithm a header names, and however good the HS256 signature under it is.
#[test]
fn p13_every_algorithm_but_the_one_is_refused() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let (kid, secret) = (key.id.as_str(), key.secret.as_ref().unwrap().expose());
    let algorithms = [
        "HS1",
        "HS224",
        "HS384",
        "HS512",
        "HS256 ",
        " HS256",
        "HS256\\u0000",
        "Hs256",
        "RS1",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES256K",
        "ES384",
        "ES512",
        "EdDSA",
        "Ed25519",
        "none",
        "nOnE",
        "",
        "dir",
        "A128KW",
        "A256GCM",
    ];
    for algorithm in algorithms {
        let header = format!(r#"{{"alg":"{algorithm}","kid":"{kid}"}}"#);
        assert_eq!(admit(&ring, &forge(header, good_payload(), secret)).map(drop), INVALID, "{algorithm}");
    }
    for other in ["null", "256", "[\"HS256\"]", "{\"HS256\":1}", "true"] {
        let header = format!(r#"{{"alg":{other},"kid":"{kid}"}}"#);
        assert_eq!(admit(&ring, &forge(header, good_payload(), secret)).map(drop), INVALID, "{other}");
    }
}

#[test]
fn what_looks_odd_and_is_allowed_passes() {
    let key = secret_key();
    let (kid, secret) = (key.id.as_str(), key.secret.as_ref().unwrap().expose());
    let ring = ring(&[&key]);
    let header =
        format!(r#" {{"typ":7,"jku":"https://evil.example","x5u":[],"alg":"HS\u003256","kid":"{kid}"}} "#);
    assert!(admit(&ring, &forge(header, good_payload(), secret)).is_ok());
    let issued_later = format!(r#"{{"sub":"alice","exp":{},"iat":{}}}"#, NOW + 60, NOW + 3_600);
    assert!(admit(&ring, &signed(&key, &issued_later)).is_ok(), "iat is not looked at");
}

#[test]
fn doubles_of_members_that_are_read_are_refused() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let (kid, secret) = (key.id.as_str(), key.secret.as_ref().unwrap().expose());
    for members in
        [r#""kid":"KID","alg":"HS256","kid":"KID""#, r#""kid":"KID","alg":"HS256","typ":1,"typ":1"#]
    {
        let header = format!("{{{}}}", members.replace("KID", kid));
        assert_eq!(admit(&ring, &forge(header, good_payload(), secret)).map(drop), INVALID, "{members}");
    }
    for claim in ["sub", "nbf", "channels", "permissions", "metadata", "peerMetadata"] {
        let value = match claim {
            "sub" => r#""alice""#,
            "nbf" => "0",
            "channels" | "permissions" => "[]",
            _ => "{}",
        };
        let sub = if claim == "sub" { "" } else { r#""sub":"alice","# };
        let payload = |times: usize| {
            let member = format!(r#","{claim}":{value}"#).repeat(times);
            format!(r#"{{{sub}"exp":{}{member}}}"#, NOW + 60)
        };
        assert!(admit(&ring, &signed(&key, &payload(1))).is_ok(), "{claim}");
        assert_eq!(admit(&ring, &signed(&key, &payload(2))).map(drop), INVALID, "{claim}");
    }
}

#[test]
fn crit_and_b64_are_refused_whatever_their_value() {
    let key = secret_key();
    let (kid, secret) = (key.id.as_str(), key.secret.as_ref().unwrap().expose());
    for member in [r#""crit":null"#, r#""crit":[]"#, r#""b64":true"#, r#""b64":null"#] {
        let header = format!(r#"{{"alg":"HS256","kid":"{kid}",{member}}}"#);
        let token = forge(header, good_payload(), secret);
        assert_eq!(admit(&ring(&[&key]), &token).map(drop), INVALID, "{member}");
    }
}

#[test]
fn a_token_is_read_up_to_24_kib_and_not_a_byte_further() {
    let key = secret_key();
    let ring = ring(&[&key]);
    let sized = |filler: usize| {
        signed(&key, &format!(r#"{{"sub":"a","exp":{},"x":"{}"}}"#, NOW + 60, "x".repeat(filler)))
    };
    let fits = (18_000..).take_while(|filler| sized(*filler).len() <= 24 * 1024).last().unwrap();
    assert!(sized(fits).len() > 24 * 1024 - 4);
    assert!(admit(&ring, &sized(fits)).is_ok());
    assert_eq!(admit(&ring, &sized(fits + 1)).map(drop), INVALID);
}

#[test]
fn bytes_that_are_no_text_are_refused_even_when_signed() {
    let key = secret_key();
    let secret = key.secret.as_ref().unwrap().expose();
    let ring = ring(&[&key]);
    let mut payload = format!(r#"{{"exp":{},"sub":"a","x":"?"}}"#, NOW + 60).into_bytes();
    assert!(admit(&ring, &forge(header(&key), &payload, secret)).is_ok());
    let at = payload.iter().position(|byte| *byte == b'?').unwrap();
    payload[at] = 0xff;
    assert_eq!(admit(&ring, &forge(header(&key), &payload, secret)).map(drop), INVALID);
}

proptest! {
    #[test]
    fn no_text_panics_or_passes(text in ".{0,80}", origin in prop::option::of(".{0,40}"), now in any::<i64>()) {
        let ring = ring(&[&publishable(), &secret_key()]);
        for credential in [Credential::Key(&text), Credential::Token(&text)] {
            let verdict = ring.authenticate(credential, origin.as_deref(), now, &TokenPolicy::default());
            prop_assert_eq!(verdict.map(drop), INVALID);
        }
        for header in [format!("Bearer {text}"), text] {
            prop_assert_eq!(ring.authenticate_rest(Some(&header)).map(drop), Err(Unauthorized));
        }
    }

    #[test]
    fn no_signed_bytes_panic(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), now in any::<i64>()) {
        let key = secret_key();
        let ring = ring(&[&key]);
        let secret = key.secret.as_ref().unwrap().expose();
        for token in [forge(&header, &payload, secret), forge(super::support::header(&key), &payload, secret)] {
            let verdict = ring.authenticate(Credential::Token(&token), None, now, &TokenPolicy::default());
            prop_assert_eq!(verdict.map(drop), INVALID);
        }
    }

    #[test]
    fn no_signed_json_panics(exp in "-?[0-9]{1,20}(\\.[0-9]{1,3})?(e[0-9]{1,3})?", claims in "[\\[\\]{}\":,a0 ]{0,12}", now in any::<i64>()) {
        let key = secret_key();
        let ring = ring(&[&key]);
        let payload = format!(r#"{{"sub":"a","exp":{exp},"metadata":{claims}}}"#);
        let policy = TokenPolicy { max_lifetime_secs: Some(u64::MAX) };
        // Whatever the verdict: a token that passes has time left.
        if let Ok(identity) = ring.authenticate(Credential::Token(&signed(&key, &payload)), None, now, &policy) {
            prop_assert!(identity.expires_at_ms.unwrap() > now.saturating_add(250));
        }
    }

    #[test]
    fn one_changed_character_spoils_a_token(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]") {
        let key = secret_key();
        let ring = ring(&[&key]);
        let good = signed(&key, &good_payload());
        let at = at.index(good.len());
        let spoiled = format!("{}{with}{}", &good[..at], &good[at + 1..]);
        prop_assume!(spoiled != good);
        let verdict = ring.authenticate(Credential::Token(&spoiled), None, NOW_MS, &TokenPolicy::default());
        prop_assert_eq!(verdict.map(drop), INVALID);
    }
}
