//! The style figures of our crates: sizes, documentation, unwraps, locks, clock reads, tests.
//!
//! Counted like the figures of the projects we compare with: test modules and test files are left
//! out of everything but the test lines, and `pub` is taken from the keyword, so an item that is
//! public inside a private module counts as public too.

mod count;
mod figures;
mod page;
mod shape;
mod test_modules;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{failure::Failure, workspace};
use figures::{Figures, Role};

pub(crate) use page::render;

/// Crates that exist for the sake of tests: all their lines are test lines.
const TEST_CRATES: [&str; 3] = ["peerhall-e2e", "peerhall-fuzz", "peerhall-sim"];

/// The figures of one crate.
#[derive(Debug)]
pub(crate) struct Crate {
    name: String,
    figures: Figures,
}

/// Counts every crate in `folder`, in the order of their names.
///
/// # Errors
///
/// [`Failure::File`] for what cannot be read, [`Failure::Unparsed`] for a file that is not Rust.
pub(crate) fn measure(folder: &Path) -> Result<Vec<Crate>, Failure> {
    entries(folder)?
        .into_iter()
        .filter(|path| path.join("Cargo.toml").is_file())
        .map(Crate::measure)
        .collect()
}

impl Crate {
    fn measure(root: PathBuf) -> Result<Self, Failure> {
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = rust_files(&root)?
            .into_iter()
            .map(|path| SourceFile::read(&root, path))
            .collect::<Result<Vec<_>, _>>()?;
        let test_modules: Vec<_> =
            files.iter().flat_map(|file| test_modules::declared_by(&file.path, &file.tree)).collect();
        let mut figures = Figures::default();
        for file in files {
            let is_test =
                TEST_CRATES.contains(&name.as_str()) || test_modules::contain(&test_modules, &file.path);
            let role = if is_test { Role::Test } else { Role::of(&file.path) };
            figures.add_file(&format!("{name}/{}", file.path.display()), &file.source, &file.tree, role);
        }
        Ok(Self { name, figures })
    }
}

/// A file of a crate, read and parsed.
struct SourceFile {
    /// Relative to the crate.
    path: PathBuf,
    source: String,
    tree: syn::File,
}

impl SourceFile {
    fn read(root: &Path, path: PathBuf) -> Result<Self, Failure> {
        let source = workspace::read(&path)?;
        let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
        match syn::parse_file(&source) {
            Ok(tree) => Ok(Self { path: relative, source, tree }),
            Err(cause) => Err(Failure::Unparsed { path, cause }),
        }
    }
}

/// Every Rust file below `folder`, those of installed npm packages excepted.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                files.extend(rust_files(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failure = |cause| Failure::File { path: folder.to_owned(), cause };
    let entries = fs::read_dir(folder).map_err(failure)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<Result<Vec<_>, _>>().map_err(failure)?;
    paths.sort();
    Ok(paths)
}
