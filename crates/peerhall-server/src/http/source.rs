//! Whose request it is, for the limits that go by address (decision D16).

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::config::Config;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    /// The client's address: that of the socket, or what a trusted proxy says.
    pub(super) address: IpAddr,
    /// The socket ends on this machine, and nobody called it a proxy. It may be one all the same, with
    /// everybody behind it.
    pub(super) is_local: bool,
}

/// Reads the source of a request that came on a socket from `socket`.
pub(super) fn source(config: &Config, socket: IpAddr, headers: &HeaderMap) -> Source {
    if !config.trusts(socket) {
        return Source { address: socket, is_local: socket.to_canonical().is_loopback() };
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let entries =
        forwarded.flat_map(|value| value.split(',')).map(str::trim).filter(|entry| !entry.is_empty());
    // Only what trusted proxies added means anything, and each of them added at the end.
    let address = entries
        .rev()
        .map_while(|entry| entry.parse::<IpAddr>().ok())
        .find(|address| !config.trusts(*address))
        .unwrap_or(socket);
    Source { address, is_local: false }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn address(trusted: &[&str], socket: &str, forwarded: &[&'static str]) -> String {
        let trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let config = Config { trusted_proxies, ..Config::default() };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        source(&config, socket.parse().unwrap(), &headers).address.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(address(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(address(&["192.0.2.1"], "192.0.2.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(address(&["192.0.2.1"], "192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn the_last_address_that_is_no_proxy_counts_and_what_a_client_wrote_in_front_does_not() {
        let trusted = ["192.0.2.0/24"];
        assert_eq!(address(&trusted, "192.0.2.1", &["10.0.0.1, 198.51.100.7", "192.0.2.9"]), "198.51.100.7");
        assert_eq!(address(&trusted, "192.0.2.1", &["10.0.0.1, not-an-address"]), "192.0.2.1");
    }

    #[test]
    fn loopback_is_local_unless_it_is_a_trusted_proxy() {
        let local: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        assert!(source(&Config::default(), local, &HeaderMap::new()).is_local);
        let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        let config = Config { trusted_proxies, ..Config::default() };
        assert!(!source(&config, "127.0.0.1".parse().unwrap(), &HeaderMap::new()).is_local);
    }
}
