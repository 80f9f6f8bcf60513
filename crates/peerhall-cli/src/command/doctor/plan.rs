//! What a list of ICE servers gives to check: decided here, done in `echo.rs` and `nat.rs`.

use peerhall_rtc::config::IceServer;
use peerhall_rtc::net::server::{self, ServerTransport, Service};

use super::report::Line;

/// What is to be done with a list.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// TURN servers, each by one way, to send something through.
    pub(super) relays: Vec<Relay>,
    /// The STUN servers over UDP, which tell what others see of this machine.
    pub(super) stun: Option<IceServer>,
    /// What the list itself shows.
    pub(super) lines: Vec<Line>,
}

/// One URL of a TURN server.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    /// The server with this URL alone.
    pub(super) server: IceServer,
    pub(super) via: ServerTransport,
    /// The URL, which holds no secret.
    pub(super) url: String,
}

impl Plan {
    /// Reads a list of ICE servers.
    pub(super) fn of(list: &[IceServer]) -> Self {
        let mut plan = Self::default();
        for entry in list {
            for url in &entry.urls {
                plan.add(IceServer { urls: vec![url.clone()], ..entry.clone() }, url);
            }
        }
        if plan.relays.is_empty() {
            let cure = "Start the server with --turn ADDR (`turn.listen`), or name a service of your own in \
                        `turn_external`.";
            plan.lines.push(Line::bad("turn", "the server offers no TURN to this credential", cure));
        } else if !plan.relays.iter().any(|relay| relay.via == ServerTransport::Tls) {
            let cure = "Give the server a certificate (`tls.cert_file`, `tls.key_file`): then TURN over TLS comes \
                        on the port of HTTPS by itself.";
            let found = "none over TLS: who may open nothing but port 443 is not relayed";
            plan.lines.push(Line::warning("turn", found, cure));
        }
        plan
    }

    fn add(&mut self, entry: IceServer, url: &str) {
        match server::parse(std::slice::from_ref(&entry)).map(|servers| servers.into_iter().next()) {
            Ok(Some(found)) => match found.service {
                Service::Turn(_) => {
                    let via = found.endpoint.transport;
                    self.relays.push(Relay { server: entry, via, url: url.to_owned() });
                }
                Service::Stun if found.endpoint.transport == ServerTransport::Udp => {
                    let stun = self.stun.get_or_insert_default();
                    stun.urls.extend(entry.urls);
                }
                Service::Stun => {}
            },
            Ok(None) => {}
            Err(error) => {
                let cure = "Correct this entry in the token's metadata or in `turn_external.urls`: clients ignore \
                            the whole list.";
                self.lines.push(Line::bad("ice servers", error.problem.to_string(), cure));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn entry(urls: &[&str], username: Option<&str>) -> IceServer {
        IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: username.map(str::to_owned),
            credential: username.map(str::to_owned),
        }
    }

    fn verdicts(plan: &Plan) -> Vec<Verdict> {
        plan.lines.iter().map(Line::verdict).collect()
    }

    #[test]
    fn every_url_of_a_relay_is_checked_on_its_own() {
        let urls = ["turn:a:3478?transport=udp", "turn:a:3478?transport=tcp", "turns:a:443?transport=tcp"];
        let plan = Plan::of(&[entry(&["stun:a:3478"], None), entry(&urls, Some("u"))]);
        let relays: Vec<_> = plan.relays.iter().map(|relay| (relay.url.as_str(), relay.via)).collect();
        let ways = [ServerTransport::Udp, ServerTransport::Tcp, ServerTransport::Tls];
        assert!(relays.into_iter().eq(urls.into_iter().zip(ways)));
        assert!(plan.stun.as_ref().is_some_and(|stun| stun.urls == ["stun:a:3478"]));
        assert_eq!(verdicts(&plan), []);
    }

    #[test]
    fn no_relay_is_bad_and_none_over_tls_is_told() {
        assert_eq!(verdicts(&Plan::of(&[])), [Verdict::Bad]);
        assert_eq!(verdicts(&Plan::of(&[entry(&["turn:a"], Some("u"))])), [Verdict::Warning]);
        // An entry that spoils the list for clients.
        assert_eq!(verdicts(&Plan::of(&[entry(&["turn:a"], None)])), [Verdict::Bad, Verdict::Bad]);
    }
}
