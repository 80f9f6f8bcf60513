//! The order of the checks, and what each needs of those before it.

use std::collections::BTreeMap;

use peerhall_rtc::config::IceServer;
use peerhall_rtc::net::server::ServerTransport;
use peerhall_rtc::net::{CandidateKind, Loopback, NetEvent, Network, NetworkConfig};
use serde_json::Value;

use super::door::{self, Door};
use super::echo::{self, ALLOCATED_WITHIN, NoEcho};
use super::plan::{Plan, Relay};
use super::report::{Line, Report};
use super::target::{Credential, Target};
use super::{health, nat, relayed, upgrade};

/// Checks everything that can be checked.
pub(super) async fn examine(target: &Target, credential: Option<&Credential>) -> Report {
    let mut report = Report::on(target.to_string());
    let Some((door, loopback)) = reach(target, &mut report).await else { return report };
    report.add(health::clock(target, &door).await);
    let Some(list) = sign_in(target, &door, credential, &mut report).await else { return report };
    let plan = Plan::of(&list);
    plan.lines.iter().cloned().for_each(|line| report.add(line));
    let over_udp = relays(&plan, loopback, &mut report).await;
    let (stun, turn) = (plan.stun.clone(), over_udp.cloned());
    if !plan.list.is_empty() {
        report.add(candidates(plan.list, loopback).await);
    }
    match (&stun, turn) {
        (Some(stun), Some(turn)) => {
            report.add(relayed::line(relayed::try_from_here(stun, &turn.server, loopback).await));
            report.add(nat::line(nat::find(stun, &turn.server, loopback).await));
        }
        (None, _) | (_, None) => {
            report.add(Line::unknown("nat", "not found out: that takes STUN and TURN over UDP"));
        }
    }
    report
}

/// Name, port and certificate: the way to the server, and whether it is on this machine.
async fn reach(target: &Target, report: &mut Report) -> Option<(Door, Loopback)> {
    let (line, addresses) = door::name(target).await;
    report.add(line);
    let (line, address) =
        if addresses.is_empty() { return None } else { door::port(target, &addresses).await };
    report.add(line);
    let address = address?;
    let (line, door) = door::certificate(target, address).await;
    report.add(line);
    let loopback = if address.ip().is_loopback() { Loopback::Always } else { Loopback::WhenAlone };
    Some((door?, loopback))
}

/// The ICE servers that the server gives to this credential.
async fn sign_in(
    target: &Target,
    door: &Door,
    credential: Option<&Credential>,
    report: &mut Report,
) -> Option<Value> {
    let (line, socket) = upgrade::upgrade(target, door, credential).await;
    report.add(line);
    let (line, list) = upgrade::credential(&mut socket?, credential).await;
    report.add(line);
    list
}

/// All relays at once: one that is silent takes its five seconds. Returns one that works over UDP.
async fn relays<'p>(plan: &'p Plan, loopback: Loopback, report: &mut Report) -> Option<&'p Relay> {
    let asked: Vec<_> = plan
        .relays
        .iter()
        .map(|relay| {
            let server = relay.server.clone();
            tokio::spawn(async move { echo::echo(&server, loopback).await })
        })
        .collect();
    let (mut lines, mut works, mut over_udp) = (Vec::new(), false, None);
    for (relay, asked) in plan.relays.iter().zip(asked) {
        // A task that is not aborted ends with its result, or with a panic of ours.
        let result = asked.await.unwrap_or_else(|error| Err(NoEcho::NoSocket(error.to_string())));
        works |= result.is_ok();
        if result.is_ok() && relay.via == ServerTransport::Udp {
            over_udp.get_or_insert(relay);
        }
        lines.push(echo::line(relay, result));
    }
    let is_blamed = works || lines.is_empty() || lines.iter().any(Line::is_bad);
    lines.into_iter().for_each(|line| report.add(line));
    if !is_blamed {
        let cure = "Give the server and this machine addresses of one family, IPv4 or IPv6.";
        report.add(Line::bad("turn", "no relay can be reached from here", cure));
    }
    over_udp
}

/// What this machine can offer to others.
async fn candidates(ice_servers: Vec<IceServer>, loopback: Loopback) -> Line {
    let config =
        NetworkConfig { ice_servers, loopback, gather_timeout: ALLOCATED_WITHIN, ..NetworkConfig::default() };
    let mut network = match Network::open(config) {
        Ok(network) => network,
        Err(error) => {
            return Line::bad("candidates", error.to_string(), "Connect this machine to a network.");
        }
    };
    network.gather();
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    loop {
        match network.next().await {
            NetEvent::Candidate(candidate) => {
                let family = if candidate.addr.is_ipv4() { "IPv4" } else { "IPv6" };
                let kind = match candidate.kind {
                    CandidateKind::Host => format!("host {family}"),
                    CandidateKind::ServerReflexive => format!("server-reflexive {family}"),
                    CandidateKind::Relayed { via } => format!("relayed {family} by {}", echo::name(via)),
                };
                *kinds.entry(kind).or_default() += 1;
            }
            NetEvent::GatheringDone => break,
            NetEvent::CandidateLost(_)
            | NetEvent::Failed { .. }
            | NetEvent::Packets(_)
            | NetEvent::Changed => {}
        }
    }
    if kinds.is_empty() {
        return Line::bad("candidates", "none", "Connect this machine to a network.");
    }
    let list: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    Line::good("candidates", list.join(", "))
}
