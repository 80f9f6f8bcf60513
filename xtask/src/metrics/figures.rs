//! Figures of one file, one crate or the whole, which differ only in what was added up.

use std::path::Path;

use super::count::Counts;

/// What a file is there for, judged by its path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Product,
    Test,
    Example,
}

/// Figures of one crate or of several.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    /// Lines of each product file, its test modules excluded, and its name.
    pub(super) files: Vec<(usize, String)>,
    /// Lines of product code: neither blank nor comment.
    pub(super) code_lines: usize,
    /// Lines of test files and test modules, blank ones and comments included.
    pub(super) test_lines: usize,
    /// What the parsed product files hold, and the tests of all files.
    pub(super) counts: Counts,
}

/// Median, 90th and 99th percentile and maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) median: usize,
    pub(super) p90: usize,
    pub(super) p99: usize,
    pub(super) max: usize,
}

impl Figures {
    /// Adds one file, called `name` in what is listed by name.
    pub(super) fn add_file(&mut self, name: &str, source: &str, tree: &syn::File, role: Role) {
        let counts = Counts::of(name, tree, role != Role::Product);
        match role {
            Role::Product => self.add_product_lines(name, source, &counts),
            Role::Test => self.test_lines += source.lines().count(),
            Role::Example => {}
        }
        self.counts.add(counts);
    }

    /// Adds the figures of another crate.
    pub(super) fn add(&mut self, other: &Self) {
        self.files.extend(other.files.iter().cloned());
        self.code_lines += other.code_lines;
        self.test_lines += other.test_lines;
        self.counts.add(other.counts.clone());
    }

    /// Lines per product file.
    pub(super) fn file_lines(&self) -> Spread {
        Spread::of(self.files.iter().map(|(lines, _)| *lines).collect())
    }

    /// Lines per product function, signature and braces included.
    pub(super) fn function_lines(&self) -> Spread {
        Spread::of(self.counts.functions.iter().map(|(lines, _)| *lines).collect())
    }

    fn add_product_lines(&mut self, name: &str, source: &str, counts: &Counts) {
        let mut own = 0;
        for (line, number) in source.lines().zip(1..) {
            if counts.is_in_test_module(number) {
                self.test_lines += 1;
                continue;
            }
            own += 1;
            let text = line.trim_start();
            self.code_lines += usize::from(!text.is_empty() && !text.starts_with("//"));
        }
        self.files.push((own, name.to_owned()));
    }
}

impl Role {
    /// The role of a file, from its path inside its crate.
    pub(super) fn of(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_below = |folders: &[&str]| {
            path.components().any(|part| folders.iter().any(|folder| part.as_os_str() == *folder))
        };
        if is_below(&["examples", "benches"]) {
            Self::Example
        } else if is_below(&["tests", "fuzz"]) || stem == "tests" || stem.ends_with("_tests") {
            Self::Test
        } else {
            Self::Product
        }
    }
}

impl Spread {
    /// The spread of `values`; all zero when there are none.
    pub(super) fn of(mut values: Vec<usize>) -> Self {
        values.sort_unstable();
        let last = values.len().saturating_sub(1);
        // Rounds to the nearest rank.
        let at = |percent: usize| values.get((last * percent + 50) / 100).copied().unwrap_or(0);
        Self { median: at(50), p90: at(90), p99: at(99), max: at(100) }
    }
}
