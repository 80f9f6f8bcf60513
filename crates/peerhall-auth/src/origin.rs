//! Which web sites may use a publishable key (authentication, section 8).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is no entry of a key's allowed origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginRuleError {
    /// No `scheme://` in front.
    #[error("an origin looks like https://app.example.com: the scheme is missing or malformed")]
    Scheme,
    /// The host is empty or holds something that no `Origin` header has: a path, a user name, a
    /// non-ASCII letter, or a `*` other than a leading `*.`.
    #[error("an origin looks like https://app.example.com, without a path; `*.` may lead the host")]
    Host,
    /// The port is no number from 0 to 65535.
    #[error("the port of an origin is a number up to 65535")]
    Port,
}

/// One entry of a key's allowed origins: `https://app.example.com`, `https://*.example.com`, `*` for
/// every origin, or `null` for the literal header value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OriginRule {
    text: Arc<str>,
    admits: Admits,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Admits {
    Everything,
    Null,
    Exactly(Origin),
    /// Every host that ends in a dot and the host of this origin.
    Below(Origin),
}

impl OriginRule {
    /// Reads one entry.
    ///
    /// # Errors
    ///
    /// The part that is wrong, as [`OriginRuleError`].
    pub fn parse(text: &str) -> Result<Self, OriginRuleError> {
        let admits = match text {
            "*" => Admits::Everything,
            "null" => Admits::Null,
            _ => match text.split_once("://*.") {
                Some((scheme, parent)) => Admits::Below(Origin::parse(&format!("{scheme}://{parent}"))?),
                None => Admits::Exactly(Origin::parse(text)?),
            },
        };
        Ok(Self { text: text.into(), admits })
    }

    /// The entry as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn admits(&self, header: &str) -> bool {
        match &self.admits {
            Admits::Everything => true,
            Admits::Null => header == "null",
            Admits::Exactly(allowed) => Origin::parse(header).is_ok_and(|origin| origin == *allowed),
            Admits::Below(parent) => Origin::parse(header).is_ok_and(|origin| origin.is_below(parent)),
        }
    }
}

impl FromStr for OriginRule {
    type Err = OriginRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for OriginRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for OriginRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

impl Serialize for OriginRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for OriginRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The allowed origins of a publishable key. Empty, the default, admits every origin and none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllowedOrigins(Vec<OriginRule>);

impl AllowedOrigins {
    /// The list of these entries.
    #[must_use]
    pub fn new(rules: Vec<OriginRule>) -> Self {
        Self(rules)
    }

    /// Whether a connection with this `Origin` header may use the key. A list with entries refuses a
    /// missing header unless `allow_missing` (decision D10).
    #[must_use]
    pub fn admits(&self, origin: Option<&str>, allow_missing: bool) -> bool {
        if self.0.is_empty() {
            return true;
        }
        origin.map_or(allow_missing, |header| self.0.iter().any(|rule| rule.admits(header)))
    }

    /// The entries in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, OriginRule> {
        self.0.iter()
    }

    /// Whether there is no entry, so that every origin is admitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a AllowedOrigins {
    type Item = &'a OriginRule;
    type IntoIter = std::slice::Iter<'a, OriginRule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Scheme and host in lower case, and the port unless it is the scheme's own.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    fn parse(text: &str) -> Result<Self, OriginRuleError> {
        let (scheme, authority) = text.split_once("://").ok_or(OriginRuleError::Scheme)?;
        let mut letters = scheme.bytes();
        let starts_with_letter = letters.next().is_some_and(|first| first.is_ascii_alphabetic());
        let follows = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !starts_with_letter || !letters.all(follows) {
            return Err(OriginRuleError::Scheme);
        }
        let (host, port) = split_port(authority);
        if !is_host(host) {
            return Err(OriginRuleError::Host);
        }
        let scheme = scheme.to_ascii_lowercase();
        let port = port.map(parse_port).transpose()?.filter(|port| Some(*port) != default_port(&scheme));
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port })
    }

    fn is_below(&self, parent: &Self) -> bool {
        let deeper = self.host.strip_suffix(&parent.host).and_then(|head| head.strip_suffix('.'));
        self.scheme == parent.scheme
            && self.port == parent.port
            && deeper.is_some_and(|label| !label.is_empty())
    }
}

/// Takes the port off; the colons of a bracketed IPv6 address belong to the host.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((_, tail)) if tail.ends_with(']') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

fn parse_port(digits: &str) -> Result<u16, OriginRuleError> {
    // `u16::from_str` would take a leading plus sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(OriginRuleError::Port);
    }
    digits.parse().map_err(|_| OriginRuleError::Port)
}

fn is_host(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" | "wss" => Some(443),
        "http" | "ws" => Some(80),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
