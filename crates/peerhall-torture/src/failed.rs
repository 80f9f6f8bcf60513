//! Why a scenario could not be played at all, which is something else than a broken promise.

use std::fmt::Display;
use std::io;

/// A step that did not work, told in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(String);

impl Failed {
    /// A failure with these words.
    #[must_use]
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Says which step an error belongs to.
pub(crate) trait Doing<T> {
    /// Puts `step` in front of the error's own words.
    ///
    /// # Errors
    ///
    /// [`Failed`] when `self` is an error.
    fn doing(self, step: impl Display) -> Result<T, Failed>;
}

impl<T, E: Display> Doing<T> for Result<T, E> {
    fn doing(self, step: impl Display) -> Result<T, Failed> {
        self.map_err(|error| Failed(format!("{step}: {error}")))
    }
}
