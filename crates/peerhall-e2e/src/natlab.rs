//! Two peers, each behind a network of its own, and a server between them: network namespaces of this
//! machine. Wants root, Linux and `ip`, `nft` and `sysctl`.
//!
//! Nothing leaves the namespaces. Addresses that stand for the internet are of ranges that are handed out,
//! because the relay does not serve those for documentation.

mod crossing;
mod guest;
mod network;
mod peer;
mod trial;

pub use crossing::{Crossed, Crossing};
pub use guest::diagnose_in_page;
pub use network::{Access, Lab, Line, Unavailable, Weather};
pub use trial::{Outcome, Trial, diagnose, diagnose_with};
