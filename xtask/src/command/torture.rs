//! `cargo xtask torture`: attacks on the release binary, one promise each.

use std::path::PathBuf;

use super::Command;
use crate::{failure::Failure, process, setup, workspace::Workspace};

/// The page that `--report` writes.
const PAGE: &str = "docs/evidence/torture.md";

pub(super) const COMMAND: Command = Command {
    name: "torture",
    usage: "NAME…|--all [--attack KIND] [--seed N] [--short] [--report]",
    about: "builds a release and attacks it; one PASS or FAIL line for each promise",
    run: |workspace, arguments| {
        setup::for_torture(workspace)?;
        let target = workspace.metadata()?.target_directory;
        build(workspace, &["--release", "--package", "peerhall-cli"])?;
        build(workspace, &["--release", "--package", "peerhall-torture"])?;
        // A folder of its own: a build with failpoints must never lie where a release is looked for.
        let failing = target.join("failpoints");
        let failing_folder = failing.to_string_lossy();
        build(
            workspace,
            &["--package", "peerhall-cli", "--features", "failpoints", "--target-dir", &failing_folder],
        )?;
        let program =
            |folder: PathBuf, name: &str| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let release = target.join("release");
        let mut torture = workspace.command(&program(release.clone(), "peerhall-torture").to_string_lossy());
        torture.arg("--binary").arg(program(release, "peerhall"));
        torture.arg("--failpoints").arg(program(failing.join("debug"), "peerhall"));
        for argument in arguments {
            torture.arg(argument);
            if argument == "--report" {
                torture.arg(workspace.path(PAGE));
            }
        }
        process::announce(&process::shown(&torture));
        process::become_program(&mut torture)
    },
};

fn build(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    process::announce(&format!("cargo build {}", arguments.join(" ")));
    process::run(workspace.cargo().arg("build").args(arguments))
}
