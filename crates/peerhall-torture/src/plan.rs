//! How a scenario is to be played.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How large a scenario is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As the promise says it.
    Full,
    /// Small and quick, with generous bounds on time: what every test run plays beside other tests.
    Short,
}

/// What a scenario starts from.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything random.
    pub seed: u64,
    /// How large.
    pub scale: Scale,
    /// The server's binary.
    pub binary: PathBuf,
    /// A binary with the feature `failpoints`.
    pub failpoints: PathBuf,
    /// How long each kind of abuse lasts at full size. Default 60 s, as the promise says.
    pub span: Duration,
    /// The kinds of abuse that are played where a scenario has several; empty: all of them.
    pub attacks: Vec<String>,
}

impl Plan {
    /// A plan for a binary that serves for everything.
    #[must_use]
    pub fn new(seed: u64, scale: Scale, binary: &Path) -> Self {
        Self {
            seed,
            scale,
            binary: binary.to_owned(),
            failpoints: binary.to_owned(),
            span: Duration::from_secs(60),
            attacks: Vec::new(),
        }
    }

    /// One of two values by scale.
    pub(crate) fn pick<T>(&self, full: T, short: T) -> T {
        match self.scale {
            Scale::Full => full,
            Scale::Short => short,
        }
    }

    /// Whether a kind of abuse is to be played.
    pub(crate) fn includes(&self, attack: &str) -> bool {
        self.attacks.is_empty() || self.attacks.iter().any(|name| name == attack)
    }

    /// A bound on time: itself at full scale; when others use the machine, some seconds more.
    pub(crate) fn patience(&self, bound: Duration) -> Duration {
        self.pick(bound, bound + Duration::from_secs(5))
    }

    /// The source of everything random.
    pub(crate) fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }
}
