//! Whether docs/dependencies.md tells the truth about the manifests.

use std::collections::BTreeSet;

use crate::metadata::Metadata;

/// The differences between the page, the root manifest and what our packages ask for, one
/// sentence each.
pub(crate) fn differences(page: &str, root_manifest: &str, metadata: &Metadata) -> Vec<String> {
    let asked_for = asked_for(metadata);
    let rows: Vec<_> = page.lines().filter_map(Row::parse).collect();
    let listed: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    let shared = shared_names(root_manifest);
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();

    let unlisted = asked_for.difference(&listed).map(|name| format!("`{name}` has no line"));
    let stale =
        listed.difference(&asked_for).map(|name| format!("`{name}` has a line, but no crate uses it"));
    let unused = shared
        .iter()
        .filter(|name| !asked_for.contains(*name) && !ours.contains(*name))
        .map(|name| format!("`{name}` stands in [workspace.dependencies], but no crate uses it"));
    let bare = rows
        .iter()
        .filter(|row| row.licence.is_empty() || row.reason.is_empty())
        .map(|row| format!("the line of `{}` lacks its licence or its reason", row.name));
    let unsorted = rows
        .iter()
        .zip(rows.iter().skip(1))
        .filter(|(before, after)| before.name >= after.name)
        .map(|(before, after)| format!("the line of `{}` belongs before `{}`", after.name, before.name));
    unlisted.chain(stale).chain(unused).chain(bare).chain(unsorted).collect()
}

/// One line of the page's table: name in code quotes, licence, reason.
#[derive(Debug)]
struct Row<'a> {
    name: &'a str,
    licence: &'a str,
    reason: &'a str,
}

impl<'a> Row<'a> {
    /// The row of a dependency; `None` for every other line of the page.
    fn parse(line: &'a str) -> Option<Self> {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        Some(Self { name, licence: cells.next().unwrap_or(""), reason: cells.next().unwrap_or("") })
    }
}

/// What our packages ask of registries, for any kind of build.
fn asked_for(metadata: &Metadata) -> BTreeSet<&str> {
    let dependencies = metadata.packages.iter().flat_map(|package| &package.dependencies);
    dependencies.filter(|dependency| !dependency.ours).map(|dependency| dependency.name.as_str()).collect()
}

/// The keys of `[workspace.dependencies]`. Every entry of that table starts a line, which spares
/// this program a TOML reader.
fn shared_names(root_manifest: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in root_manifest.lines() {
        if line.starts_with('[') {
            inside = line.starts_with("[workspace.dependencies]");
            names.extend(
                line.strip_prefix("[workspace.dependencies.").and_then(|rest| rest.strip_suffix(']')),
            );
        } else if inside && line.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            names.extend(line.split(['=', '.', ' ']).next());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Kind, Package};

    const ROOT: &str =
        "[workspace.dependencies]\nours = { path = \"x\" }\nserde = \"1\"\n[profile.dev]\nlto = 1\n";

    #[test]
    fn a_page_in_step_has_no_differences() {
        let page = "# Title\n\n| Name | Licence | Why |\n|---|---|---|\n| `hmac` | MIT | tokens |\n| `serde` | MIT | JSON |\n";
        assert_eq!(differences(page, ROOT, &using(&["serde", "hmac"])), Vec::<String>::new());
    }

    #[test]
    fn a_missing_a_stale_and_an_unused_entry_are_told_apart() {
        let page = "| `tokio` | MIT | loops |\n";
        assert_eq!(
            differences(page, ROOT, &using(&["hmac"])),
            [
                "`hmac` has no line",
                "`tokio` has a line, but no crate uses it",
                "`serde` stands in [workspace.dependencies], but no crate uses it",
            ]
        );
    }

    #[test]
    fn a_line_needs_a_licence_a_reason_and_its_place() {
        let page = "| `serde` | MIT | JSON |\n| `hmac` | MIT | |\n";
        assert_eq!(
            differences(page, ROOT, &using(&["serde", "hmac"])),
            [
                "the line of `hmac` lacks its licence or its reason",
                "the line of `hmac` belongs before `serde`"
            ]
        );
    }

    #[test]
    fn every_form_of_a_shared_dependency_is_read() {
        let manifest = "[workspace]\nmembers = []\n[workspace.dependencies]\n# why\na = \"1\"\nb.version = \"1\"\n\
                        c={ version = \"1\" }\n\n[workspace.dependencies.d]\nversion = \"1\"\n[other]\ne = 1\n";
        assert_eq!(shared_names(manifest).into_iter().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }

    /// One package of ours, called `ours`, that uses `names`.
    fn using(names: &[&str]) -> Metadata {
        let dependency =
            |name: &&str| Dependency { name: (*name).to_owned(), kind: Kind::Normal, ours: false };
        Metadata {
            packages: vec![Package {
                name: "ours".to_owned(),
                dependencies: names.iter().map(dependency).collect(),
            }],
            target_directory: "target".into(),
        }
    }
}
