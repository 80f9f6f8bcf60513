//! `cargo xtask layers`: the direction rules between our crates.

use std::process::ExitCode;

use super::{Command, expect_no_arguments};
use crate::{failure::Failure, layers, process::announce, workspace::Workspace};

pub(super) const COMMAND: Command = Command {
    name: "layers",
    usage: "",
    about: "fails on a dependency that the direction rules do not allow",
    run: |workspace, arguments| {
        expect_no_arguments(&COMMAND, arguments)?;
        check(workspace)?;
        Ok(ExitCode::SUCCESS)
    },
};

/// Compares the manifests of the workspace with the table.
///
/// # Errors
///
/// [`Failure::Findings`] with one sentence per violation, or why cargo did not answer.
pub(super) fn check(workspace: &Workspace) -> Result<(), Failure> {
    announce("layers: comparing every manifest with the direction rules");
    let findings = layers::violations(&workspace.metadata()?);
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::Findings {
        check: "layers",
        findings,
        cure: "turn the dependency around, or change the rule in xtask/src/layers/rules.rs with a reason",
    })
}
