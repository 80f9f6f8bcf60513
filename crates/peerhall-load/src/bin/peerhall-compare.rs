//! `cargo xtask bench`: our server beside others, one line for each ratio. Status 0 only when all pass.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use peerhall_load::compare::{self, Machine, Outcome, Page, Peer, Places, Plan};
use peerhall_load::machine;
use peerhall_load::scenario::Conditions;
use peerhall_load::subject::{Own, Subject};

/// Core of the servers.
const SERVER_CORE: usize = 0;
/// Core of the generator.
const OUR_CORE: usize = 1;

/// Measures Peerhall beside other servers and judges the ratios.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Release build of Peerhall
    #[arg(long, value_name = "PATH")]
    peerhall: PathBuf,
    /// Folder with the other servers
    #[arg(long, value_name = "DIR")]
    peers: PathBuf,
    /// Folder with those of them that were built
    #[arg(long, value_name = "DIR", default_value = "built")]
    built: PathBuf,
    /// Node.js
    #[arg(long, value_name = "PATH", default_value = "node")]
    node: PathBuf,
    /// Beside whom: bun, nats, mosquitto, nchan, socketio, peerserver, socketioxide,
    /// matchbox, centrifuge [default: the first three, socketio and peerserver]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    beside: Vec<Peer>,
    /// Only figures whose names begin so
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    figure: Vec<String>,
    /// Pairs behind each ratio
    #[arg(long, value_name = "N", default_value_t = 5)]
    pairs: usize,
    /// Length of a window in seconds
    #[arg(long, value_name = "N", default_value_t = 0.7)]
    seconds: f64,
    /// Seconds to wait for quiet pairs, for each ratio
    #[arg(long, value_name = "N", default_value_t = 15)]
    patience: u64,
    /// Connections of the idle crowd
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    connections: usize,
    /// Where random choices begin
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder for bench.md and bench.json
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// Day of the run, for the page
    #[arg(long, value_name = "DAY", default_value = "a day that was not given")]
    date: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let _ = machine::raise_descriptor_limit();
    if !machine::pin_to_core(OUR_CORE) {
        eprintln!("error: the comparison needs Linux and two cores; measure alone with `peerhall bench`");
        return ExitCode::FAILURE;
    }
    let alone = alone(&arguments);
    let outcomes = compare_all(&arguments);
    let verdicts: Vec<bool> =
        alone.iter().map(|(pass, _)| *pass).chain(outcomes.iter().map(Outcome::is_pass)).collect();
    let failed = verdicts.iter().filter(|pass| !**pass).count();
    println!("{} of {} passed, seed {}", verdicts.len() - failed, verdicts.len(), arguments.seed);
    if let Err(error) = keep(&arguments, &alone, &outcomes) {
        eprintln!("error: the evidence could not be written ({error}); check --evidence");
        return ExitCode::FAILURE;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Arguments {
    fn ours(&self) -> Subject {
        Subject::Own(Own { program: self.peerhall.clone(), core: Some(SERVER_CORE) })
    }

    fn plan(&self) -> Plan {
        let cores = vec![SERVER_CORE, OUR_CORE];
        Plan {
            pairs: self.pairs.max(1),
            seconds: self.seconds,
            patience: Duration::from_secs(self.patience),
            conditions: Conditions { seed: self.seed, cores, ..Conditions::default() },
            ..Plan::default()
        }
    }

    fn wants(&self, figure: &str) -> bool {
        self.figure.is_empty() || self.figure.iter().any(|begin| figure.starts_with(begin.as_str()))
    }
}

/// What is judged without a peer: verdict and line.
fn alone(arguments: &Arguments) -> Vec<(bool, String)> {
    if !arguments.wants("idle") {
        return Vec::new();
    }
    let judged = match compare::leaving(&arguments.ours(), arguments.connections, &arguments.plan()) {
        Ok(judged) => judged.iter().map(|one| (one.is_pass(), one.line())).collect(),
        Err(error) => vec![(false, format!("FAIL idle by itself: not measured: {error}"))],
    };
    for (_, line) in &judged {
        println!("{line}");
    }
    judged
}

fn compare_all(arguments: &Arguments) -> Vec<Outcome> {
    let places = Places {
        peers: arguments.peers.clone(),
        built: arguments.built.clone(),
        node: arguments.node.clone(),
        core: SERVER_CORE,
    };
    let (ours, plan) = (arguments.ours(), arguments.plan());
    let peers = if arguments.beside.is_empty() { Peer::USUAL.to_vec() } else { arguments.beside.clone() };
    let mut checks = compare::checks(&peers, arguments.connections);
    checks.retain(|check| arguments.wants(&check.case.name()));
    let judge = |check: &compare::Check| {
        let outcome = compare::judge(check, &ours, &check.peer.subject(&places), &plan);
        println!("{}", outcome.line());
        outcome
    };
    checks.iter().map(judge).collect()
}

fn keep(arguments: &Arguments, alone: &[(bool, String)], outcomes: &[Outcome]) -> std::io::Result<()> {
    let Some(folder) = &arguments.evidence else { return Ok(()) };
    let page = Page {
        date: arguments.date.clone(),
        command: "cargo xtask bench".to_owned(),
        seed: arguments.seed,
        machine: Machine::this(),
        alone: alone.iter().map(|(_, line)| line.clone()).collect(),
    };
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("bench.md"), page.markdown(outcomes))?;
    std::fs::write(folder.join("bench.json"), page.json_lines(outcomes))
}
