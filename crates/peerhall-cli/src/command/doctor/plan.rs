//! What a list of ICE servers gives to check: decided here, done in `echo.rs`, `relayed.rs` and `nat.rs`.

use peerhall_rtc::config::IceServer;
use peerhall_rtc::net::server::{self, Server, ServerTransport, Service};
use serde_json::Value;

use super::report::Line;

/// URLs of relays that are tried. Each takes two allocations, and a user has 64 ports by default.
const MAX_RELAYS: usize = 16;

/// What is to be done with a list.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// TURN servers, each by one way, to send something through.
    pub(super) relays: Vec<Relay>,
    /// The STUN servers over UDP, which tell what others see of this machine.
    pub(super) stun: Option<IceServer>,
    /// What the list itself shows.
    pub(super) lines: Vec<Line>,
    /// The list as clients use it; empty when they refuse it.
    pub(super) list: Vec<IceServer>,
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
    /// Reads `iceServers` of a welcome as clients do: all of it or nothing.
    pub(super) fn of(list: &Value) -> Self {
        match read(list) {
            Ok((list, servers)) => Self::with(list, servers),
            Err(found) => {
                let cure = "Correct `iceServers` in the token's metadata or `turn_external.urls`: clients ignore the \
                            whole list.";
                Self { lines: vec![Line::bad("ice servers", found, cure)], ..Self::default() }
            }
        }
    }

    fn with(list: Vec<IceServer>, servers: Vec<Server>) -> Self {
        let mut plan = Self { list, ..Self::default() };
        let urls: Vec<(IceServer, String)> = plan.list.iter().flat_map(alone).collect();
        let mut untried = 0;
        for ((server, url), found) in urls.into_iter().zip(servers) {
            let via = found.endpoint.transport;
            match found.service {
                Service::Turn(_) if plan.relays.len() < MAX_RELAYS => {
                    plan.relays.push(Relay { server, via, url });
                }
                Service::Turn(_) => untried += 1,
                Service::Stun if via == ServerTransport::Udp => {
                    plan.stun.get_or_insert_default().urls.push(url);
                }
                Service::Stun => {}
            }
        }
        if untried > 0 {
            let found = format!("{untried} more URLs were not tried, behind the first {MAX_RELAYS}");
            plan.lines.push(Line::unknown("turn", found));
        }
        plan.judge_relays();
        plan
    }

    fn judge_relays(&mut self) {
        if self.relays.is_empty() {
            let cure = "Start the server with --turn ADDR (`turn.listen`), or name a service of your own in \
                        `turn_external`.";
            self.lines.push(Line::bad("turn", "the server offers no TURN to this credential", cure));
        } else if !self.relays.iter().any(|relay| relay.via == ServerTransport::Tls) {
            let cure = "Give the server a certificate (`tls.cert_file`, `tls.key_file`): then TURN over TLS comes \
                        on the port of HTTPS by itself.";
            let found = "none over TLS: who may open nothing but port 443 is not relayed";
            self.lines.push(Line::warning("turn", found, cure));
        }
    }
}

/// An entry as one for each of its URLs.
fn alone(entry: &IceServer) -> impl Iterator<Item = (IceServer, String)> {
    entry.urls.iter().map(|url| (IceServer { urls: vec![url.clone()], ..entry.clone() }, url.clone()))
}

/// Reads a list with the parsers of our own clients, signalling first and then connections; says what they
/// do not take. A welcome without a list has an empty one.
fn read(list: &Value) -> Result<(Vec<IceServer>, Vec<Server>), String> {
    if list.is_null() {
        return Ok((Vec::new(), Vec::new()));
    }
    let entries = peerhall::read_ice_servers(list.clone()).ok_or_else(|| fault(list))?;
    let entry = |entry: peerhall::IceServer| IceServer {
        urls: entry.urls,
        username: entry.username,
        credential: entry.credential.map(|credential| credential.expose().to_owned()),
    };
    let entries: Vec<IceServer> = entries.into_iter().map(entry).collect();
    let servers = server::parse(&entries).map_err(|error| error.to_string())?;
    Ok((entries, servers))
}

/// What is wrong with a list that is refused, without its secrets.
fn fault(list: &Value) -> String {
    let Some(entries) = list.as_array() else { return "iceServers is no list".to_owned() };
    let is_wrong = |entry: &Value| peerhall::read_ice_servers(Value::Array(vec![entry.clone()])).is_none();
    match entries.iter().position(is_wrong) {
        Some(place) => format!(
            "iceServers: entry {place} is not one: it must have `urls` that begin with stun:, stuns:, turn: or turns:, \
             and no text may be over its length"
        ),
        None => format!("iceServers: {} entries are too many", entries.len()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::report::Verdict;
    use super::*;

    fn verdicts(plan: &Plan) -> Vec<Verdict> {
        plan.lines.iter().map(Line::verdict).collect()
    }

    fn turn(urls: Value) -> Value {
        json!({ "urls": urls, "username": "u", "credential": "c" })
    }

    #[test]
    fn every_url_of_a_relay_is_checked_on_its_own() {
        let urls = ["turn:a:3478?transport=udp", "turn:a:3478?transport=tcp", "turns:a:443?transport=tcp"];
        let plan = Plan::of(&json!([{ "urls": ["stun:a:3478"] }, turn(json!(urls))]));
        let relays: Vec<_> = plan.relays.iter().map(|relay| (relay.url.as_str(), relay.via)).collect();
        let ways = [ServerTransport::Udp, ServerTransport::Tcp, ServerTransport::Tls];
        assert!(relays.into_iter().eq(urls.into_iter().zip(ways)));
        assert!(plan.relays.iter().all(|relay| relay.server.credential.as_deref() == Some("c")));
        assert!(plan.stun.as_ref().is_some_and(|stun| stun.urls == ["stun:a:3478"]));
        assert_eq!((verdicts(&plan), plan.list.len()), (vec![], 2));
    }

    #[test]
    fn no_relay_is_bad_and_none_over_tls_is_told() {
        assert_eq!(verdicts(&Plan::of(&json!([]))), [Verdict::Bad]);
        assert_eq!(verdicts(&Plan::of(&Value::Null)), [Verdict::Bad]);
        assert_eq!(verdicts(&Plan::of(&json!([turn(json!("turn:a"))]))), [Verdict::Warning]);
    }

    #[test]
    fn one_entry_that_clients_do_not_take_spoils_the_whole_list_as_it_does_for_them() {
        let good = turn(json!(["turn:a", "turns:a?transport=tcp"]));
        let many: Vec<Value> = (0..17).map(|_| good.clone()).collect();
        for (list, about) in [
            (json!([good, 7]), "entry 1"),
            (json!([good, { "urls": "http://a" }]), "entry 1"),
            (json!([good, { "urls": [] }]), "entry 1"),
            (json!([{ "urls": ["turn:a", 1] }, good]), "entry 0"),
            (json!([good, { "urls": "turn:a" }]), "credential"),
            (json!([good, turn(json!("turn:a:0"))]), "port"),
            (json!([good, turn(json!("turns:a?transport=udp"))]), "DTLS"),
            (json!(many), "17"),
            (json!([turn(json!(vec!["turn:a"; 65]))]), "addresses"),
            (json!({ "urls": "turn:a" }), "list"),
        ] {
            let plan = Plan::of(&list);
            assert_eq!((verdicts(&plan), plan.relays.len()), (vec![Verdict::Bad], 0), "{list}");
            let said = serde_json::to_string(&plan.lines).expect("JSON");
            assert!(said.contains(about) && !said.contains("\"c\""), "{said}");
        }
    }

    #[test]
    fn of_very_many_relays_the_first_are_tried_and_the_rest_is_counted() {
        let plan = Plan::of(&json!([turn(json!(vec!["turns:a?transport=tcp"; 60]))]));
        assert_eq!((verdicts(&plan), plan.relays.len()), (vec![Verdict::Unknown], MAX_RELAYS));
    }
}
