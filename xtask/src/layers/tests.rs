use super::*;
use crate::{metadata::Dependency, workspace::Workspace};

#[test]
fn the_workspace_keeps_its_direction_rules() {
    let metadata = Workspace::current().metadata().unwrap();
    assert!(metadata.packages.len() > 5, "cargo listed {} packages", metadata.packages.len());
    assert_eq!(violations(&metadata), Vec::<String>::new());
}

#[test]
fn the_two_trips_of_the_product_are_allowed() {
    assert_eq!(
        violations(&made_up(&[
            ("peerhall-proto", &["serde", "serde_json", "thiserror"]),
            ("peerhall-auth", &["peerhall-proto", "hmac", "sha2"]),
            ("peerhall-hub", &["peerhall-proto", "peerhall-auth"]),
            ("peerhall-server", &["peerhall-hub", "peerhall-auth", "peerhall-proto", "tokio"]),
            ("peerhall-core", &["peerhall-proto", "fastrand"]),
            ("peerhall-rtc", &["peerhall-proto", "tokio"]),
            ("peerhall", &["peerhall-core", "peerhall-rtc", "peerhall-proto", "tokio"]),
            ("peerhall-cli", &["peerhall-server", "peerhall"]),
        ])),
        Vec::<String>::new()
    );
}

#[test]
fn an_edge_against_the_direction_is_reported_by_both_names() {
    let found = violations(&made_up(&[
        ("peerhall-proto", &["peerhall-auth"]),
        ("peerhall-auth", &[]),
        ("peerhall-server", &["peerhall"]),
        ("peerhall", &["peerhall-server"]),
        ("peerhall-cli", &["peerhall-hub"]),
        ("peerhall-hub", &[]),
    ]));
    assert_eq!(
        found,
        [
            "peerhall-proto must not use peerhall-auth",
            "peerhall-server must not use peerhall",
            "peerhall must not use peerhall-server",
            "peerhall-cli must not use peerhall-hub",
        ]
    );
}

#[test]
fn a_forbidden_edge_in_tests_counts_too() {
    let mut metadata = made_up(&[("peerhall-hub", &["peerhall-sim"]), ("peerhall-sim", &[])]);
    set_kind(&mut metadata, Kind::Dev);
    assert_eq!(violations(&metadata), ["peerhall-hub must not use peerhall-sim"]);
}

#[test]
fn a_crate_may_ask_for_itself_in_its_tests() {
    assert_eq!(violations(&made_up(&[("peerhall-server", &["peerhall-server"])])), Vec::<String>::new());
}

#[test]
fn nothing_uses_the_end_to_end_tests_or_the_fuzz_targets() {
    for nobody_uses in ["peerhall-e2e", "peerhall-fuzz"] {
        for user in ["peerhall-server", "peerhall-cli", "peerhall-sim", "xtask"] {
            let found = violations(&made_up(&[(user, &[nobody_uses]), (nobody_uses, &[])]));
            assert_eq!(found, [format!("{user} must not use {nobody_uses}")]);
        }
    }
}

#[test]
fn the_pure_crates_are_kept_from_runtimes_and_sockets() {
    for pure in [
        "peerhall-proto",
        "peerhall-auth",
        "peerhall-hub",
        "peerhall-core",
        "peerhall-labelled",
        "peerhall-sim",
    ] {
        for outside in ["tokio", "mio", "reqwest", "rand", "tracing"] {
            let found = violations(&made_up(&[(pure, &[outside])]));
            assert_eq!(found.len(), 1, "{pure} uses {outside}: {found:?}");
        }
    }
    let hashing = violations(&made_up(&[("peerhall-hub", &["hmac"])]));
    assert_eq!(hashing.len(), 1, "hashing belongs to peerhall-auth: {hashing:?}");
}

#[test]
fn the_tests_of_a_pure_crate_may_use_any_tool_but_its_build_script_may_not() {
    let mut metadata = made_up(&[("peerhall-hub", &["tokio"])]);
    set_kind(&mut metadata, Kind::Dev);
    assert_eq!(violations(&metadata), Vec::<String>::new());
    set_kind(&mut metadata, Kind::Build);
    assert_eq!(violations(&metadata).len(), 1);
}

#[test]
fn a_crate_without_a_row_is_a_violation() {
    let found = violations(&made_up(&[("peerhall-new", &[])]));
    assert_eq!(found, ["peerhall-new has no row in xtask/src/layers/rules.rs"]);
}

/// Packages of ours and the names they depend on; every name that starts like ours is ours.
fn made_up(packages: &[(&str, &[&str])]) -> Metadata {
    let dependency = |name: &&str| Dependency {
        name: (*name).to_owned(),
        kind: Kind::Normal,
        ours: name.starts_with("peerhall"),
    };
    let package = |(name, uses): &(&str, &[&str])| Package {
        name: (*name).to_owned(),
        dependencies: uses.iter().map(dependency).collect(),
    };
    Metadata { packages: packages.iter().map(package).collect(), target_directory: "target".into() }
}

fn set_kind(metadata: &mut Metadata, kind: Kind) {
    let dependencies = metadata.packages.iter_mut().flat_map(|package| &mut package.dependencies);
    dependencies.for_each(|dependency| dependency.kind = kind);
}
