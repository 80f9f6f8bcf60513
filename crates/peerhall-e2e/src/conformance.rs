//! Conformance suites that nobody here wrote, run against our own server.
//!
//! Each has a short form, which is a test, and a long one, which `cargo xtask conformance` runs and
//! whose report stands in `docs/evidence/`.

pub mod autobahn;
pub mod json;
pub mod schemathesis;

use std::path::PathBuf;
use std::process::Command;

/// How much of a suite is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What fits into every run of all tests.
    Short,
    /// Everything.
    Full,
}

/// Folder of the checkout.
pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Today's date as reports carry it.
#[must_use]
pub fn today() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().expect("`date` runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
