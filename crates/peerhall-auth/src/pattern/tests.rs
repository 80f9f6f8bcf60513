use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> ChannelPattern {
    text.parse().unwrap()
}

fn set(patterns: &[&str]) -> PatternSet {
    PatternSet::new(patterns.iter().map(|text| pattern(text)).collect()).unwrap()
}

#[test]
fn w090_every_row_of_the_table_holds() {
    type Row = (&'static str, &'static [&'static str], &'static [&'static str]);
    const TABLE: [Row; 15] = [
        ("room-*", &["room-42", "room-", "room-a-b"], &["admin-1", "room-1/x", "Room-1", "xroom-1"]),
        ("*", &["room-1", "a"], &["a/b"]),
        ("**", &["room-1", "a", "a/b", "/", "ö", "_x"], &[]),
        ("app_abc/*", &["app_abc/room-1", "app_abc/"], &["app_abc/sub/deep", "app_abc", "other/x"]),
        (
            "app_abc/**",
            &["app_abc/room-1", "app_abc/sub/deep", "app_abc/"],
            &["app_abc", "app_abcd/x", "other/x"],
        ),
        ("app_abc/room-*", &["app_abc/room-1"], &["app_abc/sub/deep", "app_abc/room-1/x"]),
        (
            "devices/*/events",
            &["devices/7/events", "devices//events"],
            &["devices/7/8/events", "devices/events"],
        ),
        ("tasks/**", &["tasks/worker_3", "tasks/a/b"], &["tasks"]),
        ("**/cmd", &["fleet/s1/cmd", "/cmd"], &["cmd"]),
        ("a**z", &["az", "a/b/z"], &["azb"]),
        ("*/*", &["chat/1", "/"], &["chat", "a/b/c"]),
        ("chat/12345", &["chat/12345"], &["chat/123456", "chat/1234"]),
        (r"a\*b", &["a*b"], &["axb", "ab"]),
        (r"a\\*", &[r"a\", r"a\x"], &["a*"]),
        ("a?c", &["a?c"], &["abc"]),
    ];
    for (text, fits, differs) in TABLE {
        for name in fits {
            assert!(pattern(text).matches(name), "{text} matches {name}");
        }
        for name in differs {
            assert!(!pattern(text).matches(name), "{text} does not match {name}");
        }
    }
}

#[test]
fn w091_a_pattern_of_128_groups_is_decided_well_under_50_ms() {
    let hostile = pattern(&"*a".repeat(128));
    let reluctant = format!("{}b", "a".repeat(255));
    // The best of five: a machine that stands still for a moment makes any single one late.
    let took = (0..5).map(|_| {
        let started = Instant::now();
        assert!(!hostile.matches(&reluctant));
        assert!(hostile.matches(&"a".repeat(256)));
        assert!(!hostile.covers(&pattern(&"**".repeat(128))));
        assert!(pattern(&"**a".repeat(85)).covers(&pattern(&"a".repeat(256))));
        started.elapsed()
    });
    let took = took.min();
    assert!(took < Some(Duration::from_millis(50)), "{took:?}");
}

#[test]
fn three_stars_are_a_double_star_and_a_star() {
    let tokens: Vec<Token> = Tokens::of("***").collect();
    assert_eq!(tokens, [Token::DoubleStar, Token::Star]);
}

#[test]
fn a_backslash_escapes_only_a_star_and_itself() {
    assert!(pattern(r"a\b").matches(r"a\b"));
    assert!(pattern(r"a\").matches(r"a\"));
    assert!(pattern(r"a\**").matches("a*xyz"));
    assert!(!pattern(r"a\**").matches("axyz"));
    assert!(pattern(r"\\\*").matches(r"\*"));
}

#[test]
fn a_star_runs_over_characters_of_any_width() {
    assert!(pattern("r*m").matches("r\u{f6}\u{f6}m"));
    assert!(pattern("*\u{f6}").matches("\u{1f600}\u{f6}"));
    assert!(!pattern("*\u{f6}").matches("\u{e9}"));
}

#[test]
fn a_pattern_keeps_its_text_and_follows_the_rules_of_names() {
    assert_eq!(pattern(r"a\*/**").to_string(), r"a\*/**");
    assert_eq!("".parse::<ChannelPattern>(), Err(ChannelNameError::Empty));
    assert_eq!("*".repeat(257).parse::<ChannelPattern>(), Err(ChannelNameError::TooLong { bytes: 257 }));
    assert_eq!("a\u{7f}*".parse::<ChannelPattern>(), Err(ChannelNameError::ControlCharacter));
}

#[test]
fn covering_follows_the_published_procedure() {
    for (wide, narrow) in [
        ("**", "anything/*/**"),
        ("room-*", "room-1"),
        ("room-*", "room-*"),
        ("room-*", "room-a*b"),
        ("fleet/**", "fleet/*/t"),
        ("fleet/*/t", "fleet/s-*/t"),
        (r"a\*", r"a\*"),
        ("***", "*"),
    ] {
        assert!(pattern(wide).covers(&pattern(narrow)), "{wide} covers {narrow}");
    }
    for (narrow, wide) in [
        ("room-*", "**"),
        ("room-*", "room-**"),
        ("room-1", "room-*"),
        ("*", "a/b"),
        ("fleet/*/t", "fleet/**/t"),
        (r"a\*", "a*"),
        ("a", "ab"),
        ("ab", "a"),
    ] {
        assert!(!pattern(narrow).covers(&pattern(wide)), "{narrow} does not cover {wide}");
    }
}

#[test]
fn a_set_fits_when_one_entry_does_and_the_empty_set_never() {
    let rooms = set(&["lobby", "room-*"]);
    assert!(rooms.matches("room-1") && rooms.matches("lobby") && !rooms.matches("hall"));
    assert!(rooms.covers(&pattern("room-1*")) && !rooms.covers(&pattern("*")));
    assert!(!PatternSet::default().matches("lobby"));
    assert_eq!(PatternSet::for_key(Vec::new()), Err(PatternSetError::Empty));
}

#[test]
fn a_set_holds_at_most_100_patterns_when_built_and_when_read() {
    let many = |count| vec![pattern("a"); count];
    assert_eq!(PatternSet::new(many(100)).unwrap().len(), 100);
    assert_eq!(PatternSet::new(many(101)), Err(PatternSetError::TooMany { count: 101 }));
    let json = serde_json::to_string(&many(101)).unwrap();
    assert!(serde_json::from_str::<PatternSet>(&json).is_err());
    let rooms = set(&["a*", r"b\*"]);
    let json = serde_json::to_string(&rooms).unwrap();
    assert_eq!(json, r#"["a*","b\\*"]"#);
    assert_eq!(serde_json::from_str::<PatternSet>(&json).unwrap(), rooms);
}

/// The grammar of section 11.1 read word by word, exponential and without a doubt.
fn naive(pattern: &[Token], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], _) => name.is_empty(),
        ([Token::Literal(literal), rest @ ..], [byte, tail @ ..]) => literal == byte && naive(rest, tail),
        ([Token::Literal(_), ..], []) => false,
        ([Token::Star, rest @ ..], _) => {
            naive(rest, name)
                || name.split_first().is_some_and(|(byte, tail)| *byte != b'/' && naive(pattern, tail))
        }
        ([Token::DoubleStar, rest @ ..], _) => {
            naive(rest, name) || name.split_first().is_some_and(|(_, tail)| naive(pattern, tail))
        }
    }
}

/// Few letters, so that patterns and names meet often.
const PATTERN: &str = r"[ab/*\\]{1,7}";
const NAME: &str = r"[ab/*\\]{1,8}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn matching_agrees_with_the_naive_reading(text in PATTERN, name in NAME) {
        let tokens: Vec<Token> = Tokens::of(&text).collect();
        prop_assert_eq!(pattern(&text).matches(&name), naive(&tokens, name.as_bytes()));
    }

    #[test]
    fn covering_never_says_yes_wrongly(wide in PATTERN, narrow in PATTERN, names in prop::collection::vec(NAME, 16)) {
        let (wide, narrow) = (pattern(&wide), pattern(&narrow));
        if wide.covers(&narrow) {
            for name in &names {
                prop_assert!(!narrow.matches(name) || wide.matches(name), "{wide} {narrow} {name}");
            }
        }
    }

    #[test]
    fn covering_of_a_plain_name_is_matching(wide in PATTERN, name in "[ab/]{1,8}") {
        prop_assert_eq!(pattern(&wide).covers(&pattern(&name)), pattern(&wide).matches(&name));
    }

    #[test]
    fn every_pattern_covers_itself(text in PATTERN) {
        prop_assert!(pattern(&text).covers(&pattern(&text)));
    }
}
