//! Allowed origins against a reference that compares texts.
//!
//! Input: rule, newline, `Origin` header.

use peerhall_auth::origin::{AllowedOrigins, OriginRule};

use crate::bytes::Bytes;

/// Tries one input.
///
/// # Panics
///
/// When a rule admits a header that is another origin.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut input = Bytes(text.as_bytes());
    let part = |bytes| str::from_utf8(bytes).expect("a text cut at newlines");
    let (rule, header) = (part(input.until(b'\n')), part(input.0));
    let Ok(parsed) = OriginRule::parse(rule) else { return };
    assert_eq!(parsed.as_str(), rule);
    let allowed = AllowedOrigins::new(vec![parsed]);
    assert!(!allowed.admits(None, false) && allowed.admits(None, true));
    assert_eq!(allowed.admits(Some(header), false), reference(rule, header), "{rule:?} and {header:?}");
    let itself = !rule.contains('*');
    assert!(!itself || allowed.admits(Some(rule), false), "{rule:?} admits itself");
}

fn reference(rule: &str, header: &str) -> bool {
    if rule == "*" {
        return true;
    }
    if rule == "null" || header == "null" {
        return rule == header;
    }
    let Some(origin) = canonical(header) else { return false };
    let rule = rule.to_ascii_lowercase();
    match rule.split_once("://*.") {
        None => canonical(&rule).is_some_and(|rule| rule == origin),
        Some((scheme, parent)) => {
            let Some((rule_scheme, rule_rest)) = canonical(&format!("{scheme}://{parent}")) else {
                return false;
            };
            origin.0 == rule_scheme
                && origin
                    .1
                    .strip_suffix(&rule_rest)
                    .is_some_and(|label| label.len() > 1 && label.ends_with('.'))
        }
    }
}

/// Scheme and the rest in lower case, with the port always written; `None` when this is no origin.
fn canonical(origin: &str) -> Option<(String, String)> {
    let origin = origin.to_ascii_lowercase();
    let (scheme, rest) = origin.split_once("://")?;
    let scheme_is_good = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !scheme_is_good {
        return None;
    }
    let colon = rest.rfind(':').filter(|at| !rest[*at..].contains(']'));
    let (host, port) = match colon {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let host_is_good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
    };
    let preset = match scheme {
        "https" | "wss" => "443",
        "http" | "ws" => "80",
        _ => "",
    };
    let port = match port {
        Some(digits) if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) => {
            digits.parse::<u16>().ok()?.to_string()
        }
        Some(_) => return None,
        None => preset.to_owned(),
    };
    host_is_good.then(|| (scheme.to_owned(), format!("{host}:{port}")))
}
