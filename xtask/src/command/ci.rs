//! `cargo xtask ci`: everything that has to hold before a change is merged.

use super::{Command, dependencies, expect_no_arguments, layers, test};
use crate::{
    failure::Failure,
    process::{self, announce},
    setup,
    workspace::Workspace,
};

pub(super) const COMMAND: Command = Command {
    name: "ci",
    usage: "",
    about: "all checks: format, lints, layers, docs, licences, tests",
    run: |workspace, arguments| {
        expect_no_arguments(&COMMAND, arguments)?;
        cargo(workspace, &["fmt", "--all", "--check"])?;
        layers::check(workspace)?;
        dependencies::check(workspace)?;
        cargo(workspace, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
        setup::package::lint(workspace)?;
        docs(workspace)?;
        licences_and_advisories(workspace)?;
        test::run(workspace, &[])
    },
};

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    announce(&format!("cargo {}", arguments.join(" ")));
    process::run(workspace.cargo().args(arguments))
}

/// The pages without a warning, and the examples in them, which the test runner does not run.
fn docs(workspace: &Workspace) -> Result<(), Failure> {
    announce("cargo doc --workspace --no-deps with warnings as errors");
    let mut doc = workspace.cargo();
    process::run(doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    cargo(workspace, &["test", "--workspace", "--doc", "--quiet"])
}

fn licences_and_advisories(workspace: &Workspace) -> Result<(), Failure> {
    if process::succeeds(workspace.cargo().args(["deny", "--version"])) {
        return cargo(workspace, &["deny", "--workspace", "check"]);
    }
    announce("SKIPPED: licences, advisories and duplicate versions were NOT checked, cargo-deny is missing");
    announce("SKIPPED: install it with `cargo install --locked cargo-deny` and run this again");
    Ok(())
}
