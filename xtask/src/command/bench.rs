//! `cargo xtask bench`: the release beside the servers that people would pick instead.

use std::{ffi::OsString, process::ExitCode};

use super::Command;
use crate::{
    failure::Failure,
    process::{self, announce},
    setup::{self, BenchPeers},
    workspace::Workspace,
};

/// Where bench.md and bench.json are written when everything was compared.
const EVIDENCE: &str = "docs/evidence";

/// What `--page` runs.
const PAGE: &str = "crates/peerhall-e2e/foreign/js/bench_page.mjs";

/// Whom `--all` compares with.
const EVERYBODY: &str = "bun,nats,mosquitto,nchan,socketio,peerserver,socketioxide,matchbox,centrifuge";

pub(super) const COMMAND: Command = Command {
    name: "bench",
    usage: "[--smoke|--page|--all] [--beside NAME] [--figure NAME]",
    about: "measures a release beside other servers; fails on ratios, never on times",
    run,
};

fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let (own, passed_on): (Vec<&OsString>, Vec<&OsString>) = arguments
        .iter()
        .partition(|argument| ["--smoke", "--page", "--all"].iter().any(|word| *argument == word));
    build(workspace, &["--package", "peerhall-cli"])?;
    let release = workspace.metadata()?.target_directory.join("release");
    let program = |name: &str| release.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let peerhall = program("peerhall");
    if own.iter().any(|argument| *argument == "--smoke") {
        let mut smoke = workspace.command(&peerhall.to_string_lossy());
        smoke.args(["bench", "--smoke"]).args(passed_on);
        announce(&process::shown(&smoke));
        return process::become_program(&mut smoke);
    }

    if own.iter().any(|argument| *argument == "--page") {
        let browser = setup::for_page_bench(workspace)?;
        let mut page = workspace.command(&browser.node.to_string_lossy());
        page.arg(workspace.path(PAGE))
            .env("PEERHALL_BIN", peerhall)
            .env("PEERHALL_CHROMIUM", browser.chromium);
        announce("the page in Chromium; nothing else should run on this machine");
        return process::become_program(&mut page);
    }

    build(workspace, &["--package", "peerhall-load", "--bin", "peerhall-compare"])?;
    let peers = if own.is_empty() { BenchPeers::Usual } else { BenchPeers::All };
    let node = setup::for_bench(workspace, peers)?;
    let mut compare = workspace.command(&program("peerhall-compare").to_string_lossy());
    compare.arg("--peerhall").arg(peerhall).arg("--peers").arg(setup::bench_peers(workspace));
    compare.arg("--built").arg(setup::built_peers(workspace));
    compare.arg("--node").arg(node).args(["--date", today(workspace)?.trim()]);
    if peers == BenchPeers::All {
        compare.args(["--beside", EVERYBODY]);
    }
    // A part of the figures is no evidence for all of them.
    if passed_on.is_empty() {
        compare.arg("--evidence").arg(workspace.path(EVIDENCE));
    }
    compare.args(passed_on);
    announce("peerhall-compare: one line for each ratio; nothing else should run on this machine");
    process::become_program(&mut compare)
}

fn build(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    announce(&format!("cargo build --release {}", arguments.join(" ")));
    process::run(workspace.cargo().args(["build", "--release"]).args(arguments))
}

/// The day in UTC. The comparison needs Linux anyway, where `date` is.
fn today(workspace: &Workspace) -> Result<String, Failure> {
    process::output(workspace.command("date").args(["-u", "+%F"]))
}
