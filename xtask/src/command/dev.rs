//! `cargo xtask dev`: a server to try things with.

use super::Command;
use crate::{process, setup};

pub(super) const COMMAND: Command = Command {
    name: "dev",
    usage: "[-- ARGUMENTS]",
    about: "builds `peerhall` and runs `peerhall dev` with ARGUMENTS",
    run: |workspace, arguments| {
        setup::package::ensure_package(workspace)?;
        let binary = setup::build_binary(workspace)?;
        let passed_on = match arguments.split_first() {
            Some((first, rest)) if first == "--" => rest,
            Some(_) | None => arguments,
        };
        let mut peerhall = workspace.command(&binary.to_string_lossy());
        peerhall.arg("dev").args(passed_on);
        process::announce(&process::shown(&peerhall));
        process::become_program(&mut peerhall)
    },
};
