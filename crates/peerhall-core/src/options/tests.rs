use super::*;

fn read(text: &str) -> Result<String, UrlError> {
    ServerUrl::parse(text).map(|url| url.as_str().to_owned())
}

#[test]
fn origins_are_normalised() {
    for (text, origin) in [
        ("wss://h", "wss://h"),
        ("wss://h/", "wss://h"),
        ("WSS://H:443", "wss://h"),
        ("wss://h:8443", "wss://h:8443"),
        ("ws://localhost", "ws://localhost"),
        ("ws://127.0.0.1:7788", "ws://127.0.0.1:7788"),
        ("ws://[::1]:7788", "ws://[::1]:7788"),
    ] {
        assert_eq!(read(text).as_deref(), Ok(origin), "{text}");
    }
}

#[test]
fn anything_but_an_origin_is_refused_with_its_reason() {
    for (text, error) in [
        ("ws://127.0.0.2", UrlError::ClearText),
        ("ws://h", UrlError::ClearText),
        ("https://h", UrlError::Scheme),
        ("wss://h/path", UrlError::NotAnOrigin),
        ("wss://h?x=1", UrlError::NotAnOrigin),
        ("wss://h#f", UrlError::NotAnOrigin),
        ("wss://user:pw@h", UrlError::UserInfo),
        ("", UrlError::Unreadable),
        ("wss://", UrlError::Unreadable),
        ("wss://h:70000", UrlError::Unreadable),
        ("wss://h:+1", UrlError::Unreadable),
        ("wss://[::1", UrlError::Unreadable),
        ("wss://a b", UrlError::Unreadable),
        ("h", UrlError::Unreadable),
    ] {
        assert_eq!(read(text), Err(error), "{text}");
    }
    assert!(ServerUrl::parse_insecure("ws://10.0.0.7:7788").is_ok());
}

#[test]
fn r34_delays_that_make_no_sense_are_refused() {
    let options = ReconnectOptions::default();
    for multiplier in [0.5, -1.0, f64::NAN, f64::INFINITY] {
        assert!(options.multiplier(multiplier).is_err(), "{multiplier}");
    }
    for ratio in [1.1, -0.1, f64::NAN] {
        assert!(options.jitter_ratio(ratio).is_err(), "{ratio}");
    }
    assert_eq!(options.max_attempts(Some(0)), Err(ConfigError::NoAttempts));
    assert!(options.max_attempts(None).unwrap().allows(u32::MAX));
}

#[test]
fn delays_double_up_to_the_cap_and_stay_within_the_jitter() {
    let options = ReconnectOptions::default();
    let nominal: Vec<u64> =
        (1..9).map(|n| options.delay(n, Duration::ZERO, 0.0).as_millis().try_into().unwrap()).collect();
    assert_eq!(nominal, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert_eq!(options.delay(1, Duration::ZERO, -1.0), Duration::from_millis(400));
    assert_eq!(options.delay(1, Duration::ZERO, 0.999_9), Duration::from_millis(599));
    assert_eq!(options.delay(u32::MAX, Duration::ZERO, 0.0), Duration::from_secs(30));
    assert_eq!(options.delay(1, Duration::from_secs(30), -1.0), Duration::from_secs(24));
}

#[test]
fn r09_a_token_provider_without_time_is_refused() {
    let url = ServerUrl::parse("wss://h").unwrap();
    let options = SignallingOptions::new(vec![url], Credential::Token).unwrap();
    assert_eq!(options.clone().token_timeout(Duration::ZERO), Err(ConfigError::TokenTimeout));
    assert_eq!(options.inactivity_timeout(Some(Duration::ZERO)).inactivity_timeout, None);
}

#[test]
fn r41_a_peer_needs_automatic_resubscription() {
    let url = ServerUrl::parse("wss://h").unwrap();
    let options = SignallingOptions::new(vec![url], Credential::Token).unwrap().auto_resubscribe(false);
    assert_eq!(PeerOptions::new(options), Err(ConfigError::AutoResubscribe));
}

#[test]
fn an_empty_key_is_refused() {
    assert_eq!(Credential::api_key(""), Err(ConfigError::EmptyKey));
    assert_eq!(SignallingOptions::new(Vec::new(), Credential::Token), Err(ConfigError::NoUrl));
}
