//! P1: a server that is killed and started again makes no client announce a peer as gone.

use std::time::{Duration, Instant};

use super::Scenario;
use crate::failed::Failed;
use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::server::Settings;
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "crash",
    promise: "P1",
    about: "100 rooms of 8 clients with the vendor's policy, kill -9, back after 2 s: nobody is announced as gone",
    own_network: None,
    run,
};

const ROOM: usize = 8;

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let rooms = plan.pick(100, 12);
    let down = plan.pick(Duration::from_secs(2), Duration::from_millis(700));
    // Ghosts that nobody came back for would be announced after the linger: it has to be sat out.
    let linger = plan.pick(15, 6);
    let settings = Settings::of(&plan.binary).with("PEERHALL_PRESENCE_LINGER", format!("{linger}s"));
    let mut server = settings.start()?;
    let mut fleet = Fleet::new(server.address(), ROOM, plan.random())?;
    for number in 0..rooms * ROOM {
        let peer = format!("peer-{number}");
        fleet.add(server.keys().as_peer(&peer)?, peer, format!("room-{}", number / ROOM));
    }
    let everybody = fleet.len();
    let whole = |fleet: &Fleet| fleet.complete() == everybody;
    if !fleet.run(Instant::now() + Duration::from_secs(60), whole)? {
        return Err(Failed::new("the rooms did not fill within 60 s"));
    }

    server.kill();
    let killed = Instant::now();
    fleet.run(killed + down, |_| false)?;
    server.launch()?;
    let listening = Instant::now();
    let all_back = fleet.run(listening + Duration::from_secs(30), whole)?;
    let last =
        fleet.completions().last().map_or(Duration::MAX, |last| last.saturating_duration_since(killed));
    fleet.run(listening + Duration::from_secs(linger + 2), |_| false)?;

    let mut verdict = Verdict::default();
    verdict.note("clients", everybody);
    verdict.exactly("false `left`", fleet.left().len(), 0);
    verdict.exactly("clients that lost their connection", fleet.losers(), everybody);
    verdict.holds("all back with the whole room", all_back && whole(&fleet));
    verdict.note("last back after", crate::verdict::millis(last));
    verdict.exactly("panics", server.panics(), 0);
    Ok(verdict)
}
