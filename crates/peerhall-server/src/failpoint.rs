//! Faults on purpose. They exist in builds with the feature `failpoints` only, which no release has.

#[cfg(feature = "failpoints")]
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What a text message holds besides the word when the fault shall concern no single connection.
#[cfg(feature = "failpoints")]
const WHOLE_SHARD: &str = "whole-shard";

#[cfg(feature = "failpoints")]
static SHARD_SHALL_FAIL: AtomicBool = AtomicBool::new(false);

/// Panics when a text message holds the word in the environment variable `PEERHALL_FAILPOINT`; with
/// `whole-shard` in it too, the shard panics later in the turn, when it serves nobody in particular.
#[cfg(feature = "failpoints")]
#[expect(clippy::panic, reason = "the fault that tests ask for")]
pub(crate) fn after_text(text: &str) {
    static WORD: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let word = WORD.get_or_init(|| std::env::var("PEERHALL_FAILPOINT").ok().filter(|word| !word.is_empty()));
    if word.as_ref().is_some_and(|word| text.contains(word.as_str())) {
        if text.contains(WHOLE_SHARD) {
            SHARD_SHALL_FAIL.store(true, Relaxed);
        } else {
            panic!("a fault on purpose");
        }
    }
}

/// Panics when a message has asked for it.
#[cfg(feature = "failpoints")]
#[expect(clippy::panic, reason = "the fault that tests ask for")]
pub(crate) fn at_end_of_turn() {
    if SHARD_SHALL_FAIL.swap(false, Relaxed) {
        panic!("a fault on purpose in the whole shard");
    }
}

/// Does nothing in a build without failpoints.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn after_text(_: &str) {}

/// Does nothing in a build without failpoints.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn at_end_of_turn() {}
