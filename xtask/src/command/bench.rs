//! `cargo xtask bench`: the release beside the servers that people would pick instead.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::Command;
use crate::{
    failure::Failure,
    process::{self, announce},
    setup::{self, BenchPeers, PageBench},
    workspace::Workspace,
};

/// Where bench.md and bench.json are written when everything was compared.
const EVIDENCE: &str = "docs/evidence";

/// What `--page` runs.
const PAGE: &str = "crates/peerhall-e2e/foreign/js/bench_page.mjs";

/// What `--package` runs.
const PACKAGE: &str = "crates/peerhall-e2e/foreign/js/bench_package.mjs";

/// What `--labelled` runs after the native part.
const LABELLED: &str = "crates/peerhall-e2e/foreign/js/bench_labelled.mjs";

/// Whom `--all` compares with.
const EVERYBODY: &str = "bun,nats,mosquitto,nchan,socketio,peerserver,socketioxide,matchbox,centrifuge";

pub(super) const COMMAND: Command = Command {
    name: "bench",
    usage: "[--smoke|--page|--package|--labelled|--all|--rtc|--relay] [--beside NAME] [--figure NAME]",
    about: "measures a release beside other servers; fails on ratios, never on times",
    run,
};

/// Words that this command understands itself.
const OWN: [&str; 7] = ["--smoke", "--page", "--package", "--labelled", "--all", "--rtc", "--relay"];

fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let (own, passed_on): (Vec<&OsString>, Vec<&OsString>) =
        arguments.iter().partition(|argument| OWN.iter().any(|word| *argument == word));
    let is_asked = |word: &str| own.iter().any(|argument| *argument == word);
    if is_asked("--rtc") {
        return Ok(status(connections(workspace, &passed_on)?));
    }
    if is_asked("--relay") {
        return Ok(status(relay(workspace, &passed_on)?));
    }
    build(workspace, &["--package", "peerhall-cli"])?;
    let peerhall = program(workspace, "peerhall")?;
    if is_asked("--smoke") {
        let mut smoke = workspace.command(&peerhall.to_string_lossy());
        smoke.args(["bench", "--smoke"]).args(passed_on);
        announce(&process::shown(&smoke));
        return process::become_program(&mut smoke);
    }
    if is_asked("--page") {
        return in_chromium(workspace, &peerhall, PAGE, "the page in Chromium");
    }
    if is_asked("--package") {
        setup::package::ensure_package(workspace)?;
        return in_chromium(workspace, &peerhall, PACKAGE, "the npm package beside the vendor's in Chromium");
    }
    if is_asked("--labelled") {
        let native = transfers(workspace)?;
        setup::package::ensure_package(workspace)?;
        let browser = setup::for_labelled_bench(workspace)?;
        let mut pages = driver(workspace, &browser, &peerhall, LABELLED);
        announce(
            "labels in Chromium beside a bare channel and PeerJS; nothing else should run on this machine",
        );
        let browsers = process::passes(pages.env("PEERHALL_BENCH_PEERS", setup::bench_peers(workspace)))?;
        return Ok(status(native & browsers));
    }
    let peers = if own.is_empty() { BenchPeers::Usual } else { BenchPeers::All };
    let mut passed = servers(workspace, &peerhall, peers, &passed_on)?;
    if peers == BenchPeers::All {
        passed &= connections(workspace, &[])?;
        passed &= relay(workspace, &[])?;
    }
    Ok(status(passed))
}

/// A script that drives pages.
fn in_chromium(
    workspace: &Workspace,
    peerhall: &Path,
    script: &str,
    about: &str,
) -> Result<ExitCode, Failure> {
    let browser = setup::for_page_bench(workspace)?;
    let mut pages = driver(workspace, &browser, peerhall, script);
    announce(&format!("{about}; nothing else should run on this machine"));
    process::become_program(&mut pages)
}

fn driver(
    workspace: &Workspace,
    browser: &PageBench,
    peerhall: &Path,
    script: &str,
) -> std::process::Command {
    let mut pages = workspace.command(&browser.node.to_string_lossy());
    pages
        .arg(workspace.path(script))
        .env("PEERHALL_BIN", peerhall)
        .env("PEERHALL_CHROMIUM", &browser.chromium);
    pages
}

fn status(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Our server beside others.
fn servers(
    workspace: &Workspace,
    peerhall: &Path,
    peers: BenchPeers,
    passed_on: &[&OsString],
) -> Result<bool, Failure> {
    build(workspace, &["--package", "peerhall-load", "--bin", "peerhall-compare"])?;
    let node = setup::for_bench(workspace, peers)?;
    let mut compare = workspace.command(&program(workspace, "peerhall-compare")?.to_string_lossy());
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
    process::passes(&mut compare)
}

/// Our peer connections beside others.
fn connections(workspace: &Workspace, passed_on: &[&OsString]) -> Result<bool, Failure> {
    let others = setup::for_rtc_bench(workspace)?;
    build(workspace, &["--package", "peerhall-load", "--bin", "peerhall-compare-rtc"])?;
    build(workspace, &["--package", "peerhall-rtc", "--example", "bulk"])?;
    build(workspace, &["--package", "peerhall-e2e", "--example", "remotes"])?;
    let mut compare = workspace.command(&program(workspace, "peerhall-compare-rtc")?.to_string_lossy());
    for example in ["bulk", "remotes"] {
        compare.arg(format!("--{example}")).arg(program(workspace, &format!("examples/{example}"))?);
    }
    compare.arg("--libdatachannel").arg(others.libdatachannel).arg("--webrtc").arg(others.webrtc);
    compare.arg("--scripts").arg(others.scripts);
    compare.arg("--node").arg(others.node).arg("--python").arg(others.python);
    compare.args(["--date", today(workspace)?.trim()]);
    if passed_on.is_empty() {
        compare.arg("--evidence").arg(workspace.path(EVIDENCE).join("bench_rtc.md"));
    }
    compare.args(passed_on);
    announce("peerhall-compare-rtc: one line for each statement; nothing else should run on this machine");
    process::passes(&mut compare)
}

/// Our relay beside coturn.
fn relay(workspace: &Workspace, passed_on: &[&OsString]) -> Result<bool, Failure> {
    build(workspace, &["--package", "peerhall-load", "--bin", "peerhall-relay"])?;
    setup::for_relay_bench(workspace)?;
    let mut bench = workspace.command(&program(workspace, "peerhall-relay")?.to_string_lossy());
    bench.args(["--date", today(workspace)?.trim()]);
    if passed_on.is_empty() {
        bench.arg("--evidence").arg(workspace.path(EVIDENCE));
    }
    bench.args(passed_on);
    announce("peerhall-relay: one line for each figure; nothing else should run on this machine");
    process::passes(&mut bench)
}

/// Messages of labels beside the raw channel of the same connection.
fn transfers(workspace: &Workspace) -> Result<bool, Failure> {
    build(workspace, &["--package", "peerhall-e2e", "--example", "transfers"])?;
    announce("labels of native peers beside raw channels; nothing else should run on this machine");
    process::passes(&mut workspace.command(&program(workspace, "examples/transfers")?.to_string_lossy()))
}

/// Where a program of the release lies.
fn program(workspace: &Workspace, name: &str) -> Result<PathBuf, Failure> {
    let release = workspace.metadata()?.target_directory.join("release");
    Ok(release.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

fn build(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    announce(&format!("cargo build --release {}", arguments.join(" ")));
    process::run(workspace.cargo().args(["build", "--release"]).args(arguments))
}

/// The day in UTC. The comparison needs Linux anyway, where `date` is.
fn today(workspace: &Workspace) -> Result<String, Failure> {
    process::output(workspace.command("date").args(["-u", "+%F"]))
}
