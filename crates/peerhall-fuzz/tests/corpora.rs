//! Every committed input of every fuzz target, without a fuzzer.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use peerhall_fuzz::TARGETS;

/// Most bytes of all committed inputs together.
const MAX_CORPORA_BYTES: u64 = 2_000_000;

fn fuzz(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(relative)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn p09_every_committed_input_passes_its_target() {
    let mut failed = Vec::new();
    for target in TARGETS {
        let folder = fuzz("corpus").join(target.name);
        let inputs = names(&folder);
        assert!(inputs.len() >= 5, "{} has {} inputs", target.name, inputs.len());
        for name in inputs {
            let input = fs::read(folder.join(&name)).unwrap();
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
                failed.push(format!("{}/{name}", target.name));
            }
        }
    }
    assert!(failed.is_empty(), "these inputs break a promise: {failed:?}");
}

#[test]
fn every_target_has_its_program_and_its_inputs_and_nothing_else_does() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(&fuzz("corpus")), targets);
    let programs = names(&fuzz("fuzz_targets")).into_iter();
    let programs: BTreeSet<String> =
        programs.map(|name| name.strip_suffix(".rs").unwrap().to_owned()).collect();
    assert_eq!(programs, targets);
}

#[test]
fn the_committed_inputs_are_small() {
    let of = |target: &str| {
        let folder = fuzz("corpus").join(target);
        names(&folder).iter().map(|name| folder.join(name).metadata().unwrap().len()).sum::<u64>()
    };
    let total: u64 = TARGETS.iter().map(|target| of(target.name)).sum();
    assert!(total < MAX_CORPORA_BYTES, "{total} bytes");
}
