//! Every statement of the wire checklist has a test that carries its number.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Statements of the wire checklist (wire protocol, section 19).
const STATEMENTS: std::ops::RangeInclusive<u16> = 1..=160;

/// Folders that are full of other people's tests.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".cache", ".git"];

/// The numbers in `text` of tests named like these: `fn w901_…` in Rust, `"w901…` in JavaScript.
fn numbers(text: &str, marker: &str) -> impl Iterator<Item = u16> {
    text.split(marker).skip(1).filter_map(|rest| rest.get(..3)?.parse().ok())
}

fn collect(folder: &Path, found: &mut BTreeSet<u16>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let marker = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => "fn w",
            Some("js" | "mjs" | "ts") => "\"w",
            _ => "",
        };
        if path.is_dir() && !SKIPPED.contains(&name) {
            collect(&path, found);
        } else if path.is_file() && !marker.is_empty() {
            found.extend(numbers(&fs::read_to_string(&path).unwrap(), marker));
        }
    }
}

#[test]
fn every_statement_of_the_wire_checklist_has_a_test() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = BTreeSet::new();
    collect(&workspace.join("crates"), &mut found);
    let missing: Vec<_> = STATEMENTS.filter(|number| !found.contains(number)).collect();
    assert!(missing.is_empty(), "no test is named after {missing:?}");
}

#[test]
fn numbers_are_read_from_names_of_tests_only() {
    // Numbers beyond the checklist, because this file is read too.
    let text = "fn w901_a() {} // w902 fn with w903\nfn w12_short() {} pub fn w956_z()";
    assert_eq!(numbers(text, "fn w").collect::<Vec<_>>(), [901, 956]);
    assert_eq!(numbers(r#"test("w950 pairs", …"#, "\"w").collect::<Vec<_>>(), [950]);
}
