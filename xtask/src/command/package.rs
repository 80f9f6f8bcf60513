//! `cargo xtask package`: the npm package `peerhall`.

use std::process::ExitCode;

use super::{Command, expect_no_arguments};
use crate::setup;

pub(super) const COMMAND: Command = Command {
    name: "package",
    usage: "",
    about: "builds the npm package in `packages/peerhall/dist`",
    run: |workspace, arguments| {
        expect_no_arguments(&COMMAND, arguments)?;
        setup::package::build(workspace)?;
        Ok(ExitCode::SUCCESS)
    },
};
