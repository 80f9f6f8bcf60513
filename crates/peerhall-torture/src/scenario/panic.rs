//! P20: a fault of the server while it serves one connection costs that connection and no other.

use std::time::{Duration, Instant};

use super::Scenario;
use crate::failed::Failed;
use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::server::Settings;
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "panic",
    promise: "P20",
    about: "a forced panic in one connection's input among 10,000 (a build with failpoints): one is lost",
    own_network: None,
    run,
};

const ROOM: usize = 10;

/// The word that makes a server with failpoints panic.
const WORD: &str = "now-panic";

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let clients = plan.pick(10_000, 200);
    let server = Settings::of(&plan.failpoints).with("PEERHALL_FAILPOINT", WORD).start()?;
    let mut random = plan.random();
    let victim = random.usize(..clients);
    let mut fleet = Fleet::new(server.address(), ROOM, random)?;
    for number in 0..clients {
        let peer = format!("peer-{number}");
        fleet.add(server.keys().as_peer(&peer)?, peer, format!("room-{}", number / ROOM));
        if number % 500 == 499 || number + 1 == clients {
            let limit = Instant::now() + Duration::from_secs(60);
            if !fleet.run(limit, |fleet| fleet.complete() == fleet.len())? {
                return Err(Failed::new("the rooms did not fill within 60 s"));
            }
        }
    }

    fleet.send(victim, &publish(victim, WORD));
    let limit = Instant::now() + Duration::from_secs(30);
    fleet.run(limit, |fleet| fleet.losses() > 0)?;
    let back = fleet.run(limit, |fleet| fleet.complete() == fleet.len())?;
    let heard_of_it = fleet.heard();
    // Everybody is still served: one message in every room reaches the other nine.
    for room in 0..clients / ROOM {
        fleet.send(room * ROOM, &publish(room * ROOM, "hello"));
    }
    let wanted = heard_of_it + (clients / ROOM * (ROOM - 1)) as u64;
    fleet.run(Instant::now() + Duration::from_secs(30), |fleet| fleet.heard() >= wanted)?;

    let mut verdict = Verdict::default();
    verdict.note("clients", clients);
    verdict.exactly("lost", fleet.losers(), 1);
    verdict.holds("closed with 1011", fleet.codes() == [Some(1011)]);
    verdict.exactly("panics in the log", server.panics(), 1);
    verdict.exactly("announced as gone to its room", fleet.left().len(), ROOM - 1);
    verdict.holds("back in its room", back);
    verdict.exactly("messages after it", fleet.heard() - heard_of_it, wanted - heard_of_it);
    Ok(verdict)
}

fn publish(member: usize, data: &str) -> String {
    format!(r#"{{"type":"publish","channel":"room-{}","data":"{data}"}}"#, member / ROOM)
}
