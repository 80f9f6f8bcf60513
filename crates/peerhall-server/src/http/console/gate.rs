//! What another web site sent in a visitor's name, and what came under another name than this server's.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use peerhall_proto::rest::RestErrorCode;

use super::super::Refusal;

/// Header by which a browser says where a request comes from; scripts cannot set it.
const FETCH_SITE: &str = "sec-fetch-site";

/// Refuses what a browser says it sends for another web site, and every write that does not say that it
/// comes from this one. Cookies are `SameSite=Strict` on top of that, but other ports of this host count
/// as the same site.
pub(super) fn check(headers: &HeaderMap, writes: bool) -> Result<(), Refusal> {
    let site = headers.get(FETCH_SITE).and_then(|value| value.to_str().ok());
    let is_foreign = site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    if is_foreign || (writes && !is_same_origin(headers)) {
        let message = "the console takes requests of its own page only";
        return Err(Refusal::rest(RestErrorCode::ActionNotPermitted, message));
    }
    Ok(())
}

/// Whether `Origin` names the host that was asked. Its scheme is not compared: a proxy may end TLS.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    authority.zip(host(headers)).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host))
}

/// Whether the host was asked for by a name that only this machine has. A page elsewhere may let its own
/// name point here (DNS rebinding), and then it is another one.
pub(super) fn is_asked_as_local(headers: &HeaderMap) -> bool {
    let name = host(headers).map(|host| {
        host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name)
    });
    name.is_some_and(|name| {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    })
}

/// Whether a proxy says that it passes the request on for somebody else.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    ["x-forwarded-for", "forwarded", "x-real-ip"].iter().any(|name| headers.contains_key(*name))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none())?;
    host.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_write_has_to_come_from_this_host_and_port() {
        let host = ("host", "hall.example:7788");
        let write = |origin: &'static str| check(&headers(&[host, ("origin", origin)]), true).is_ok();
        assert!(write("http://hall.example:7788") && write("https://HALL.example:7788"));
        for foreign in ["http://hall.example", "http://hall.example:80", "http://evil.example", "null", ""] {
            assert!(!write(foreign), "{foreign}");
        }
        assert!(check(&headers(&[host]), true).is_err(), "without an Origin");
        assert!(check(&headers(&[host]), false).is_ok(), "a read by a program");
    }

    #[test]
    fn what_a_browser_sends_for_another_site_is_refused_whatever_it_is() {
        for site in ["cross-site", "same-site"] {
            assert!(check(&headers(&[("host", "h"), ("sec-fetch-site", site)]), false).is_err(), "{site}");
        }
        assert!(check(&headers(&[("host", "h"), ("sec-fetch-site", "same-origin")]), false).is_ok());
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in ["localhost", "localhost:7788", "127.0.0.1:7788", "127.9.9.9", "[::1]:7788", "[::1]"] {
            assert!(is_asked_as_local(&headers(&[("host", local)])), "{local}");
        }
        for other in
            ["evil.example", "localhost.evil.example", "192.0.2.1:7788", "127.0.0.1.evil.example", ""]
        {
            assert!(!is_asked_as_local(&headers(&[("host", other)])), "{other}");
        }
        assert!(!is_asked_as_local(&HeaderMap::new()));
    }
}
