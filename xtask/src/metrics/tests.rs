use super::*;
use figures::Spread;

const SAMPLE: &str = r#"
//! A module.
pub mod with_a_file_of_its_own;
/// Documented.
pub struct Seen(Arc<Mutex<u8>>);

pub enum Unseen {}

/// Reads.
///
/// # Errors
///
/// Always.
pub fn read() -> Result<u8, Seen> {
    let now = std::time::Instant::now();
    value.expect("a reason").unwrap()
}

pub async fn write() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    pub fn helper() {
        value.unwrap();
    }

    #[tokio::test]
    async fn it_reads() {
        read().unwrap();
    }
}
"#;

#[test]
fn product_code_is_counted_and_test_modules_are_not() {
    let figures = figures_of("sample.rs", SAMPLE, Role::Product);
    let counts = &figures.counts;
    assert_eq!((counts.public, counts.documented), (4, 2), "two types, two functions");
    assert_eq!((counts.result_fns, counts.errors_sections), (2, 1));
    assert_eq!((counts.unwraps, counts.expects), (1, 1));
    assert_eq!((counts.locked_arcs, counts.clock_reads, counts.tests), (1, 1, 1));
    assert_eq!(counts.functions, [(4, "sample.rs: read".to_owned()), (3, "sample.rs: write".to_owned())]);
    assert_eq!(figures.test_lines, 11, "the module with its attribute and braces");
    assert_eq!(figures.code_lines, 10);
    assert_eq!(figures.files, [(22, "sample.rs".to_owned())]);
}

#[test]
fn a_test_file_gives_test_lines_and_tests_only() {
    let figures = figures_of("tests.rs", SAMPLE, Role::Test);
    assert_eq!((figures.code_lines, figures.files.len(), figures.test_lines), (0, 0, SAMPLE.lines().count()));
    let counts = &figures.counts;
    assert_eq!((counts.public, counts.unwraps, counts.functions.len(), counts.tests), (0, 0, 0, 1));
}

#[test]
fn the_path_tells_what_a_file_is_for() {
    for (path, role) in [
        ("src/lib.rs", Role::Product),
        ("src/testing.rs", Role::Product),
        ("src/ids/tests.rs", Role::Test),
        ("tests/wire.rs", Role::Test),
        ("src/ws/tests/split.rs", Role::Test),
        ("examples/hello.rs", Role::Example),
        ("benches/fanout.rs", Role::Example),
    ] {
        assert_eq!(Role::of(Path::new(path)), role, "{path}");
    }
}

#[test]
fn a_spread_takes_the_nearest_rank() {
    let spread = Spread::of((1..=101).rev().collect());
    assert_eq!(spread, Spread { median: 51, p90: 91, p99: 100, max: 101 });
    assert_eq!(Spread::of(vec![7]), Spread { median: 7, p90: 7, p99: 7, max: 7 });
    assert_eq!(Spread::of(vec![]), Spread { median: 0, p90: 0, p99: 0, max: 0 });
}

#[test]
fn the_page_shows_each_crate_the_total_and_what_is_over_budget() {
    let long = format!("fn long() {{\n{}}}\n", "    step();\n".repeat(70));
    let one = |name: &str, source: &str| {
        let figures = figures_of(&format!("{name}/src/lib.rs"), source, Role::Product);
        Crate { name: name.to_owned(), figures }
    };
    let page = render(&[one("peerhall-hub", SAMPLE), one("peerhall-server", &long)], &["unit", "golden"]);
    assert!(page.contains("| `peerhall-hub` | 10 | 1 | 22 / 22 / 22 | 2 | 4 / 4 / 4 / 4 |"), "{page}");
    assert!(page.contains("| **total** | 82 | 2 |"), "{page}");
    assert!(
        page.contains("- 72 lines (a function may have 60): `peerhall-server/src/lib.rs: long`"),
        "{page}"
    );
    assert!(page.contains("| 1.1 core and hub, 0.0 server, 0.1 overall |"), "{page}");
    assert!(page.contains("| unit, golden |"), "{page}");
}

#[test]
fn a_module_declared_for_tests_makes_its_files_test_files() {
    let tree =
        syn::parse_file("#[cfg(test)]\nmod contract;\nmod memory;\n#[cfg(unix)]\nmod disk;\n").unwrap();
    let in_root = test_modules::declared_by(Path::new("src/lib.rs"), &tree);
    assert_eq!(in_root, [Path::new("src/contract")]);
    let below = test_modules::declared_by(Path::new("src/store.rs"), &tree);
    for (file, is_test) in [
        ("src/store/contract.rs", true),
        ("src/store/contract/limits.rs", true),
        ("src/store/contracts.rs", false),
        ("src/store/memory.rs", false),
        ("src/contract.rs", false),
    ] {
        assert_eq!(test_modules::contain(&below, Path::new(file)), is_test, "{file}");
    }
}

#[test]
fn our_own_crates_are_counted_without_an_unwrap_in_the_wire_and_the_hub() {
    let crates = measure(&crate::workspace::Workspace::current().path("crates")).unwrap();
    let pure: Vec<_> =
        crates.iter().filter(|one| ["peerhall-proto", "peerhall-hub"].contains(&one.name.as_str())).collect();
    assert_eq!(pure.len(), 2);
    for one in pure {
        assert_eq!((one.figures.counts.unwraps, one.figures.counts.clock_reads), (0, 0), "{}", one.name);
        assert!(one.figures.code_lines > 500, "{}: {} lines", one.name, one.figures.code_lines);
    }
}

fn figures_of(name: &str, source: &str, role: Role) -> Figures {
    let mut figures = Figures::default();
    figures.add_file(name, source, &syn::parse_file(source).unwrap(), role);
    figures
}
