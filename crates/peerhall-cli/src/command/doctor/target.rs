//! The server that is looked at, and the credential for it.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// What a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) is_secure: bool,
    /// Name or address; an address of IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands before the endpoints, where a proxy gives the server a folder: empty or `/folder`.
    folder: String,
}

/// A key or a token. `Debug` shows neither.
pub(super) struct Credential {
    parameter: &'static str,
    value: String,
}

impl Credential {
    /// Reads what the command line gives.
    pub(super) fn read(key: Option<String>, token: Option<String>) -> Result<Option<Self>, &'static str> {
        let key = key.map(|value| Self { parameter: "key", value });
        let credential = key.or(token.map(|value| Self { parameter: "token", value }));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match credential {
            Some(Self { ref value, .. }) if value.is_empty() || !value.bytes().all(is_plain) => {
                Err("a key or token has letters, digits, dots, - and _ only")
            }
            credential => Ok(credential),
        }
    }

    pub(super) fn is_key(&self) -> bool {
        self.parameter == "key"
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({} <redacted>)", self.parameter)
    }
}

impl Target {
    /// Host and port as a `Host` header and a URL write them.
    pub(super) fn authority(&self) -> String {
        if self.host.parse::<Ipv6Addr>().is_ok() {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    /// The path of an endpoint such as `/health`.
    pub(super) fn path(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.folder)
    }

    /// The URL that clients connect to. It holds the credential.
    pub(super) fn endpoint(&self, credential: Option<&Credential>) -> String {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        let query = credential.map(|Credential { parameter, value }| format!("?{parameter}={value}"));
        format!("{scheme}://{}{}{}", self.authority(), self.path("/v1"), query.unwrap_or_default())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.endpoint(None).trim_end_matches("/v1"))
    }
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "the server is named wss://host[:port] or ws://host[:port]";
        let (scheme, rest) = text.split_once("://").ok_or(SHAPE)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "wss" | "https" => true,
            "ws" | "http" => false,
            _ => return Err(SHAPE),
        };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']').ok_or(SHAPE)?;
                address.parse::<Ipv6Addr>().map_err(|_| SHAPE)?;
                (address, after.strip_prefix(':').or(after.is_empty().then_some("")).ok_or(SHAPE)?)
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(is_host) {
            return Err(SHAPE);
        }
        let port = match port {
            "" if is_secure => 443,
            "" => 80,
            port => {
                port.parse().ok().filter(|port| *port > 0).ok_or("the port is a number from 1 to 65535")?
            }
        };
        let path = path.trim_matches('/');
        let folder = path.strip_suffix("v1").unwrap_or(path).trim_end_matches('/');
        if !folder.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SHAPE);
        }
        let folder = if folder.is_empty() { String::new() } else { format!("/{folder}") };
        Ok(Self { is_secure, host: host.to_owned(), port, folder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_into_host_port_and_folder() {
        for (text, endpoint) in [
            ("wss://example.org", "wss://example.org:443/v1"),
            ("https://example.org:8443/", "wss://example.org:8443/v1"),
            ("ws://127.0.0.1:7788/v1?key=x", "ws://127.0.0.1:7788/v1"),
            ("HTTP://[::1]", "ws://[::1]:80/v1"),
            ("wss://[2001:db8::1]:8443/realtime/v1", "wss://[2001:db8::1]:8443/realtime/v1"),
        ] {
            let target: Target = text.parse().expect(text);
            assert_eq!(target.endpoint(None), endpoint);
        }
        for wrong in [
            "example.org",
            "ftp://a",
            "ws://",
            "ws://a:0",
            "ws://a:99999",
            "ws://a b",
            "ws://[::1",
            "ws://u@a",
        ] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_credential_goes_into_the_url_and_not_into_debug() {
        let read = |key: &str| Credential::read(Some(key.to_owned()), None);
        let key = read("pk_live_0a").expect("plain").expect("one");
        assert_eq!(format!("{key:?}"), "Credential(key <redacted>)");
        let target: Target = "ws://a".parse().expect("a URL");
        assert_eq!(target.endpoint(Some(&key)), "ws://a:80/v1?key=pk_live_0a");
        assert!(read("a&b=c").is_err() && read("").is_err());
        assert!(Credential::read(None, None).expect("nothing is no mistake").is_none());
    }
}
