//! P2: after a crash everybody is back soon, and knows at once who is there.

use std::time::{Duration, Instant};

use super::Scenario;
use crate::failed::Failed;
use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::server::{Server, Settings};
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "herd",
    promise: "P2",
    about: "10,000 clients, kill -9, back after 2 s and again after 5 s: how long until all have their room again",
    own_network: None,
    run,
};

const ROOM: usize = 4;

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let clients = plan.pick(10_000, 400);
    let mut server = Settings::of(&plan.binary).start()?;
    let mut fleet = Fleet::new(server.address(), ROOM, plan.random())?;
    let mut verdict = Verdict::default();
    verdict.note("clients", clients);
    fill(&mut fleet, &server, clients)?;

    let secs = Duration::from_secs;
    let moments = outage(&mut server, &mut fleet, plan.pick(secs(2), secs(1)))?;
    verdict.exactly("back after an outage of 2 s", moments.len(), clients);
    verdict.within("p99", at(&moments, 99), plan.patience(secs(6)));
    verdict.within("last", at(&moments, 100), plan.patience(secs(10)));
    if plan.pick(true, false) {
        let moments = outage(&mut server, &mut fleet, secs(5))?;
        verdict.exactly("back after an outage of 5 s", moments.len(), clients);
        verdict.within("last", at(&moments, 100), secs(12));
    }
    verdict.exactly("false `left`", fleet.left().len(), 0);
    verdict.exactly("panics", server.panics(), 0);
    Ok(verdict)
}

/// Lets so many clients in, a few hundred at a time, as clients come on an ordinary day.
fn fill(fleet: &mut Fleet, server: &Server, clients: usize) -> Result<(), Failed> {
    while fleet.len() < clients {
        for _ in 0..400 {
            let number = fleet.len();
            if number == clients {
                break;
            }
            let peer = format!("peer-{number}");
            fleet.add(server.keys().as_peer(&peer)?, peer, format!("room-{}", number / ROOM));
        }
        let known = fleet.len();
        if !fleet.run(Instant::now() + Duration::from_secs(60), |fleet| fleet.complete() == known)? {
            return Err(Failed::new(format!("only {} of {known} got into their rooms", fleet.complete())));
        }
    }
    Ok(())
}

/// Kills the server and starts it again after `down`. Returns how long after the kill each client had
/// its whole room, the earliest first.
fn outage(server: &mut Server, fleet: &mut Fleet, down: Duration) -> Result<Vec<Duration>, Failed> {
    server.kill();
    let killed = Instant::now();
    fleet.run(killed + down, |_| false)?;
    server.launch()?;
    let everybody = fleet.len();
    fleet.run(killed + down + Duration::from_secs(60), |fleet| fleet.complete() == everybody)?;
    Ok(fleet.completions().into_iter().map(|moment| moment.saturating_duration_since(killed)).collect())
}

fn at(moments: &[Duration], percent: usize) -> Duration {
    let place = (moments.len() * percent / 100).min(moments.len().saturating_sub(1));
    moments.get(place).copied().unwrap_or(Duration::MAX)
}
