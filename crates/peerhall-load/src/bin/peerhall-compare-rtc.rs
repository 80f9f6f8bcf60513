//! The part of `cargo xtask bench --all` about peer connections. Status 0 only when all statements hold.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use peerhall_load::compare::Machine;
use peerhall_load::rtc::{self, Programs, Verdict};

/// Measures Peerhall's data channels beside those of others.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// The example `bulk` of peerhall-rtc
    #[arg(long, value_name = "PATH")]
    bulk: PathBuf,
    /// The example `remotes` of peerhall-e2e
    #[arg(long, value_name = "PATH")]
    remotes: PathBuf,
    /// The program around libdatachannel
    #[arg(long, value_name = "PATH")]
    libdatachannel: PathBuf,
    /// The program around the crate `webrtc`
    #[arg(long, value_name = "PATH")]
    webrtc: PathBuf,
    /// Folder with the scripts for libwebrtc and aiortc
    #[arg(long, value_name = "DIR")]
    scripts: PathBuf,
    /// Node.js
    #[arg(long, value_name = "PATH", default_value = "node")]
    node: PathBuf,
    /// Python with aiortc
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// Runs of each stack
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Page to write
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Day of the run, for the page
    #[arg(long, value_name = "DAY", default_value = "a day that was not given")]
    date: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let programs = Programs {
        bulk: arguments.bulk.clone(),
        remotes: arguments.remotes.clone(),
        libdatachannel: arguments.libdatachannel.clone(),
        webrtc: arguments.webrtc.clone(),
        scripts: arguments.scripts.clone(),
        node: arguments.node.clone(),
        python: arguments.python.clone(),
    };
    let verdicts = rtc::compare(&programs, arguments.rounds.max(1), |verdict| println!("{}", verdict.line));
    let failed = verdicts.iter().filter(|verdict| !verdict.pass).count();
    println!("{} of {} passed", verdicts.len() - failed, verdicts.len());
    if let Some(path) = &arguments.evidence
        && let Err(error) = std::fs::write(path, page(&arguments, &verdicts))
    {
        eprintln!("error: the evidence could not be written ({error}); check --evidence");
        return ExitCode::FAILURE;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn page(arguments: &Arguments, verdicts: &[Verdict]) -> String {
    let lines: Vec<String> = verdicts.iter().map(|verdict| format!("- {}\n", verdict.line)).collect();
    format!(
        "# Data channels beside those of others\n\n\
         Written by `cargo xtask bench --rtc` on {}; do not edit. Machine: {}. One reliable channel, 100 MB in \
         messages of 64 KiB, two processes over loopback, {} runs of each stack in turn, medians; the CPU is \
         that of both processes while the messages travel.\n\n{}",
        arguments.date,
        Machine::this(),
        arguments.rounds,
        lines.concat()
    )
}
