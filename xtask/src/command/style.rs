//! `cargo xtask style`: the figures of docs/style.md.

use std::process::ExitCode;

use super::{Command, expect_no_arguments};
use crate::{metrics, process::announce, workspace, workspace::Workspace};

const PAGE: &str = "docs/style.md";

/// The test layers of the project and what shows that one exists.
const LAYERS: [(&str, &str); 7] = [
    ("unit", "crates/peerhall-proto/src/ids/tests.rs"),
    ("golden", "crates/peerhall-proto/tests/golden"),
    ("lab", "crates/peerhall-sim/tests"),
    ("model", "crates/peerhall-hub/src/tests/model.rs"),
    ("e2e", "crates/peerhall-e2e/tests"),
    ("fuzz", "fuzz/Cargo.toml"),
    ("browser", "crates/peerhall-e2e/tests/foreign_browser.rs"),
];

pub(super) const COMMAND: Command = Command {
    name: "style",
    usage: "",
    about: "counts sizes, docs, unwraps and tests and writes docs/style.md",
    run: |workspace, arguments| {
        expect_no_arguments(&COMMAND, arguments)?;
        announce("style: counting crates/");
        let crates = metrics::measure(&workspace.path("crates"))?;
        let page = metrics::render(&crates, &layers(workspace));
        announce(&format!("style: writing {PAGE}"));
        workspace::write(&workspace.path(PAGE), &page)?;
        Ok(ExitCode::SUCCESS)
    },
};

fn layers(workspace: &Workspace) -> Vec<&'static str> {
    let present = LAYERS.into_iter().filter(|(_, proof)| workspace.path(proof).exists());
    present.map(|(layer, _)| layer).collect()
}
