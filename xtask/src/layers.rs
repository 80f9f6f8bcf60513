//! The direction rules: which of our crates may use which, and what of the outside world.

mod rules;
#[cfg(test)]
mod tests;

use crate::metadata::{Kind, Metadata, Package};
use rules::{Ours, Outside, Rule};

/// Everything in `metadata` that the table in `layers/rules.rs` does not allow, one sentence each.
///
/// Edges between our crates count for every kind of dependency: a test that pulls the server into
/// the SDK ties the two together as well. The outside world counts for the product only, so that
/// the tests of a pure crate may use a tool that is not pure.
pub(crate) fn violations(metadata: &Metadata) -> Vec<String> {
    metadata.packages.iter().flat_map(violations_of).collect()
}

fn violations_of(package: &Package) -> Vec<String> {
    let Some(rule) = rules::of(&package.name) else {
        return vec![format!("{} has no row in xtask/src/layers/rules.rs", package.name)];
    };
    let mut found: Vec<_> = package
        .dependencies
        .iter()
        .filter_map(|dependency| match (dependency.ours, dependency.kind) {
            (true, _) => forbidden_edge(package, rule, &dependency.name),
            (false, Kind::Normal | Kind::Build) => forbidden_outside(package, rule, &dependency.name),
            (false, Kind::Dev) => None,
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn forbidden_edge(package: &Package, rule: &Rule, used: &str) -> Option<String> {
    // A package may ask for itself with another feature in its own tests.
    let allowed = match rule.ours {
        Ours::Anything => true,
        Ours::Only(names) => names.contains(&used) || package.name == used,
    };
    (!allowed).then(|| format!("{} must not use {used}", package.name))
}

fn forbidden_outside(package: &Package, rule: &Rule, used: &str) -> Option<String> {
    let allowed = match rule.outside {
        Outside::Anything => true,
        Outside::Only(names) => names.contains(&used),
    };
    (!allowed)
        .then(|| format!("{} must not depend on {used}: it is kept from the outside world", package.name))
}
