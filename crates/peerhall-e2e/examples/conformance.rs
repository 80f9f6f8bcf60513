//! Conformance suites in their long forms, with a report in `docs/evidence/`:
//! `cargo xtask conformance` runs it.

#![expect(clippy::expect_used, clippy::panic, reason = "a suite that cannot be run has to stop")]

use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use peerhall_e2e::conformance::{Extent, autobahn, json, schemathesis, today};

fn main() -> ExitCode {
    let name = env::args().nth(1).expect("the name of a suite");
    let passed = match name.as_str() {
        "autobahn" => run_autobahn(),
        "json" => run_json(),
        "schemathesis" => run_schemathesis(),
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

fn run_json() -> bool {
    let report = json::run();
    println!("{}", report.summary());
    for failed in report.failed() {
        println!("failed: {failed}");
    }
    let page = format!(
        "# JSON parsing test suite\n\n\
         Promise P14: everything that must be accepted comes through as `data` of a `publish`, byte for byte;\n\
         everything that must be refused is refused; what is left open is done as V8 does it.\n\n\
         - Command: `cargo xtask conformance json`, which rewrites this page\n\
         - Date: {}\n\
         - Suite: nst's JSONTestSuite, 318 texts, in `crates/peerhall-proto/tests/json_suite`\n\
         - Way: one client publishes, another receives, over sockets; the rules alone are tested in\n  \
           `peerhall-proto` as well, with members in front of and behind `data`\n\
         - Result: **{}**\n\n\
         ## Cases that the suite leaves open\n\n\
         `data` is never converted, so numbers of any size and lone surrogates pass as they were written. One\n\
         text is refused that V8 accepts: it nests 500 deep, and receivers in other languages die of depth;\n\
         the limit is 64. Close 1007 means that the message was no UTF-8, which ends a WebSocket.\n\n{}\n\
         Both forms run in `cargo xtask test` as `p14_…`.\n",
        today(),
        report.summary(),
        report.open_cases(),
    );
    write("json.md", &page);
    report.failed().is_empty()
}

fn run_schemathesis() -> bool {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let report = schemathesis::run(Extent::Full, Some(seed));
    println!("{}", if report.passed { &report.summary } else { &report.output });
    let page = format!(
        "# Schemathesis on the OpenAPI description\n\n\
         Promise P22: ten minutes of requests made up from `docs/openapi.yaml` against the real binary, no\n\
         server error and no answer that the description does not have.\n\n\
         - Command: `cargo xtask conformance schemathesis`, which rewrites this page\n\
         - Date: {}\n\
         - Tool: schemathesis 4.32.5, all checks but one: a known path with another method is 404 by\n  \
           contract, where the check `unsupported_method` wants 405; 426 counts as the right answer of `/v1`\n\
         - Server: `peerhall serve` with a data folder, one key with all actions on `**`, rates switched off\n\
         - Seed: {}\n\
         - Result: **{}**\n\n\
         ```text\n{}\n```\n\n\
         The short form, with seed 22, runs in `cargo xtask test` as `p22_…`; that the description names every\n\
         route of the server and nothing else is a test of `peerhall-server`.\n",
        today(),
        report.seed,
        if report.passed { "nothing found" } else { "FAILED" },
        report.summary,
    );
    write("schemathesis.md", &page);
    report.passed
}

fn write(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/evidence");
    fs::create_dir_all(&folder).expect("docs/evidence can be made");
    fs::write(folder.join(name), text).expect("docs/evidence is writable");
}
