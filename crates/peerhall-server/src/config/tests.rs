use std::path::Path;

use super::raw::{Preset, SECTIONS, Setting};
use super::*;

fn from_toml(text: &str) -> Result<Config, ConfigError> {
    Config::default().with(RawConfig::parse(text)?)
}

fn from_env(variables: &[(&str, &str)]) -> Result<RawConfig, ConfigError> {
    RawConfig::from_env(variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.into_iter().flat_map(|section| section.settings)
}

/// The text of an error, which must be one sentence.
fn sentence(error: &ConfigError) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn the_printed_schema_is_the_default_configuration() {
    assert_eq!(from_toml(&schema::as_toml()).unwrap(), Config::default());
}

#[test]
fn every_default_in_the_schema_is_the_one_the_server_uses() {
    // A base that differs from the default everywhere: what the schema sets must win over it.
    let other = r#"
        listen = "[::1]:1"
        trusted_proxies = ["10.0.0.0/8"]
        [limits]
        max_message_bytes = 1024
        max_data_depth = 1
        channels_per_connection = 1
        frames_per_second = 1
        frame_burst = 1
        connects_per_minute = 1
        outbox_bytes = 1000000
        outbox_age = "1s"
        waiting_bytes = 1000000
        message_timeout = "1s"
        handshake_timeout = "1s"
        [presence]
        pause = "1ms"
        linger = "1s"
        [liveness]
        ping_every = "1s"
        pong_within = "1s"
        [drain]
        retry_after = "2s"
        per_connection_spread = "2ms"
        window_max = "2s"
        [turn]
        listen = ["[::1]:1"]
        relay = ["192.0.2.1"]
        ports = "2000-3000"
        allow_peers = ["10.0.0.0/8"]
        deny_peers = ["10.0.0.0/8"]
        ports_per_user = 1
        ports_per_app = 1
        ports_per_thread = 1
        user_bytes_per_second = 1
        app_bytes_per_second = 1
        lifetime = "1h"
        [log]
        level = "trace"
        format = "json"
        [rest]
        requests_per_second = 1
        burst = 1
        auth_failures_per_minute = 1
    "#;
    let base = from_toml(other).unwrap();
    let schema = RawConfig::parse(&schema::as_toml()).unwrap();
    assert_eq!(base.with(schema).unwrap(), Config::default());
}

#[test]
fn every_example_in_the_schema_is_valid() {
    let shown: Vec<String> = schema::as_toml()
        .lines()
        .map(|line| {
            let example = settings()
                .filter(|setting| matches!(setting.preset, Preset::Unset(_)))
                .any(|setting| line.starts_with(&format!("# {} = ", setting.name)));
            line.strip_prefix("# ").filter(|_| example).unwrap_or(line).to_owned()
        })
        .collect();
    let config = from_toml(&shown.join("\n")).unwrap();
    assert_eq!(config.data_dir.as_deref(), Some(Path::new("/var/lib/peerhall")));
    assert!(config.tls.is_some() && config.shards.is_some() && config.limits.max_connections.is_some());
    assert_eq!(config.tokens.max_lifetime, Some(Duration::from_secs(86_400)));
    let turn = config.turn_external.unwrap();
    assert_eq!(turn.lifetime, Duration::from_secs(86_400));
    assert!(turn.urls.iter().any(IceUrl::is_turn) && turn.urls.iter().any(|url| !url.is_turn()));
}

#[test]
fn the_page_about_the_configuration_is_printed_from_the_same_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    if std::env::var_os("PEERHALL_BLESS").is_some() {
        std::fs::write(&page, schema::as_markdown()).unwrap();
    }
    let kept = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        kept == schema::as_markdown(),
        "docs/configuration.md is out of date; run this test once with PEERHALL_BLESS=1"
    );
}

#[test]
fn every_variable_sets_its_own_key() {
    for setting in settings() {
        let (Preset::Default(value) | Preset::Unset(value)) = setting.preset;
        let text = value.trim_matches(['[', ']']).replace(['"', ' '], "");
        if text.is_empty() {
            continue;
        }
        let name = setting.variable();
        let raw = from_env(&[(&name, &text)]).unwrap();
        let same = match setting.section {
            "" => format!("{} = {value}", setting.name),
            section => format!("[{section}]\n{} = {value}", setting.name),
        };
        assert_eq!(raw, RawConfig::parse(&same).unwrap(), "{name}={text}");
        assert_ne!(raw, RawConfig::default(), "{name}={text}");
    }
    let raw = from_env(&[("PEERHALL_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2")]).unwrap();
    assert_eq!(raw.trusted_proxies.unwrap(), ["10.0.0.1", "10.0.0.2"]);
}

#[test]
fn a_variable_that_is_a_typing_error_is_refused_and_foreign_ones_are_not() {
    let error = from_env(&[("PEERHALL_LIMITS_FRAME_BRUST", "9")]).unwrap_err();
    assert!(sentence(&error).contains("PEERHALL_LIMITS_FRAME_BRUST"));
    let foreign = [("PEERHALL_BIN", "/x"), ("HOME", "/root"), ("PEERHALL_LISTEN", "")];
    assert_eq!(from_env(&foreign).unwrap(), RawConfig::default());
    let error = from_env(&[("PEERHALL_LIMITS_FRAME_BURST", "many")]).unwrap_err();
    assert!(sentence(&error).contains(r#"limits.frame_burst is "many", but it must be a whole number"#));
}

#[test]
fn later_sources_win_and_say_nothing_about_other_keys() {
    let file =
        RawConfig::parse("listen = \"10.0.0.1:1\"\n[presence]\npause = \"5ms\"\nlinger = \"5s\"").unwrap();
    let env = from_env(&[("PEERHALL_LISTEN", "10.0.0.2:2"), ("PEERHALL_PRESENCE_PAUSE", "6ms")]).unwrap();
    let flags = RawConfig { listen: Some("10.0.0.3:3".to_owned()), ..RawConfig::default() };
    let config = Config::default().with(file.overlay(env).overlay(flags)).unwrap();
    assert_eq!(config.listen, "10.0.0.3:3".parse().unwrap());
    assert_eq!(config.presence.pause, Duration::from_millis(6));
    assert_eq!(config.presence.linger, Duration::from_secs(5));
    assert_eq!(config.liveness, Liveness::default());
}

#[test]
fn every_broken_rule_names_its_key_and_its_value() {
    let long_url = format!(r#"["turn:{}"]"#, "a".repeat(508));
    let cases = [
        ("listen", r#""localhost""#),
        ("data_dir", r#""""#),
        ("shards", "0"),
        ("shards", "1025"),
        ("trusted_proxies", r#"["10.0.0.1/8"]"#),
        ("trusted_proxies", r#"["10.0.0.0/+8"]"#),
        ("trusted_proxies", r#"["::/129"]"#),
        ("node_name", r#""two words""#),
        ("tls.cert_file", r#""""#),
        ("tls.key_file", r#""""#),
        ("limits.max_message_bytes", "1023"),
        ("limits.max_message_bytes", "900001"),
        ("limits.max_data_depth", "10001"),
        ("limits.channels_per_connection", "0"),
        ("limits.frames_per_second", "-1"),
        ("limits.frames_per_second", "nan"),
        ("limits.frames_per_second", "inf"),
        ("limits.frame_burst", "0"),
        ("limits.connects_per_minute", "1000001"),
        ("limits.outbox_bytes", "999999"),
        ("limits.outbox_age", r#""10""#),
        ("limits.waiting_bytes", "999999"),
        ("limits.message_timeout", r#""11m""#),
        ("limits.handshake_timeout", r#""0s""#),
        ("limits.max_connections", "0"),
        ("presence.pause", r#""1001ms""#),
        ("presence.linger", r#""6m""#),
        ("liveness.ping_every", r#""0s""#),
        ("liveness.pong_within", r#""soon""#),
        ("drain.retry_after", r#""0s""#),
        ("drain.per_connection_spread", r#""2s""#),
        ("drain.window_max", r#""1h""#),
        ("tokens.max_lifetime", r#""0s""#),
        ("turn.listen", r#"["0.0.0.0"]"#),
        ("turn.host", r#""a b""#),
        ("turn.relay", r#"["0.0.0.0"]"#),
        ("turn.ports", r#""1-2""#),
        ("turn.allow_peers", r#"["10.0.0.1/8"]"#),
        ("turn.deny_peers", r#"["all"]"#),
        ("turn.ports_per_user", "0"),
        ("turn.ports_per_app", "1000001"),
        ("turn.ports_per_thread", "0"),
        ("turn.user_bytes_per_second", "4294967296"),
        ("turn.app_bytes_per_second", "4294967296"),
        ("turn.lifetime", r#""1m""#),
        ("turn.threads", "65"),
        ("turn_external.urls", "[]"),
        ("turn_external.urls", r#"["http://turn.example.org"]"#),
        ("turn_external.urls", r#"["turn:"]"#),
        ("turn_external.urls", r#"["turn:a b"]"#),
        ("turn_external.urls", &long_url),
        ("turn_external.secret", r#""short""#),
        ("turn_external.lifetime", r#""1m""#),
        ("log.level", r#""loud""#),
        ("log.format", r#""xml""#),
        ("rest.requests_per_second", "1e7"),
        ("rest.burst", "0"),
        ("rest.auth_failures_per_minute", "1000001"),
    ];
    for (key, value) in cases {
        let error = from_toml(&format!("{key} = {value}")).unwrap_err();
        let text = sentence(&error);
        assert!(text.starts_with(&format!("{key} is ")), "{key} = {value}: {text}");
        let ConfigError::Invalid { key: named, variable, .. } = error else { panic!("{text}") };
        assert!(
            settings().any(|setting| setting.key() == named && setting.variable() == variable),
            "{named}"
        );
    }
    for setting in settings() {
        let shown = cases.iter().any(|(key, _)| *key == setting.key());
        assert!(shown, "no case for {}", setting.key());
    }
}

#[test]
fn a_range_in_the_schema_is_the_one_that_is_checked() {
    let mut ranges = 0;
    for setting in settings() {
        let Some((least, most)) =
            setting.unit.rsplit_once(", ").and_then(|(_, range)| range.split_once(" to "))
        else {
            continue;
        };
        ranges += 1;
        let is_time = setting.unit.starts_with("length of time");
        let quoted = |text: &str| if is_time { format!("{text:?}") } else { text.to_owned() };
        let key = setting.key();
        for bound in [least, most] {
            from_toml(&format!("{key} = {}", quoted(bound))).unwrap();
        }
        let beyond = match parse_duration(most) {
            Ok(most) => format_duration(most + Duration::from_millis(1)),
            Err(_) => (most.parse::<u64>().unwrap() + 1).to_string(),
        };
        assert!(from_toml(&format!("{key} = {}", quoted(&beyond))).is_err(), "{key} = {beyond}");
    }
    assert!(ranges >= 20, "the schema says its ranges: {ranges}");
}

#[test]
fn zero_switches_a_limit_off() {
    let config = from_toml(
        "limits.max_data_depth = 0\nlimits.frames_per_second = 0\nlimits.connects_per_minute = 0\n\
         rest.requests_per_second = 0\nrest.auth_failures_per_minute = 0",
    )
    .unwrap();
    assert_eq!(config.limits.max_data_depth, None);
    assert_eq!(config.limits.frames_per_second, None);
    assert_eq!(config.limits.connects_per_minute, None);
    assert_eq!((config.rest.requests_per_second, config.rest.auth_failures_per_minute), (None, None));
}

#[test]
fn keys_that_belong_together_are_asked_for_together() {
    for (text, missing) in [
        ("tls.cert_file = \"a\"", "tls.key_file"),
        ("tls.key_file = \"a\"", "tls.cert_file"),
        ("turn_external.urls = [\"stun:a\"]", "turn_external.secret"),
        ("turn_external.secret = \"long-enough\"", "turn_external.urls"),
    ] {
        let text = match from_toml(text) {
            Err(error) => sentence(&error),
            Ok(_) => panic!("{text}"),
        };
        assert!(text.starts_with(&format!("{missing} is not set")), "{text}");
    }
}

#[test]
fn a_file_that_is_no_configuration_is_refused_with_its_line() {
    for (text, line, about) in [
        ("listen = ", 1, "string"),
        ("\n\nlisten = 7", 3, "invalid type"),
        ("[limits]\nframe_brust = 3", 2, "unknown field `frame_brust`"),
        ("[limit]\nframe_burst = 3", 1, "unknown field `limit`"),
        ("[limits]\nframe_burst = -3", 2, "invalid value"),
    ] {
        let error = from_toml(text).unwrap_err();
        let shown = sentence(&error);
        assert!(matches!(error, ConfigError::Syntax { line: at, .. } if at == line), "{text:?}: {shown}");
        assert!(shown.contains(about), "{text:?}: {shown}");
    }
    let error = RawConfig::read(Path::new("/nowhere/peerhall.toml")).unwrap_err();
    assert!(sentence(&error).contains("/nowhere/peerhall.toml"));
}

#[test]
fn the_relay_secret_is_never_shown() {
    let secret = "correct-horse-battery";
    let file = format!("turn_external.secret = \"{secret}\"\nturn_external.urls = [\"turn:a\"]");
    let config = from_toml(&file).unwrap();
    assert!(!format!("{config:?}").contains(secret));
    assert!(!format!("{:?}", RawConfig::parse(&file).unwrap()).contains(secret));
    assert_eq!(config.turn_external.unwrap().secret.expose(), secret);
    for broken in [
        "turn_external.secret = 777123",
        "turn_external.secret = \"777123\"",
        "turn_external.secret = \"777123",
    ] {
        let error = from_toml(broken).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("777123"), "{error}");
    }
}

#[test]
fn a_proxy_is_trusted_by_address_or_by_range() {
    let config =
        from_toml("trusted_proxies = [\"10.0.0.0/8\", \"192.0.2.7\", \"2001:db8::/32\", \"::1\"]").unwrap();
    for address in ["10.255.0.1", "192.0.2.7", "2001:db8:ffff::1", "::1", "::ffff:10.1.2.3"] {
        assert!(config.trusts(address.parse().unwrap()), "{address}");
    }
    for address in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::2", "::ffff:11.1.2.3"] {
        assert!(!config.trusts(address.parse().unwrap()), "{address}");
    }
    let everybody = from_toml("trusted_proxies = [\"0.0.0.0/0\"]").unwrap();
    assert!(everybody.trusts("203.0.113.9".parse().unwrap()) && !everybody.trusts("::1".parse().unwrap()));
}

#[test]
fn the_closing_window_grows_with_the_connections_up_to_its_limit() {
    let drain = Drain::default();
    assert_eq!(drain.window(0), Duration::ZERO);
    assert_eq!(drain.window(500), Duration::from_millis(500));
    assert_eq!(drain.window(usize::MAX), Duration::from_secs(10));
}

#[test]
fn t32_an_error_about_the_configuration_writes_no_control_character_to_the_terminal() {
    let variable = from_env(&[("PEERHALL_LIMITS_\u{1b}[2J\r\u{9b}", "1")]).unwrap_err();
    let key = from_toml("\"a\\u001b[2J\\r\\u009b\" = 1").unwrap_err();
    let value = from_toml("listen = \"\\u001b[2J\\n\"").unwrap_err();
    let level = from_toml("[log]\nlevel = \"\\u001b[2J\\n\"").unwrap_err();
    for said in [variable, key, value, level].map(|error| error.to_string()) {
        assert!(!said.contains(char::is_control), "{said:?}");
        assert!(said.contains("[2J"), "{said:?}");
    }
}

#[test]
fn relays_have_one_address_of_each_family_and_a_public_one_behind_a_nat() {
    use peerhall_turn::RelayAddress;
    let relay = |text: &str| from_toml(&format!("[turn]\nrelay = {text}")).map(|config| config.turn.relay);
    let ip = |text: &str| text.parse().unwrap();
    assert_eq!(
        relay(r#"["203.0.113.5/10.0.0.5", "2001:db8::5"]"#).unwrap(),
        [
            RelayAddress { announced: ip("203.0.113.5"), bound: ip("10.0.0.5") },
            RelayAddress::plain(ip("2001:db8::5"))
        ]
    );
    for wrong in [
        r#"["0.0.0.0"]"#,
        r#"["10.0.0.1", "10.0.0.2"]"#,
        r#"["10.0.0.1/::1"]"#,
        r#"["name"]"#,
        r#"["ff02::1"]"#,
    ] {
        assert!(sentence(&relay(wrong).unwrap_err()).starts_with("turn.relay is "), "{wrong}");
    }
}

#[test]
fn relay_ports_are_a_range_with_room() {
    let ports = |text: &str| from_toml(&format!("[turn]\nports = {text:?}")).map(|config| config.turn.ports);
    assert_eq!(ports("2000-2003").unwrap(), 2_000..=2_003);
    assert_eq!(ports("1024-65535").unwrap(), 1_024..=65_535);
    for wrong in ["", "2000", "2000-2002", "3000-2000", "1023-2000", "2000-65536", "a-b"] {
        assert!(sentence(&ports(wrong).unwrap_err()).starts_with("turn.ports is "), "{wrong}");
    }
}

#[test]
fn the_host_of_the_relay_is_a_name_or_an_address() {
    let host = |text: &str| from_toml(&format!("[turn]\nhost = {text:?}")).map(|config| config.turn.host);
    for right in ["turn.example.org", "203.0.113.5", "[2001:db8::5]"] {
        assert_eq!(host(right).unwrap().as_deref(), Some(right));
    }
    for wrong in ["", "turn:example.org", "a b", "2001:db8::5", "example.org:3478", "[x]"] {
        assert!(sentence(&host(wrong).unwrap_err()).starts_with("turn.host is "), "{wrong}");
    }
}
