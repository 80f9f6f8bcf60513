//! Files that are test code because of how they are declared, whatever they are called.

use std::path::{Path, PathBuf};

use syn::Item;

use super::count::is_cfg_test;

/// The modules that `file` declares as `#[cfg(test)] mod name;`, as paths without extension.
pub(super) fn declared_by(file: &Path, tree: &syn::File) -> Vec<PathBuf> {
    let parent = file.parent().unwrap_or(Path::new(""));
    let folder = match file.file_stem() {
        Some(stem) if stem != "lib" && stem != "main" => parent.join(stem),
        Some(_) | None => parent.to_owned(),
    };
    let declared = tree.items.iter().filter_map(|item| {
        let Item::Mod(module) = item else { return None };
        let is_file_of_tests = module.content.is_none() && is_cfg_test(&module.attrs);
        is_file_of_tests.then(|| folder.join(module.ident.to_string()))
    });
    declared.collect()
}

/// Whether `file` is one of the `modules` or below one.
pub(super) fn contain(modules: &[PathBuf], file: &Path) -> bool {
    modules.iter().any(|module| file.with_extension("").starts_with(module))
}
