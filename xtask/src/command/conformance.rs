//! `cargo xtask conformance`: suites that nobody here wrote, in their long forms. Each ends with one
//! line, and leaves its report in `docs/evidence/`.

use std::{ffi::OsString, process::ExitCode};

use super::Command;
use crate::{failure::Failure, process, setup::Tools, workspace::Workspace};

pub(super) const COMMAND: Command = Command {
    name: "conformance",
    usage: "[--no-setup] [NAME]…",
    about: "conformance suites in full, all or those named; writes docs/evidence/",
    run,
};

/// The program in `peerhall-e2e` that drives a suite.
macro_rules! driver {
    ($suite:literal) => {
        ["run", "--quiet", "-p", "peerhall-e2e", "--example", "conformance", "--", $suite]
    };
}

/// One suite.
#[derive(Debug)]
struct Suite {
    name: &'static str,
    /// The program or test that cargo runs.
    cargo: &'static [&'static str],
}

const SUITES: [Suite; 5] = [
    Suite { name: "autobahn", cargo: &driver!("autobahn") },
    Suite { name: "json", cargo: &driver!("json") },
    Suite { name: "schemathesis", cargo: &driver!("schemathesis") },
    Suite { name: "jwt", cargo: &["test", "--quiet", "-p", "peerhall-auth", "--lib", "--", "p13_", "w119_"] },
    Suite {
        name: "timing",
        cargo: &["run", "--quiet", "--release", "-p", "peerhall-auth", "--example", "timing"],
    },
];

fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let (no_setup, names): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| argument.as_os_str() == "--no-setup");
    let wanted = wanted(&names)?;
    let tools = if no_setup.is_empty() { Tools::install(workspace)? } else { Tools::assume(workspace)? };
    let mut verdicts = Vec::new();
    for suite in wanted {
        let mut cargo = workspace.cargo();
        cargo.args(suite.cargo).envs(tools.environment());
        process::announce(&process::shown(&cargo));
        let passed = cargo.status().is_ok_and(|status| status.success());
        verdicts.push((suite.name, passed));
    }
    for (name, passed) in &verdicts {
        println!("{} conformance {name}", if *passed { "PASS" } else { "FAIL" });
    }
    Ok(if verdicts.iter().all(|(_, passed)| *passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The suites of these names, or all of them without a name.
fn wanted(names: &[&OsString]) -> Result<Vec<&'static Suite>, Failure> {
    if names.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let named = |name: &&OsString| SUITES.iter().find(|suite| *name == suite.name);
    let unknown = |name: &&OsString| Failure::Usage {
        problem: format!("there is no suite `{}`", name.display()),
        usage: format!("cargo xtask conformance {}", SUITES.map(|suite| suite.name).join("|")),
    };
    names.iter().map(|name| named(name).ok_or_else(|| unknown(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_found_by_name_and_all_of_them_without_one() {
        let name = OsString::from(SUITES[0].name);
        assert_eq!(wanted(&[&name]).unwrap().len(), 1);
        assert_eq!(wanted(&[]).unwrap().len(), SUITES.len());
        let refusal = wanted(&[&"frobnicate".into()]).unwrap_err().to_string();
        assert!(refusal.contains("`frobnicate`") && refusal.contains("autobahn"), "{refusal}");
    }
}
