//! The short form of every attack: what a full run by `cargo xtask torture` shows, small and quick.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::path::PathBuf;

use peerhall_torture::{Plan, Scale, named};

/// The binary that `cargo xtask test` has just built, or the one beside this test.
fn binary() -> PathBuf {
    std::env::var_os("PEERHALL_BIN").map_or_else(
        || {
            let test = std::env::current_exe().expect("this test's path");
            let folder = test.ancestors().nth(2).expect("target/debug/deps/…");
            folder.join(format!("peerhall{}", std::env::consts::EXE_SUFFIX))
        },
        PathBuf::from,
    )
}

fn short(name: &str) {
    let seed = fastrand::u64(..1 << 32);
    println!("seed {seed}");
    let scenario = named(name).expect("a scenario of this name");
    match scenario.play(&Plan::new(seed, Scale::Short, &binary())) {
        Ok(verdict) => {
            println!("{verdict}");
            assert!(verdict.passed(), "{verdict}");
        }
        Err(error) => panic!("{name} could not be played: {error}; `cargo xtask test` provides the binary"),
    }
}

#[test]
fn p01_nobody_is_announced_as_gone_when_the_server_is_killed_and_started_again() {
    short("crash");
}

#[test]
fn p02_everybody_is_back_in_a_whole_room_soon_after_a_crash() {
    short("herd");
}

#[test]
fn p05_a_dead_link_is_seen_within_ping_interval_and_patience() {
    short("dead-link");
}

#[test]
fn p06_a_stopped_reader_is_cut_and_the_others_miss_nothing() {
    short("slow");
}

#[test]
fn p20_a_panic_costs_the_one_connection_that_caused_it() {
    short("panic");
}

#[test]
fn p18_marked_secrets_are_found_in_no_output() {
    short("canary");
}

#[test]
fn p19_a_full_disk_fails_the_write_of_a_key_and_nothing_else() {
    short("disk");
}

#[test]
fn p19_a_clock_that_jumps_thirty_days_disconnects_nobody() {
    short("clock");
}

#[test]
fn p07_abuse_of_every_kind_costs_little_and_is_answered_clearly() {
    short("abuse");
}

#[test]
fn p08_a_server_under_a_hard_cap_lives_and_keeps_those_who_are_there() {
    short("caps");
}

#[test]
fn p11_a_soak_leaves_no_connection_room_deadline_or_descriptor_behind() {
    short("soak");
}
