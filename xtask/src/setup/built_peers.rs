//! Servers that `cargo xtask bench --all` compares with and that come as sources, built into a folder of our
//! own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{is_in_step, node};
use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::{self, Workspace},
};

const FOLDER: &str = ".cache/bench-peers";

/// The version of `matchbox_server` that is compared with.
const MATCHBOX: &str = "0.15.0";

/// The folder with the programs.
pub(super) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.path(FOLDER).join("bin")
}

/// Builds what is missing or older than its source.
pub(super) fn ensure(workspace: &Workspace) -> Result<(), Failure> {
    let folder = folder(workspace);
    fs::create_dir_all(&folder).map_err(|cause| Failure::File { path: folder.clone(), cause })?;
    socketioxide(workspace, &folder)?;
    matchbox(workspace, &folder)?;
    centrifuge(workspace, &folder)
}

/// The program around a library of peer connections, built when it is missing or older than its source.
pub(super) fn rtc(workspace: &Workspace, library: &str) -> Result<PathBuf, Failure> {
    let folder = folder(workspace);
    fs::create_dir_all(&folder).map_err(|cause| Failure::File { path: folder.clone(), cause })?;
    let source = format!("{}/{library}", node::BENCH_RTC);
    let text = workspace.read(&format!("{source}/Cargo.lock"))?
        + &workspace.read(&format!("{source}/src/main.rs"))?;
    let program = format!("peerhall-bench-{library}");
    install(workspace, &folder, &program, &text, &["--path", &source])?;
    Ok(folder.join(program))
}

fn socketioxide(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let source = format!("{}/socketioxide", node::BENCH);
    let text = workspace.read(&format!("{source}/Cargo.lock"))?
        + &workspace.read(&format!("{source}/src/main.rs"))?;
    install(workspace, folder, "socketioxide", &text, &["--path", &source])
}

fn matchbox(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    install(workspace, folder, "matchbox_server", MATCHBOX, &["matchbox_server", "--version", MATCHBOX])
}

/// `cargo install`, unless the program was made from the same text.
fn install(
    workspace: &Workspace,
    folder: &Path,
    program: &str,
    made_from: &str,
    what: &[&str],
) -> Result<(), Failure> {
    let stamp = folder.join(format!("{program}.txt"));
    if folder.join(program).is_file() && is_in_step(&stamp, made_from) {
        return Ok(());
    }
    announce(&format!("cargo install {}", what.join(" ")));
    let mut cargo = workspace.cargo();
    cargo.args(["install", "--locked", "--force", "--quiet", "--root", FOLDER]).args(what);
    // Sources that are a workspace of their own would be built beside themselves.
    cargo.arg("--target-dir").arg(workspace.path(FOLDER).join("target"));
    process::run(&mut cargo)?;
    workspace::write(&stamp, made_from)
}

fn centrifuge(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let source = format!("{}/centrifuge", node::BENCH);
    let text = workspace.read(&format!("{source}/main.go"))?;
    let (program, stamp) = (folder.join("centrifuge"), folder.join("centrifuge.txt"));
    if program.is_file() && is_in_step(&stamp, &text) {
        return Ok(());
    }
    announce("go build (centrifuge)");
    let mut go = workspace.command("go");
    // Debian's libraries are sources in a tree of the time before modules.
    go.args(["build", "-o"]).arg(&program).arg(".").current_dir(workspace.path(&source));
    go.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode");
    go.env("GOCACHE", workspace.path(FOLDER).join("go"));
    process::run(&mut go)?;
    workspace::write(&stamp, &text)
}
