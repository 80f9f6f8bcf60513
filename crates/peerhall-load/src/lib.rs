//! Load on a Peerhall server, from outside.
//!
//! - [`crowd`] is many WebSocket clients in one thread: the ground that everything else stands on.
//! - [`subject`] is the server: one that is started for the purpose, or one that runs.
//! - [`scenario`] are the loads; each stands ready and is measured in windows.
//! - [`mod@bench`] measures one server, which is what `peerhall bench` does.
//! - [`compare`] measures two beside each other, which is what `cargo xtask bench` does.
//! - [`rtc`] does so with data channels of peer connections.
//! - [`relay`] measures the relay beside coturn.
//!
//! The figure that counts is the server's CPU time (user and kernel) for one unit of work: it holds
//! where the generator is the slower side, and on a machine that does other things it is the least
//! wrong.

pub mod bench;
pub mod compare;
pub mod crowd;
mod error;
pub mod machine;
mod payload;
pub mod protocol;
pub mod relay;
pub mod report;
mod rig;
mod roster;
pub mod rtc;
pub mod scenario;
pub mod subject;
pub mod window;

pub use error::LoadError;

/// A seed for a run that was given none. Short, because people type it in again.
#[must_use]
pub fn random_seed() -> u64 {
    fastrand::u64(..1_000_000)
}
