//! Conformance suites in their long forms, with a report in `docs/evidence/`:
//! `cargo xtask conformance` runs it.

#![expect(clippy::expect_used, clippy::panic, reason = "a suite that cannot be run has to stop")]

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use peerhall_e2e::conformance::{Extent, autobahn, today};

fn main() -> ExitCode {
    let name = env::args().nth(1).expect("the name of a suite");
    let passed = match name.as_str() {
        "autobahn" => run_autobahn(),
        other => panic!("there is no suite {other}"),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_autobahn() -> bool {
    let report = autobahn::run(Extent::Full);
    println!("{}", report.summary());
    for failed in report.failed() {
        println!("failed: {failed}");
    }
    let page = format!(
        "# Autobahn WebSocket testsuite\n\n\
         Promise P12: nothing failed of 301 cases, at most 2 non-strict.\n\n\
         - Command: `cargo xtask conformance autobahn`, which rewrites this page and `autobahn.json`\n\
         - Date: {}\n\
         - Suite: autobahntestsuite 25.10.1, fuzzing client, all cases\n\
         - Server: shards, handshake, admission, framing, outboxes and closes as they serve; the hub is\n  \
           left out and messages go back (`Duty::Echo`); message limit 16 MiB instead of 64 KiB\n\
         - Result: **{}**\n\n{}\n\
         Informational cases leave the outcome to the server. Groups 12 and 13 are permessage-deflate, which\n\
         is not offered: its window costs each connection more than everything else about it, and messages\n\
         of some hundred bytes gain little. `autobahn.json` has every case: verdict about the messages,\n\
         verdict about the close.\n\n\
         The short form, without groups 9, 12 and 13, runs in `cargo xtask test` as `p12_…`.\n",
        today(),
        report.summary(),
        report.to_markdown(),
    );
    write("autobahn.md", &page);
    write("autobahn.json", &report.to_json());
    report.failed().is_empty() && report.count() == 301 && report.non_strict().len() <= 2
}

fn write(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/evidence");
    fs::create_dir_all(&folder).expect("docs/evidence can be made");
    fs::write(folder.join(name), text).expect("docs/evidence is writable");
}
