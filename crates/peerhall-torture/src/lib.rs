//! Attacks on the real server, one promise each (reliability goals P1, P2, P5 to P8, P11 and P18 to P20).
//!
//! A [`Scenario`] starts the binary `peerhall` as a child process, does to it what its name says, and
//! ends with a [`Verdict`]: figures, each with its bound. Everything random comes from the seed of the
//! [`Plan`]. `cargo xtask torture` plays them at full size; the tests of this crate play the short form.
//!
//! | | |
//! |---|---|
//! | `server.rs`, `keys.rs` | the child process, what the system and its metrics say of it, credentials |
//! | `fleet.rs` | clients that come back as the vendor's SDK does and believe what they are told |
//! | `bystanders.rs` | clients that measure what others feel of an attack |
//! | `scenario/` | one attack each |

mod bystanders;
mod cores;
mod failed;
mod fleet;
mod keys;
mod plan;
pub mod report;
mod scenario;
mod server;
mod verdict;

pub use failed::Failed;
pub use plan::{Plan, Scale};
pub use scenario::{ALL, Scenario, is_abuse, named};
pub use verdict::Verdict;
