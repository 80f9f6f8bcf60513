use super::*;

const LIST: &str = r#"[{"urls":["stun:turn.example.org:3478"]}]"#;

fn injected(metadata: Option<&str>, list: &str) -> Option<String> {
    let metadata = metadata.map(|json| RawValue::from_string(json.to_owned()).unwrap());
    inject_ice_servers(metadata.as_deref(), list).map(|json| json.get().to_owned())
}

#[test]
fn w132_a_user_name_expires_and_its_password_is_the_shared_secret_scheme() {
    let secret = TurnSecret::new("north").unwrap();
    let peer: PeerId = "alice".parse().unwrap();
    let made = turn_credentials(&secret, &peer, 1_767_139_200, 86_400);
    assert_eq!(made.username, "1767225600:alice");
    // printf 1767225600:alice | openssl dgst -sha1 -hmac north -binary | base64
    assert_eq!(made.credential, "qnVCfmDqv+5N7tpxKH0liO/huIU=");
    assert_eq!(secret.password(&made.username), made.credential);
    assert_ne!(TurnSecret::new("south").unwrap().password(&made.username), made.credential);
}

#[test]
fn credentials_stay_within_what_the_sdks_take() {
    let peer: PeerId = "x".repeat(128).parse().unwrap();
    let made = turn_credentials(&TurnSecret::generate().unwrap(), &peer, u64::MAX, u64::MAX);
    assert!(made.username.len() <= 1_024 && made.credential.len() <= 1_024);
}

#[test]
fn credentials_live_a_day_or_an_hour_longer_than_their_token() {
    let now = 1_767_139_200_000;
    let hours = |hours: i64| now + hours * 3_600_000;
    assert_eq!(credential_lifetime_secs(now, None), 86_400);
    assert_eq!(credential_lifetime_secs(now, Some(hours(1))), 86_400);
    assert_eq!(credential_lifetime_secs(now, Some(hours(23))), 86_400);
    assert_eq!(credential_lifetime_secs(now, Some(hours(24))), 90_000);
    assert_eq!(credential_lifetime_secs(now, Some(hours(23) + 1)), 86_401);
    assert_eq!(credential_lifetime_secs(now, Some(0)), 86_400);
    assert_eq!(credential_lifetime_secs(i64::MIN, Some(i64::MAX)), 9_223_372_036_854_776 + 3_600);
}

#[test]
fn without_metadata_the_list_stands_alone() {
    let alone = format!(r#"{{"iceServers":{LIST}}}"#);
    assert_eq!(injected(None, LIST), Some(alone.clone()));
    assert_eq!(injected(Some("{}"), LIST), Some(alone));
}

#[test]
fn w133_a_tokens_own_list_wins_whatever_it_is() {
    for own in [
        r#"{"iceServers":[]}"#,
        r#"{"iceServers":null}"#,
        r#"{"a":1,"iceServers":[{"urls":"stun:own.example"}],"z":2}"#,
        r#"{"ice\u0053ervers":[]}"#,
    ] {
        assert_eq!(injected(Some(own), LIST).as_deref(), Some(own));
    }
}

#[test]
fn w133_other_members_survive_byte_for_byte() {
    let others = r#"{"n":1e999,"big":12345678901234567890,"s":"\ud800}","in":{"iceServers":[]},"n":-0}"#;
    let expected = others.strip_suffix('}').unwrap().to_owned() + r#","iceServers":"# + LIST + "}";
    assert_eq!(injected(Some(others), LIST), Some(expected));
}

#[test]
fn a_list_that_is_no_json_changes_nothing() {
    assert_eq!(injected(Some(r#"{"a":1}"#), "[").as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(injected(None, "[}"), None);
}

#[test]
fn neither_the_secret_nor_a_password_is_shown() {
    let secret = TurnSecret::new("north-star").unwrap();
    let made = turn_credentials(&secret, &"alice".parse().unwrap(), 0, 0);
    let shown = format!("{secret:?} {made:?}");
    assert!(!shown.contains("north-star") && !shown.contains(&made.credential), "{shown}");
    assert_eq!(TurnSecret::new("").unwrap_err(), EmptyTurnSecret);
}
