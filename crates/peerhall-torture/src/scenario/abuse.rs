//! P7: abuse of every kind costs bounded memory, gets a clear answer, and is not felt by others.

use std::time::{Duration, Instant};

use super::Scenario;
use crate::bystanders::Bystanders;
use crate::cores;
use crate::failed::Failed;
use crate::plan::Plan;
use crate::server::{Server, Settings, process};
use crate::verdict::{Verdict, millis};

use self::attack::{ALL, Attack};
pub(super) use self::attacker::Attacker;

mod attack;
mod attacker;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "abuse",
    promise: "P7",
    about: "every kind of abuse for a minute each: bounded memory, the right answer, others feel nothing",
    own_network: None,
    run,
};

const MIB: u64 = 1 << 20;

/// What most attacks last in the short form.
const USUAL_SHORT: Duration = Duration::from_millis(500);

/// Memory that an attack may cost while it lasts, in bytes.
const PEAK: u64 = 64 * MIB;

/// The attack of this name.
pub(super) fn attack_named(name: &str) -> Option<&'static Attack> {
    ALL.iter().find(|attack| attack.name == name)
}

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    cores::beside_the_server(|| play_all(plan))
}

fn play_all(plan: &Plan) -> Result<Verdict, Failed> {
    let settings = Settings::of(&plan.binary).on_one_core();
    let settings = match plan.pick(false, true) {
        false => settings,
        // What takes ten seconds and more by default has to show within a few.
        true => settings
            .with("PEERHALL_LIMITS_HANDSHAKE_TIMEOUT", "1s")
            .with("PEERHALL_LIVENESS_PING_EVERY", "1s")
            .with("PEERHALL_LIVENESS_PONG_WITHIN", "1500ms"),
    };
    let mut server = settings.start()?;
    let bystanders = Bystanders::start(server.address(), &server.keys().anonymous(), 20)?;
    let attacks = || ALL.iter().filter(|attack| plan.includes(attack.name));
    // A first pass, so that tables and buffers have the size that any use gives them.
    for attack in attacks() {
        play(attack, &server, plan, Duration::from_millis(plan.pick(1_000, 100)))?;
    }
    let mut verdict = Verdict::default();
    let mut worst = Worst::default();
    for attack in attacks() {
        measure(attack, &server, plan, &bystanders, &mut worst, &mut verdict)?;
    }
    verdict.note("attacks", attacks().count());
    verdict.note("s each", plan.pick(plan.span, USUAL_SHORT).as_secs_f64());
    verdict.note("worst peak", format_args!("+{} MiB ({})", worst.peak / MIB, worst.peak_of));
    verdict.note("worst p99 moved by", format_args!("{} ({})", millis(worst.moved), worst.moved_of));
    verdict.exactly("bystanders lost", bystanders.read()?.lost, 0);
    verdict.at_most("messages of bystanders missing", bystanders.missing(), 20);
    verdict.exactly("panics", server.panics(), 0);
    verdict.holds("the server stops in order", server.stop()?.success());
    Ok(verdict)
}

#[derive(Debug, Default)]
struct Worst {
    peak: u64,
    peak_of: &'static str,
    moved: Duration,
    moved_of: &'static str,
}

fn measure(
    attack: &Attack,
    server: &Server,
    plan: &Plan,
    bystanders: &Bystanders,
    worst: &mut Worst,
    verdict: &mut Verdict,
) -> Result<(), Failed> {
    let calm = bystanders.watch(plan.pick(Duration::from_secs(5), Duration::from_millis(100)))?;
    let memory = process::resident(server.pid())?;
    process::reset_peak(server.pid())?;
    bystanders.read()?;
    let span = plan.pick(plan.span.max(attack.needs), attack.takes);
    let attacker = play(attack, server, plan, span)?;
    let felt = bystanders.read()?;
    let peak = process::peak(server.pid())?.saturating_sub(memory);
    drop(attacker.crowd);

    let name = attack.name;
    verdict.holds(
        &format!("{name}: {}", attacker.tally),
        attack.answers.iter().all(|answer| attacker.tally.saw(answer)),
    );
    let moved = felt.p99.saturating_sub(calm.p99);
    if peak > PEAK {
        verdict.at_most(&format!("{name}: MiB more at the peak"), peak / MIB, PEAK / MIB);
    }
    let bound = plan.pick(Duration::from_millis(5), Duration::from_secs(3));
    if moved > bound {
        verdict.within(&format!("{name}: p99 of others moved from {} by", millis(calm.p99)), moved, bound);
    }
    let spare = plan.pick(MIB, 8 * MIB);
    let allowed = memory + memory / 10 + spare;
    if !is_back(server, allowed, plan.pick(Duration::from_secs(60), Duration::from_secs(10)))? {
        let after = process::resident(server.pid())?;
        verdict.at_most(&format!("{name}: MiB a minute after"), after / MIB, allowed / MIB);
    }
    if peak > worst.peak {
        (worst.peak, worst.peak_of) = (peak, name);
    }
    if moved > worst.moved {
        (worst.moved, worst.moved_of) = (moved, name);
    }
    Ok(())
}

/// Whether memory goes back to what it was, which it need not do at once.
fn is_back(server: &Server, allowed: u64, patience: Duration) -> Result<bool, Failed> {
    let end = Instant::now() + patience;
    while process::resident(server.pid())? > allowed {
        if Instant::now() > end {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(true)
}

fn play(attack: &Attack, server: &Server, plan: &Plan, span: Duration) -> Result<Attacker, Failed> {
    let mut attacker = Attacker::new(server, attack, plan.random())?;
    attacker.go_on(Instant::now() + span)?;
    Ok(attacker)
}
