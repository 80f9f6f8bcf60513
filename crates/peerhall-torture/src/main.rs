//! `peerhall-torture`: plays attacks on a server's binary, one PASS or FAIL line each.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use peerhall_torture::{ALL, Plan, Scale, Scenario, is_abuse, named, report};

/// Attacks the real server, one promise each
#[derive(Debug, Parser)]
struct Arguments {
    /// What to play; see the list below
    names: Vec<String>,
    /// Play everything
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Decides everything random [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Play small and quick, with generous bounds on time
    #[arg(long)]
    short: bool,
    /// How long each kind of abuse lasts at full size, in seconds
    #[arg(long, default_value_t = 60)]
    span: u64,
    /// Play only this kind of abuse of `abuse` and `caps`, by its name in the lines; may be given often
    #[arg(long = "attack", value_name = "NAME")]
    attacks: Vec<String>,
    /// The server's binary
    #[arg(long, env = "PEERHALL_BIN", value_name = "FILE")]
    binary: PathBuf,
    /// A binary with the feature `failpoints` [default: the server's binary]
    #[arg(long, value_name = "FILE")]
    failpoints: Option<PathBuf>,
    /// Put each line into this page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    let scale = if arguments.short { Scale::Short } else { Scale::Full };
    let mut plan = Plan::new(seed, scale, &arguments.binary);
    if let Some(failpoints) = &arguments.failpoints {
        plan.failpoints.clone_from(failpoints);
    }
    plan.span = Duration::from_secs(arguments.span);
    if let Some(unknown) = arguments.attacks.iter().find(|name| !is_abuse(name)) {
        eprintln!("there is no kind of abuse `{unknown}`");
        return ExitCode::from(2);
    }
    plan.attacks = arguments.attacks;
    let mut chosen: Vec<&Scenario> = Vec::new();
    for name in &arguments.names {
        let Some(scenario) = named(name) else {
            eprintln!("there is no scenario `{name}`; there are:\n{}", list());
            return ExitCode::from(2);
        };
        chosen.push(scenario);
    }
    if arguments.all {
        chosen.extend(ALL);
    }
    if chosen.is_empty() {
        eprintln!("name a scenario, or --all:\n{}", list());
        return ExitCode::from(2);
    }
    let mut all_passed = true;
    for scenario in chosen {
        all_passed &= play(scenario, &plan, arguments.report.as_deref());
    }
    if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays one and prints its line.
fn play(scenario: &Scenario, plan: &Plan, page: Option<&Path>) -> bool {
    if let Some(passed) = play_in_own_network(scenario, plan, page) {
        return passed;
    }
    let began = Instant::now();
    let outcome = scenario.play(plan);
    let (word, words) = match &outcome {
        Ok(verdict) if verdict.passed() => ("PASS", verdict.to_string()),
        Ok(verdict) => ("FAIL", verdict.to_string()),
        Err(error) => ("FAIL", format!("could not be played: {error}")),
    };
    let secs = began.elapsed().as_secs();
    let line =
        format!("{word} {} ({}) seed {}, {secs} s: {words}", scenario.name, scenario.promise, plan.seed);
    println!("{line}");
    let noted = page.map_or(Ok(()), |page| report::note(page, scenario, plan, &line));
    if let Err(error) = &noted {
        eprintln!("the report cannot be written: {error}");
    }
    word == "PASS" && noted.is_ok()
}

/// Plays a scenario that drops packets in another process with a network of its own; `None` where that
/// is not needed or not allowed.
fn play_in_own_network(scenario: &Scenario, plan: &Plan, page: Option<&Path>) -> Option<bool> {
    if scenario.own_network.is_none_or(|variable| std::env::var_os(variable).is_some()) {
        return None;
    }
    let allowed = Command::new("unshare").args(["--net", "nft", "list", "tables"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut command = Command::new("unshare");
    command
        .args(["--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().ok()?)
        .args([scenario.name, "--seed", &plan.seed.to_string(), "--binary"])
        .arg(&plan.binary)
        .envs(scenario.own_network.map(|variable| (variable, "1")));
    if plan.scale == Scale::Short {
        command.arg("--short");
    }
    if let Some(page) = page {
        command.arg("--report").arg(page);
    }
    Some(command.status().is_ok_and(|status| status.success()))
}

fn list() -> String {
    ALL.iter()
        .map(|scenario| format!("  {:<10} {:<4} {}\n", scenario.name, scenario.promise, scenario.about))
        .collect()
}
