//! P5: a link that has gone dead is seen as such in time.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use peerhall_load::crowd::Sources;

use super::Scenario;
use crate::failed::{Doing, Failed};
use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::server::Settings;
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "dead-link",
    promise: "P5",
    about: "clients whose packets vanish are announced as gone within 40 s by default, within 15 s when set so",
    own_network: Some(OWN_NETWORK),
    run,
};

/// Set by the program that gave this process a network of its own, in which packets may be dropped.
const OWN_NETWORK: &str = "PEERHALL_TORTURE_OWN_NETWORK";

/// Where the clients come from whose link dies.
const DEAD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 9, 0, 1));

/// Rooms of two: one whose link dies, one who watches.
const ROOMS: usize = 20;

/// What measuring may add: the watcher is told at the end of a turn, and looks every few milliseconds.
const MEASURING: Duration = Duration::from_millis(250);

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let mut verdict = Verdict::default();
    let secs = Duration::from_secs;
    let blackhole = std::env::var_os(OWN_NETWORK).is_some();
    verdict.note(
        "links died by",
        if blackhole { "dropped packets" } else { "clients that read and say nothing" },
    );
    if plan.pick(true, false) {
        measure(plan, &mut verdict, "default, 30 s + 10 s", (secs(30), secs(10)), secs(40) + MEASURING)?;
        measure(plan, &mut verdict, "set to 10 s + 5 s", (secs(10), secs(5)), secs(15) + MEASURING)?;
    } else {
        measure(plan, &mut verdict, "set to 2 s + 1 s", (secs(2), secs(1)), plan.patience(secs(3)))?;
    }
    Ok(verdict)
}

/// Lets the links die and measures until the last watcher knows. `liveness` is the time between two pings
/// and the patience after one.
fn measure(
    plan: &Plan,
    verdict: &mut Verdict,
    name: &str,
    liveness: (Duration, Duration),
    bound: Duration,
) -> Result<(), Failed> {
    let text = |span: Duration| format!("{}ms", span.as_millis());
    let settings = Settings::of(&plan.binary)
        .with("PEERHALL_LIVENESS_PING_EVERY", text(liveness.0))
        .with("PEERHALL_LIVENESS_PONG_WITHIN", text(liveness.1));
    let server = settings.start()?;
    let mut fleet = Fleet::new(server.address(), 2, plan.random())?;
    for number in 0..2 * ROOMS {
        fleet.come_from(if number % 2 == 0 { Sources::One(DEAD) } else { Sources::Spread });
        let peer = format!("peer-{number}");
        fleet.add(server.keys().as_peer(&peer)?, peer, format!("room-{}", number / 2));
        // Spread over one interval, so that a link dies at every moment of it.
        fleet.run(Instant::now() + liveness.0 / (2 * ROOMS as u32), |_| false)?;
    }
    if !fleet.run(Instant::now() + Duration::from_secs(30), |fleet| fleet.complete() == 2 * ROOMS)? {
        return Err(Failed::new("the rooms did not fill within 30 s"));
    }

    let died = Instant::now();
    let _hole = std::env::var_os(OWN_NETWORK).map(|_| Blackhole::dig()).transpose()?;
    for room in 0..ROOMS {
        fleet.freeze(room * 2);
    }
    let mut seen = Vec::new();
    fleet.run(died + bound * 2, |fleet| {
        seen.resize(fleet.left().len(), died.elapsed());
        seen.len() >= ROOMS
    })?;
    let is_dead = |peer: &str| {
        peer.strip_prefix("peer-").is_some_and(|n| n.parse().is_ok_and(|n: usize| n.is_multiple_of(2)))
    };
    let right = fleet.left().iter().filter(|left| left.observer % 2 == 1 && is_dead(&left.peer)).count();
    verdict.exactly(&format!("{name}: seen as gone"), right, ROOMS);
    verdict.within("the last after", seen.last().copied().unwrap_or(Duration::MAX), bound);
    verdict.exactly("anybody else lost", fleet.losers(), 0);
    Ok(())
}

/// Packets of the dead address vanish, both ways, for as long as it lives.
struct Blackhole;

impl Blackhole {
    fn dig() -> Result<Self, Failed> {
        let rules = format!(
            "table inet torture {{\n chain hole {{\n type filter hook input priority 0;\n \
             ip saddr {DEAD} drop\n ip daddr {DEAD} drop\n }}\n}}\n"
        );
        let mut command = Command::new("nft");
        let done = command.arg(rules).status().doing("nft")?;
        if done.success() { Ok(Self) } else { Err(Failed::new("nft refused the rules that drop packets")) }
    }
}

impl Drop for Blackhole {
    fn drop(&mut self) {
        let _ = Command::new("nft").args(["delete", "table", "inet", "torture"]).status();
    }
}
