//! The table. A crate without a row is a violation, so a new crate starts with a decision here.

/// What one of our crates may depend on.
#[derive(Debug)]
pub(super) struct Rule {
    name: &'static str,
    /// Which of our own crates.
    pub(super) ours: Ours,
    /// Which packages that are not ours.
    pub(super) outside: Outside,
}

/// Which of our own crates a crate may use.
#[derive(Debug)]
pub(super) enum Ours {
    /// These.
    Only(&'static [&'static str]),
    /// All; such a crate is used by nobody, because it stands in no list.
    Anything,
}

/// Which packages that are not ours a crate may use.
#[derive(Debug)]
pub(super) enum Outside {
    /// These: nothing here reads a clock, opens a socket or starts a task.
    Only(&'static [&'static str]),
    /// All; the crate is a body, and bodies touch the world.
    Anything,
}

use Outside::Anything as World;

const PROTO: &str = "peerhall-proto";
const AUTH: &str = "peerhall-auth";
const CORE: &str = "peerhall-core";
const HUB: &str = "peerhall-hub";
const SDK: &str = "peerhall";
const LABELLED: &str = "peerhall-labelled";
const RTC: &str = "peerhall-rtc";
const TURN: &str = "peerhall-turn";
const SERVER: &str = "peerhall-server";
const LOAD: &str = "peerhall-load";

/// Shapes and errors only.
const WORDS: &[&str] = &["serde", "serde_json", "thiserror"];

/// Shapes, errors and hashing. `getrandom` is for the constructors that generate keys.
const HASHING: &[&str] =
    &["base64", "getrandom", "hmac", "serde", "serde_json", "sha1", "sha2", "subtle", "thiserror"];

/// Errors, and random numbers from a seed that the driver gives.
const ERRORS_AND_SEEDS: &[&str] = &["fastrand", "thiserror"];

/// Errors, shared bytes, and the proof of what arrived.
const TRANSFERS: &[&str] = &["blake3", "bytes", "thiserror"];

/// The same with shapes, for those who play the parts of driver and network.
const WORDS_AND_SEEDS: &[&str] = &["bytes", "fastrand", "serde", "serde_json", "thiserror"];

const RULES: [Rule; 18] = [
    row(PROTO, &[], Outside::Only(WORDS)),
    row(AUTH, &[PROTO], Outside::Only(HASHING)),
    row(CORE, &[PROTO], Outside::Only(ERRORS_AND_SEEDS)),
    row(LABELLED, &[], Outside::Only(TRANSFERS)),
    row(HUB, &[PROTO, AUTH], Outside::Only(WORDS)),
    row(RTC, &[PROTO], World),
    row(SDK, &[CORE, LABELLED, PROTO, RTC], World),
    row("peerhall-wasm", &[CORE, LABELLED, PROTO], World),
    row("peerhall-unpack", &[], Outside::Only(&[])),
    row(TURN, &[AUTH, PROTO], World),
    row(SERVER, &[PROTO, AUTH, HUB, TURN], World),
    row("peerhall-sim", &[CORE, LABELLED, HUB, AUTH, PROTO], Outside::Only(WORDS_AND_SEEDS)),
    row("peerhall-cli", &[SERVER, AUTH, PROTO, RTC, SDK, LOAD], World),
    Rule { name: LOAD, ours: Ours::Anything, outside: World },
    Rule { name: "peerhall-torture", ours: Ours::Anything, outside: World },
    Rule { name: "peerhall-e2e", ours: Ours::Anything, outside: World },
    Rule { name: "peerhall-fuzz", ours: Ours::Anything, outside: World },
    row("xtask", &[PROTO], World),
];

/// The row of a crate.
pub(super) fn of(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

const fn row(name: &'static str, ours: &'static [&'static str], outside: Outside) -> Rule {
    Rule { name, ours: Ours::Only(ours), outside }
}
