//! `cargo xtask bench --relay`: our relay beside coturn, one line for each figure. Status 0 only when all
//! pass.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use peerhall_load::compare::Machine;
use peerhall_load::relay::{self, Figure, Plan};
use peerhall_load::{LoadError, machine};

/// Core of the clients; the servers have core 0.
const OUR_CORE: usize = 1;

/// Measures the relay beside coturn and judges the figures.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench --relay")]
struct Arguments {
    /// Pairs of windows behind each ratio
    #[arg(long, value_name = "N", default_value_t = 7)]
    pairs: usize,
    /// Length of a window in seconds
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    seconds: f64,
    /// Payloads offered in a second
    #[arg(long, value_name = "N", default_value_t = 40_000.0)]
    packets: f64,
    /// Folder for relay.md
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// Day of the run, for the page
    #[arg(long, value_name = "DAY", default_value = "a day that was not given")]
    date: String,
    /// Serve as the relay that is measured
    #[arg(long, value_name = "ADDR", hide = true)]
    serve: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.serve {
        Some(address) => relay::serve(address).map(|()| true),
        None => measure(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<bool, LoadError> {
    let program = std::env::current_exe().map_err(LoadError::system("find this program"))?;
    let cores = if machine::pin_to_core(OUR_CORE) { vec![0, OUR_CORE] } else { Vec::new() };
    let plan = Plan {
        pairs: arguments.pairs,
        seconds: arguments.seconds,
        packets_per_second: arguments.packets,
        cores,
        ..Plan::with(program)
    };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let mut figures: Vec<Figure> = Vec::new();
    relay::judge(&plan, |figure| {
        println!("{}", figure.line());
        figures.push(figure.clone());
    })?;
    if let Some(folder) = &arguments.evidence {
        let page = page(&arguments.date, &load, &plan, &figures);
        std::fs::write(folder.join("relay.md"), page).map_err(LoadError::system("write relay.md"))?;
    }
    Ok(figures.iter().all(Figure::is_pass))
}

fn page(date: &str, load: &str, plan: &Plan, figures: &[Figure]) -> String {
    let mut text = format!(
        "# The relay beside coturn\n\nWritten by `cargo xtask bench --relay` on {date}; do not edit. Machine: {}; load \
         average before: {load}. Each server has one thread on core 0, the clients are on core 1, loopback; 20 \
         allocations, {} packets offered in a second in bursts of eight, medians of {} pairs of windows of {} s. coturn \
         is Debian's.\n\n| figure | Peerhall | coturn | judged | at most | lost | |\n|---|---|---|---|---|---|---|\n",
        Machine::this(),
        plan.packets_per_second,
        plan.pairs,
        plan.seconds
    );
    for figure in figures {
        let Figure { name, unit, ours, coturn, judged, at_most, lost, coturn_lost, .. } = figure;
        let verdict = if figure.is_pass() { "PASS" } else { "FAIL" };
        let judged = match figure.range {
            Some((low, high)) => format!("{judged:.2} x ({low:.2} to {high:.2})"),
            None => format!("{judged:.2} {unit}"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name}, {unit} | {ours:.2} | {coturn:.2} | {judged} | {at_most:.2} | {lost}, coturn {coturn_lost} | {verdict} |"
        );
    }
    text
}
