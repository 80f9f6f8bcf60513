//! Every cell of `docs/interop.md` names tests that are there, or says that nothing shows it.

#![expect(clippy::panic, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;

/// Peers in a room with a native one.
const PEERS: usize = 4;

/// What has to be shown with each of them.
const ROWS: usize = 9;

/// What a cell says that has no test.
const NOT_SHOWN: &str = "not shown yet";

fn file(relative: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(relative);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands in code quotes and has a file before it.
fn named(cell: &str) -> Vec<(&str, &str)> {
    cell.split('`').skip(1).step_by(2).filter_map(|word| word.split_once("::")).collect()
}

#[test]
fn every_cell_of_the_interop_table_names_tests_that_exist_or_says_that_there_are_none() {
    let page = file("../../docs/interop.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), ROWS + 2, "a head, a rule and the rows");
    for row in rows.iter().skip(2) {
        let (what, cells) = row.split_first().expect("a row");
        assert_eq!(cells.len(), PEERS, "{what}");
        for cell in cells {
            let tests = named(cell);
            assert!(tests.is_empty() == (*cell == NOT_SHOWN), "{what}: a cell names no test: {cell}");
            for (module, test) in tests {
                let source = file(&format!("tests/{module}.rs"));
                let head = format!("#[tokio::test]\nasync fn {test}()");
                assert!(source.contains(&head), "{what}: there is no test {module}::{test}");
            }
        }
    }
}
