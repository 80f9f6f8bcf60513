//! P8: under a hard cap on memory or descriptors the server lives, refuses newcomers and keeps who is
//! there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Scenario;
use super::abuse::{Attacker, attack_named};
use crate::bystanders::Bystanders;
use crate::cores;
use crate::failed::{Doing, Failed};
use crate::plan::Plan;
use crate::server::metrics::Metrics;
use crate::server::{Server, Settings};
use crate::verdict::{Verdict, millis};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "caps",
    promise: "P8",
    about: "256 descriptors, then a cgroup of 128 MiB: never killed, newcomers shed, those who are there served",
    own_network: None,
    run,
};

const CAP: u64 = 128 << 20;

/// How far abuse may move the p99 of others. Twice a p99 of 0.2 ms is less than one turn of the scheduler.
const MOVED: Duration = Duration::from_millis(5);

/// What the short form grants, because it runs on any machine: it shows that nobody is left waiting.
const SLOW_MACHINE: Duration = Duration::from_secs(3);

/// What presses on a server without descriptors, and on one without memory, which gets all of the first, too.
const WITHOUT_DESCRIPTORS: [&str; 2] = ["slow heads", "rush from one address"];
const WITHOUT_MEMORY: [&str; 5] = ["slow heads", "half-open", "flood", "fragments", "rush from one address"];

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    if !WITHOUT_MEMORY.iter().any(|name| plan.includes(name)) {
        return Err(Failed::new(format!("it plays {}", WITHOUT_MEMORY.join(", "))));
    }
    cores::beside_the_server(|| press_on_both(plan))
}

fn press_on_both(plan: &Plan) -> Result<Verdict, Failed> {
    let mut verdict = Verdict::default();
    let few = Settings::of(&plan.binary).on_one_core().wrapped(["prlimit", "--nofile=256"]);
    let mut server = few.start()?;
    press(plan, &mut server, &WITHOUT_DESCRIPTORS, &mut verdict, "256 descriptors")?;
    verdict.holds("newcomers were shed", sheds(plan, &server)?);
    drop(server);

    let group = MemoryGroup::create()?;
    let join = format!("echo $$ > {} && exec \"$0\" \"$@\"", group.0.join("cgroup.procs").display());
    let small = Settings::of(&plan.binary).on_one_core().wrapped(["sh", "-c", &join]);
    let mut server = small.start()?;
    press(plan, &mut server, &WITHOUT_MEMORY, &mut verdict, "128 MiB")?;
    verdict.note("MiB at the group's peak", group.peak()? >> 20);
    Ok(verdict)
}

/// Whether newcomers are turned away once all descriptors are taken. On a busy machine the attacks before
/// may have been too slow to take them.
fn sheds(plan: &Plan, server: &Server) -> Result<bool, Failed> {
    let rush = attack_named("rush from one address").ok_or_else(|| Failed::new("there is no rush"))?;
    let end = Instant::now() + Duration::from_secs(60);
    while Metrics::read(server.address())?.get("peerhall_sockets_shed_total") == 0.0 {
        if Instant::now() > end {
            return Ok(false);
        }
        Attacker::new(server, rush, plan.random())?.go_on(Instant::now() + Duration::from_secs(1))?;
    }
    Ok(true)
}

/// Attacks a server under its cap, and holds what bystanders get against what they got before.
fn press(
    plan: &Plan,
    server: &mut Server,
    attacks: &[&str],
    verdict: &mut Verdict,
    cap: &str,
) -> Result<(), Failed> {
    let span = plan.pick(Duration::from_secs(20), Duration::from_millis(700));
    let bystanders = Bystanders::start(server.address(), &server.keys().anonymous(), 20)?;
    let calm = bystanders.watch(span)?;
    let mut worst = (calm, "nothing");
    for name in attacks.iter().filter(|name| plan.includes(name)) {
        let attack = attack_named(name).ok_or_else(|| Failed::new(format!("there is no attack {name}")))?;
        bystanders.read()?;
        let mut attacker = Attacker::new(server, attack, plan.random())?;
        attacker.go_on(Instant::now() + span)?;
        let felt = bystanders.read()?;
        verdict.note(&format!("during {name}"), millis(felt.p99));
        if felt.p99 > worst.0.p99 {
            worst = (felt, name);
        }
    }
    let (worst, during) = worst;
    verdict.holds(&format!("{cap}: alive"), server.is_alive());
    verdict.exactly("those who were there lost", worst.lost, 0);
    verdict.note("their p99 before", millis(calm.p99));
    let bound = (calm.p99 * 2).max(calm.p99 + MOVED) + plan.pick(Duration::ZERO, SLOW_MACHINE);
    verdict.within(&format!("at worst ({during})"), worst.p99, bound);
    verdict.exactly("panics", server.panics(), 0);
    Ok(())
}

/// A control group of the system that may hold 128 MiB; removed at its end.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    fn create() -> Result<Self, Failed> {
        let name = format!("peerhall-torture-{}", std::process::id());
        // Version 1 has a tree for memory alone, version 2 one for everything.
        let trees = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        for (tree, limit) in trees {
            let folder = Path::new(tree).join(&name);
            if fs::create_dir(&folder).is_ok() {
                let group = Self(folder);
                if fs::write(group.0.join(limit), CAP.to_string()).is_ok() {
                    return Ok(group);
                }
            }
        }
        Err(Failed::new("no control group for memory can be made: run it as root"))
    }

    fn peak(&self) -> Result<u64, Failed> {
        let files = ["memory.max_usage_in_bytes", "memory.peak", "memory.current"];
        let texts = files.iter().find_map(|file| fs::read_to_string(self.0.join(file)).ok());
        texts.unwrap_or_default().trim().parse().doing("the group's peak")
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // The server in it has been killed and waited for; the system may need a moment more.
        for _ in 0..50 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
