use super::*;

fn allowed(rules: &[&str]) -> AllowedOrigins {
    AllowedOrigins::new(rules.iter().map(|rule| OriginRule::parse(rule).unwrap()).collect())
}

fn admits(rules: &[&str], origin: &str) -> bool {
    allowed(rules).admits(Some(origin), false)
}

#[test]
fn an_empty_list_admits_every_origin_and_none() {
    assert!(admits(&[], "https://a.example") && admits(&[], "null") && admits(&[], "nonsense"));
    assert!(AllowedOrigins::default().admits(None, false));
}

#[test]
fn w131_scheme_host_and_port_all_have_to_agree() {
    assert!(admits(&["https://a.example"], "https://a.example"));
    for other in ["https://b.example", "http://a.example", "https://a.example:444", "null", ""] {
        assert!(!admits(&["https://a.example"], other), "{other}");
    }
    assert!(!allowed(&["https://a.example"]).admits(None, false));
}

#[test]
fn a_missing_header_passes_only_where_the_key_allows_it() {
    for rule in ["https://a.example", "*", "null"] {
        assert!(!allowed(&[rule]).admits(None, false), "{rule}");
        assert!(allowed(&[rule]).admits(None, true), "{rule}");
    }
}

#[test]
fn letter_case_and_default_ports_make_no_difference() {
    assert!(admits(&["HTTPS://App.Example:443"], "https://app.example"));
    assert!(admits(&["https://app.example"], "https://APP.example:443"));
    assert!(admits(&["http://app.example"], "http://app.example:80"));
    assert!(!admits(&["http://app.example"], "http://app.example:443"));
    assert!(admits(&["https://app.example:8443"], "https://app.example:8443"));
    assert!(admits(&["http://[::1]:8080"], "http://[::1]:8080"));
    assert!(admits(&["http://[::1]"], "http://[::1]:80"));
    assert!(admits(&["capacitor://localhost"], "capacitor://localhost"));
}

#[test]
fn a_leading_star_takes_deeper_hosts_and_not_the_host_itself() {
    let rules = &["https://*.example.com"];
    assert!(admits(rules, "https://a.example.com") && admits(rules, "https://a.B.Example.com"));
    for other in [
        "https://example.com",
        "https://.example.com",
        "https://evilexample.com",
        "http://a.example.com",
        "https://a.example.com:8443",
        "https://a.example.com.evil.net",
        "https://evil.net/.example.com",
        "https://evil.net#.example.com",
        "https://evil.net@a.example.com",
    ] {
        assert!(!admits(rules, other), "{other}");
    }
    assert!(admits(&["https://*.example.com:8443"], "https://a.example.com:8443"));
}

#[test]
fn a_star_takes_every_origin_and_null_only_itself() {
    assert!(admits(&["*"], "https://a.example") && admits(&["*"], "null"));
    assert!(admits(&["null"], "null") && !admits(&["null"], "NULL"));
    assert!(!admits(&["null"], "https://null"));
}

#[test]
fn an_entry_that_no_header_could_equal_is_refused() {
    use OriginRuleError::{Host, Port, Scheme};
    for (text, error) in [
        ("", Scheme),
        ("app.example", Scheme),
        ("://app.example", Scheme),
        ("1http://app.example", Scheme),
        ("https://", Host),
        ("https://app.example/", Host),
        ("https://app.example/path", Host),
        ("https://user@app.example", Host),
        ("https://*", Host),
        ("https://*.", Host),
        ("https://a.*.example", Host),
        ("https://*.*.example", Host),
        ("https://b\u{fc}cher.example", Host),
        ("https://app.example ", Host),
        ("https://[::1", Host),
        ("https://[nonsense]", Host),
        ("https://app.example:", Port),
        ("https://app.example:+443", Port),
        ("https://app.example:65536", Port),
        ("https://app.example:https", Port),
    ] {
        assert_eq!(OriginRule::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn an_entry_keeps_its_text_through_json() {
    let rules = allowed(&["HTTPS://*.Example.com", "*"]);
    let json = serde_json::to_string(&rules).unwrap();
    assert_eq!(json, r#"["HTTPS://*.Example.com","*"]"#);
    assert_eq!(serde_json::from_str::<AllowedOrigins>(&json).unwrap(), rules);
    assert!(serde_json::from_str::<AllowedOrigins>(r#"["a b"]"#).is_err());
}
