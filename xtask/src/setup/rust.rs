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

/// The standard library for another target than this machine.
pub(super) fn ensure_target(workspace: &Workspace, target: &str) -> Result<(), Failure> {
    let mut rustc = workspace.command("rustc");
    let folder = process::output(rustc.args(["--print", "target-libdir", "--target", target]))?;
    if std::path::Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    if process::find_on_path("rustup").is_none() {
        return Err(Failure::Missing {
            what: format!("this Rust toolchain has no standard library for {target}"),
            cure: "install rustup (https://rustup.rs), or the library with your toolchain's own installer"
                .to_owned(),
        });
    }
    announce(&format!("rustup target add {target}"));
    process::run(workspace.command("rustup").args(["target", "add", target]))
}

/// The test runner.
pub(super) fn ensure_runner(workspace: &Workspace) -> Result<(), Failure> {
    if process::succeeds(workspace.cargo().args(["nextest", "--version"])) {
        return Ok(());
    }
    announce("cargo install --locked cargo-nextest (once; some minutes)");
    process::run(workspace.cargo().args(["install", "--locked", "cargo-nextest"]))
}
