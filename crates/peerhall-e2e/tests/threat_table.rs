//! Every row of `docs/threats.md` says what shows it, and what it names is there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rows of the table.
const THREATS: std::ops::RangeInclusive<usize> = 1..=56;

/// Folders that are full of other people's code.
const SKIPPED: [&str; 3] = ["target", "node_modules", ".cache"];

fn workspace(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(relative)
}

/// The text of every Rust file below a folder.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !SKIPPED.contains(&name) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// Names of functions under a test attribute, and those that the macro of a test group declares.
fn tests() -> BTreeSet<String> {
    let files = sources(&workspace("crates")).into_iter().chain(sources(&workspace("xtask")));
    let mut names = BTreeSet::new();
    for (_, text) in files {
        for rest in text.split("fn ").skip(1) {
            let name = rest.split('(').next().unwrap_or_default();
            names.extend(name.contains('_').then(|| name.to_owned()));
        }
    }
    names
}

/// The rows of the table, each with its number, its threat and what shows it.
fn rows(page: &str) -> Vec<(usize, String, String)> {
    page.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
            let number = cells.first()?.parse().ok()?;
            Some((number, (*cells.get(1)?).to_owned(), (*cells.get(3)?).to_owned()))
        })
        .collect()
}

/// What stands in code quotes and looks like the name of a test: many words.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    let is_test = |word: &&str| {
        !word.starts_with('_') && word.matches('_').count() >= 3 && word.chars().all(is_of_a_name)
    };
    cell.split('`').skip(1).step_by(2).filter(is_test)
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

#[test]
fn every_threat_has_a_row_and_every_test_that_it_names_exists() {
    let page = fs::read_to_string(workspace("docs/threats.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.iter().map(|row| row.0).eq(THREATS), "rows 1 to 56, each once and in order");
    let tests = tests();
    for (number, threat, shown_by) in rows {
        assert!(!threat.is_empty() && shown_by.len() >= 9, "row {number} says nothing");
        for name in named(&shown_by) {
            assert!(tests.contains(name), "row {number}: there is no test `{name}`");
        }
    }
}

#[test]
fn every_test_that_carries_the_number_of_a_threat_stands_in_its_row() {
    let page = fs::read_to_string(workspace("docs/threats.md")).unwrap();
    let rows = rows(&page);
    let numbered = tests().into_iter().filter_map(|name| {
        let number = name.strip_prefix('t')?.get(..2)?.parse::<usize>().ok()?;
        name.get(3..4).is_some_and(|after| after == "_").then_some((number, name))
    });
    let mut count = 0;
    for (number, name) in numbered {
        let row = rows.iter().find(|row| row.0 == number);
        assert!(row.is_some_and(|row| row.2.contains(&format!("`{name}`"))), "{name} is in no row {number}");
        count += 1;
    }
    assert!(count >= 10, "{count} tests carry the number of a threat");
}

#[test]
fn t49_foreign_names_are_hashed_by_the_standard_librarys_keyed_hash() {
    // `RandomState` is SipHash under a key drawn for each process; only another hasher needs these words.
    let words =
        ["with_hasher", "impl BuildHasher", "BuildHasherDefault", "FxHash", "ahash", "foldhash", "hashbrown"];
    for krate in ["peerhall-auth", "peerhall-hub", "peerhall-proto", "peerhall-server", "peerhall-cli"] {
        let manifest = fs::read_to_string(workspace("crates").join(krate).join("Cargo.toml")).unwrap();
        let files = sources(&workspace("crates").join(krate).join("src"));
        assert!(files.iter().any(|(_, text)| !text.is_empty()), "{krate} has no source");
        for (path, text) in files.into_iter().chain([(PathBuf::from("Cargo.toml"), manifest)]) {
            let other = words.iter().find(|word| text.contains(**word));
            assert_eq!(other, None, "{krate}: {}", path.display());
        }
    }
}
