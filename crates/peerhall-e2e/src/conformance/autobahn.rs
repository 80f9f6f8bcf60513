//! The Autobahn WebSocket testsuite: its fuzzing client against a server whose shards echo. Handshake,
//! admission, framing, outboxes and closes are those of every server (promise P12).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::{env, fs};

use peerhall_server::config::Duty;
use serde_json::{Value, json};

use super::{Extent, workspace};
use crate::server::{Running, start_with};

/// Environment variable with the folder that the suite is installed in.
pub const FOLDER_VARIABLE: &str = "PEERHALL_AUTOBAHN";

/// Largest message of the suite, in bytes (cases 9.1.6 and 9.2.6).
const LARGEST_MESSAGE: usize = 16 << 20;

/// Messages up to 16 MiB, which measure rather than check: 54 cases that the short form leaves out.
const LARGE_MESSAGES: &str = "9.*";

/// Compression, which the server does not offer: permessage-deflate costs memory for each connection,
/// and small messages gain little.
const COMPRESSION: [&str; 2] = ["12.*", "13.*"];

/// Number of a case, for example 6.4.3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaseId(Vec<u16>);

impl FromStr for CaseId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split('.').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl std::fmt::Display for CaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> = self.0.iter().map(u16::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// What the suite says about one case, in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// About the messages: `OK`, `NON-STRICT`, `INFORMATIONAL`, `UNIMPLEMENTED`, `FAILED` and others.
    pub behavior: String,
    /// About the end of the connection, in the same words.
    pub close: String,
}

impl Verdict {
    fn is(&self, behavior: &str) -> bool {
        self.behavior == behavior
    }

    /// Whether the suite has nothing to say against it.
    fn is_good(&self) -> bool {
        let good = ["OK", "INFORMATIONAL"];
        good.contains(&self.close.as_str())
            && (good.contains(&self.behavior.as_str()) || self.is("NON-STRICT"))
    }
}

/// What the suite says about all cases that were run.
#[derive(Debug)]
pub struct Report {
    /// By number, in order.
    pub cases: BTreeMap<CaseId, Verdict>,
}

impl Report {
    /// Cases that count: those about compression do not.
    fn counted(&self) -> impl Iterator<Item = (&CaseId, &Verdict)> {
        self.cases.iter().filter(|(case, _)| !matches!(case.0.first(), Some(12 | 13)))
    }

    /// How many cases count.
    #[must_use]
    pub fn count(&self) -> usize {
        self.counted().count()
    }

    /// Cases whose verdict is bad, and those about compression that are not refused as a whole.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let bad = self.counted().filter(|(_, verdict)| !verdict.is_good());
        let compression = self.cases.iter().filter(|(case, verdict)| {
            matches!(case.0.first(), Some(12 | 13)) && !verdict.is("UNIMPLEMENTED")
        });
        bad.chain(compression)
            .map(|(case, verdict)| format!("{case}: {}, close {}", verdict.behavior, verdict.close))
            .collect()
    }

    /// Cases that were passed late rather than wrongly.
    #[must_use]
    pub fn non_strict(&self) -> Vec<String> {
        let late = self.counted().filter(|(_, verdict)| verdict.is("NON-STRICT"));
        late.map(|(case, _)| case.to_string()).collect()
    }

    fn with(&self, behavior: &str) -> usize {
        self.cases.values().filter(|verdict| verdict.is(behavior)).count()
    }

    /// Case by case, as JSON: `{"1.1.1": ["OK", "OK"], …}`, messages and close.
    #[must_use]
    pub fn to_json(&self) -> String {
        let lines = self
            .cases
            .iter()
            .map(|(case, verdict)| format!("  \"{case}\": {}", json!([verdict.behavior, verdict.close])));
        format!("{{\n{}\n}}\n", lines.collect::<Vec<_>>().join(",\n"))
    }

    /// One line of figures.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{} cases, {} failed, {} non-strict, {} informational, {} about compression unimplemented",
            self.count(),
            self.failed().len(),
            self.non_strict().len(),
            self.with("INFORMATIONAL"),
            self.with("UNIMPLEMENTED"),
        )
    }

    /// A table with a line for each group of cases.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let words = ["OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"];
        let mut groups: BTreeMap<u16, [usize; 5]> = BTreeMap::new();
        for (case, verdict) in &self.cases {
            let column = words.iter().position(|word| verdict.is(word)).unwrap_or(words.len());
            groups.entry(case.0.first().copied().unwrap_or_default()).or_default()[column] += 1;
        }
        let mut text = "| Group | OK | Informational | Non-strict | Unimplemented | Failed |\n".to_owned();
        text += "|---|---|---|---|---|---|\n";
        for (group, counts) in groups {
            let [ok, informational, late, missing, failed] = counts;
            let name = group_name(group);
            writeln!(text, "| {group} {name} | {ok} | {informational} | {late} | {missing} | {failed} |")
                .expect("a text takes more text");
        }
        text
    }
}

fn group_name(group: u16) -> &'static str {
    match group {
        1 => "framing",
        2 => "pings and pongs",
        3 => "reserved bits",
        4 => "opcodes",
        5 => "fragmentation",
        6 => "UTF-8",
        7 => "closing",
        9 => "large messages",
        10 => "automatic fragmentation",
        12 | 13 => "compression",
        _ => "others",
    }
}

/// Runs the suite against a server of its own.
#[must_use]
pub fn run(extent: Extent) -> Report {
    let folder =
        env::var_os(FOLDER_VARIABLE).map_or_else(|| workspace().join(".cache/autobahn"), PathBuf::from);
    let program = folder.join("bin/wstest");
    assert!(
        program.is_file(),
        "no Autobahn testsuite at {}; run `cargo xtask test`, which installs it",
        folder.display()
    );
    let server = echo();
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let specification = scratch.path().join("fuzzingclient.json");
    let wanted = specify(&server, extent, scratch.path()).to_string();
    fs::write(&specification, wanted).expect("the scratch folder is writable");
    let output = Command::new(&program)
        .args(["-m", "fuzzingclient", "-s"])
        .arg(&specification)
        .current_dir(scratch.path())
        .env("PYTHONUSERBASE", &folder)
        .env("PYTHONWARNINGS", "ignore")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let report = fs::read_to_string(scratch.path().join("report/index.json"));
    let report = report.unwrap_or_else(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        panic!("the suite wrote no report ({error}), {}: {said}", output.status)
    });
    read(&report)
}

/// A server that takes the suite's largest message and its echo.
fn echo() -> Running {
    start_with(|config| {
        config.duty = Duty::Echo;
        config.limits.max_message_bytes = LARGEST_MESSAGE;
        config.limits.outbox_bytes = 2 * LARGEST_MESSAGE;
    })
}

fn specify(server: &Running, extent: Extent, scratch: &Path) -> Value {
    let left_out = match extent {
        Extent::Short => [&[LARGE_MESSAGES], COMPRESSION.as_slice()].concat(),
        Extent::Full => Vec::new(),
    };
    json!({
        "outdir": scratch.join("report"),
        "servers": [{
            "agent": "peerhall",
            "url": format!("ws://{}/v1?key={}", server.addr(), server.publishable().id.as_str()),
        }],
        "cases": ["*"],
        "exclude-cases": left_out,
    })
}

fn read(report: &str) -> Report {
    let report: Value = serde_json::from_str(report).expect("the suite's report is JSON");
    let cases = report["peerhall"].as_object().expect("a report about our server");
    let word = |case: &Value, member: &str| case[member].as_str().unwrap_or("no word").to_owned();
    let cases = cases.iter().map(|(number, case)| {
        let number = number.parse().expect("the number of a case");
        (number, Verdict { behavior: word(case, "behavior"), close: word(case, "behaviorClose") })
    });
    Report { cases: cases.collect() }
}
