//! The attacks, and the promise that each of them tries to break.

use crate::failed::Failed;
use crate::plan::Plan;
use crate::verdict::Verdict;

mod abuse;
mod canary;
mod caps;
mod clock;
mod crash;
mod dead_link;
mod disk;
mod herd;
mod panic;
mod slow;
mod soak;

/// One attack.
#[derive(Debug)]
pub struct Scenario {
    /// The word that names it on the command line.
    pub name: &'static str,
    /// Number of the promise.
    pub promise: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// It drops packets, if this process has a network of its own: the variable that says so.
    pub own_network: Option<&'static str>,
    run: fn(&Plan) -> Result<Verdict, Failed>,
}

impl Scenario {
    /// Plays it to its end.
    ///
    /// # Errors
    ///
    /// [`Failed`] when it could not be played: then nothing is known about the promise.
    pub fn play(&self, plan: &Plan) -> Result<Verdict, Failed> {
        (self.run)(plan)
    }
}

/// Every attack.
pub static ALL: [&Scenario; 11] = [
    &crash::SCENARIO,
    &herd::SCENARIO,
    &dead_link::SCENARIO,
    &slow::SCENARIO,
    &abuse::SCENARIO,
    &caps::SCENARIO,
    &canary::SCENARIO,
    &disk::SCENARIO,
    &clock::SCENARIO,
    &panic::SCENARIO,
    &soak::SCENARIO,
];

/// Whether there is a kind of abuse of this name: `abuse` plays all of them, `caps` some.
#[must_use]
pub fn is_abuse(name: &str) -> bool {
    abuse::attack_named(name).is_some()
}

/// The attack of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Scenario> {
    ALL.into_iter().find(|scenario| scenario.name == name)
}
