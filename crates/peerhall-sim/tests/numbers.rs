//! Every regression R1 to R81 and every defect X1 to X22 of sdk-behaviour has a test that carries its
//! number.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const REGRESSIONS: u16 = 81;
const DEFECTS: u16 = 22;

/// Numbers in the names of tests: `fn r12_r36_…` names two.
fn numbers(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in text.split("fn ").skip(1) {
        let name = name.split('(').next().unwrap_or_default();
        let is_number = |word: &&str| {
            word.len() == 3
                && word.starts_with(['r', 'x'])
                && word.chars().skip(1).all(|digit| digit.is_ascii_digit())
        };
        found.extend(name.split('_').take_while(is_number).map(str::to_owned));
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["target", "node_modules", ".cache", ".git"].contains(&name) {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(numbers(&fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn every_regression_and_every_defect_has_a_test() {
    let mut found = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    let regressions = (1..=REGRESSIONS).map(|n| format!("r{n:02}"));
    let all = regressions.chain((1..=DEFECTS).map(|n| format!("x{n:02}")));
    let missing: Vec<_> = all.filter(|number| !found.contains(number)).collect();
    assert!(missing.is_empty(), "no test is named after {missing:?}");
}

#[test]
fn numbers_are_read_from_names_of_tests_only() {
    let text = "fn r91_r92_a() {} // r93 fn with_r94 fn x95_b(";
    assert_eq!(numbers(text).into_iter().collect::<Vec<_>>(), ["r91", "r92", "x95"]);
}
