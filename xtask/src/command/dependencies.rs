//! `cargo xtask dependencies`: docs/dependencies.md against the manifests.

use std::process::ExitCode;

use super::{Command, expect_no_arguments};
use crate::{dependency_list, failure::Failure, process::announce, workspace::Workspace};

pub(super) const COMMAND: Command = Command {
    name: "dependencies",
    usage: "",
    about: "fails when docs/dependencies.md and the manifests differ",
    run: |workspace, arguments| {
        expect_no_arguments(&COMMAND, arguments)?;
        check(workspace)?;
        Ok(ExitCode::SUCCESS)
    },
};

/// Compares the page with the manifests.
///
/// # Errors
///
/// [`Failure::Findings`] with one sentence per difference, or what could not be read.
pub(super) fn check(workspace: &Workspace) -> Result<(), Failure> {
    announce("dependencies: comparing docs/dependencies.md with the manifests");
    let findings = dependency_list::differences(
        &workspace.read("docs/dependencies.md")?,
        &workspace.read("Cargo.toml")?,
        &workspace.metadata()?,
    );
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::Findings {
        check: "dependencies",
        findings,
        cure: "mend docs/dependencies.md or the manifest",
    })
}
