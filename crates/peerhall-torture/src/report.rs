//! The page of evidence: one section for each scenario, with the line of its last run.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::plan::Plan;
use crate::scenario::{ALL, Scenario};

const HEAD: &str = "# Torture: the promises under attack\n\n\
    Written by `cargo xtask torture --report`; a run replaces the sections of what it played. Each line is\n\
    what the program printed: every figure with its bound. The seed repeats everything random.\n";

/// Puts the line of one run into the page at `path`, in place of the scenario's last one.
///
/// # Errors
///
/// When the page cannot be written.
pub fn note(path: &Path, scenario: &Scenario, plan: &Plan, line: &str) -> io::Result<()> {
    let old = fs::read_to_string(path).unwrap_or_default();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, replaced(&old, scenario, &section(scenario, plan, &today(), line)))
}

fn section(scenario: &Scenario, plan: &Plan, date: &str, line: &str) -> String {
    let Scenario { name, promise, about, .. } = scenario;
    format!(
        "\n## {name} ({promise})\n\n{about}.\n\n`cargo xtask torture {name} --seed {}`, {date}:\n\n> {line}\n",
        plan.seed
    )
}

/// The page with one section exchanged, the sections in the order of [`ALL`].
fn replaced(old: &str, played: &Scenario, fresh: &str) -> String {
    let mut page = HEAD.to_owned();
    for scenario in ALL {
        let title = format!("\n## {} (", scenario.name);
        if scenario.name == played.name {
            page += fresh;
        } else if let Some(at) = old.find(&title) {
            let rest = old.get(at..).unwrap_or_default();
            let end = rest.get(1..).and_then(|rest| rest.find("\n## ")).map_or(rest.len(), |end| end + 1);
            page += rest.get(..end).unwrap_or_default();
        }
    }
    page
}

/// Today in UTC as `2026-01-31`; the system says it.
fn today() -> String {
    let output = Command::new("date").args(["-u", "+%F"]).output();
    output.map_or_else(
        |_| "undated".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Scale;

    #[test]
    fn a_run_replaces_its_own_section_and_keeps_the_others_in_order() {
        let plan = Plan::new(7, Scale::Full, Path::new("peerhall"));
        let [first, second, ..] = ALL;
        let page = replaced("", second, &section(second, &plan, "2026-01-01", "PASS old"));
        let page = replaced(&page, first, &section(first, &plan, "2026-01-02", "PASS one"));
        let page = replaced(&page, second, &section(second, &plan, "2026-01-03", "FAIL new"));
        assert!(page.starts_with("# Torture"));
        assert!(!page.contains("PASS old"), "{page}");
        assert!(page.find("PASS one").unwrap() < page.find("FAIL new").unwrap(), "{page}");
        assert_eq!(page.matches("\n## ").count(), 2, "{page}");
    }
}
