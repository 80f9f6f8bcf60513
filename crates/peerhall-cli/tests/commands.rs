//! The real binary, as scripts use it: arguments in; status, JSON and sentences out.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

#[path = "commands/apps.rs"]
mod apps;
#[path = "commands/bench.rs"]
mod bench;
#[path = "commands/config.rs"]
mod config;
#[path = "commands/crash.rs"]
mod crash;
#[path = "commands/doctor.rs"]
mod doctor;
#[cfg(unix)]
#[path = "commands/fault.rs"]
mod fault;
#[path = "commands/files.rs"]
mod files;
#[path = "commands/join.rs"]
mod join;
#[path = "commands/keys.rs"]
mod keys;
#[path = "commands/running.rs"]
mod running;
#[path = "commands/support.rs"]
mod support;
#[path = "commands/tokens.rs"]
mod tokens;
#[path = "commands/usage.rs"]
mod usage;
