//! Faults on purpose. They exist in builds with the feature `failpoints` only, which no release has.

/// Panics when a text message holds the word in the environment variable `PEERHALL_FAILPOINT`.
#[cfg(feature = "failpoints")]
#[expect(clippy::panic, reason = "the fault that tests ask for")]
pub(crate) fn after_text(text: &str) {
    static WORD: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let word = WORD.get_or_init(|| std::env::var("PEERHALL_FAILPOINT").ok().filter(|word| !word.is_empty()));
    if word.as_ref().is_some_and(|word| text.contains(word.as_str())) {
        panic!("a fault on purpose");
    }
}

/// Does nothing in a build without failpoints.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn after_text(_: &str) {}
