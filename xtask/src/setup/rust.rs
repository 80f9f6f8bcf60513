//! Cargo's own helpers: formatter, linter, test runner.

use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::Workspace,
};

/// Formatter and linter of the toolchain in use.
pub(super) fn ensure_components(workspace: &Workspace) -> Result<(), Failure> {
    let missing: Vec<_> = [("fmt", "rustfmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(subcommand, _)| !process::succeeds(workspace.cargo().args([subcommand, "--version"])))
        .map(|(_, component)| component)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if process::find_on_path("rustup").is_none() {
        return Err(Failure::Missing {
            what: format!("this Rust toolchain has no {list}"),
            cure:
                "install rustup (https://rustup.rs), or these components with your toolchain's own installer"
                    .to_owned(),
        });
    }
    announce(&format!("rustup component add {list}"));
    process::run(workspace.command("rustup").args(["component", "add"]).args(&missing))
}

/// The test runner.
pub(super) fn ensure_runner(workspace: &Workspace) -> Result<(), Failure> {
    if process::succeeds(workspace.cargo().args(["nextest", "--version"])) {
        return Ok(());
    }
    announce("cargo install --locked cargo-nextest (once; some minutes)");
    process::run(workspace.cargo().args(["install", "--locked", "cargo-nextest"]))
}
