//! Random lives of many peers under random faults, and what must hold at every moment and at the end.
//!
//! `PEERHALL_SIM_SEEDS=n` tries so many seeds, `PEERHALL_SIM_SEED=s` tries one and tells what happens in it.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "explorer/checks.rs"]
mod checks;
#[path = "explorer/life.rs"]
mod life;
#[path = "explorer/mail.rs"]
mod mail;

use std::panic::{AssertUnwindSafe, catch_unwind};

use life::Life;

/// Seeds of one test run: what takes less than a minute of one core.
const SEEDS: u64 = 2_000;

#[test]
fn the_same_seed_gives_the_same_life() {
    for seed in 0..40 {
        let [one, other] = [(), ()].map(|()| {
            let mut life = Life::new(seed, true);
            let outcome = life.live();
            (outcome, life.story())
        });
        let differs = one.1.lines().zip(other.1.lines()).position(|(one, other)| one != other);
        let shown = differs.map(|line| [&one.1, &other.1].map(|story| story.lines().nth(line)));
        assert!(one == other, "seed {seed}, line {differs:?}: {shown:?}");
    }
}

#[test]
fn every_life_under_faults_ends_well() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("PEERHALL_SIM_SEED") {
        let mut life = Life::new(seed, true);
        if let Err(error) = life.live() {
            panic!("seed {seed}: {error}\n{}", life.story());
        }
        return;
    }
    let seeds = number("PEERHALL_SIM_SEEDS").unwrap_or(SEEDS);
    let mut failures = Vec::new();
    for seed in 0..seeds {
        let outcome = catch_unwind(AssertUnwindSafe(|| Life::new(seed, false).live()));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failures.push(format!("seed {seed}: {error}")),
            Err(_) => failures.push(format!("seed {seed}: panicked")),
        }
        if failures.len() >= 10 {
            break;
        }
    }
    assert!(
        failures.is_empty(),
        "PEERHALL_SIM_SEED=<seed> tells one of these in full:\n{}",
        failures.join("\n")
    );
}
