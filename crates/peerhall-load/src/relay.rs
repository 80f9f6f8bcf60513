//! The relay beside coturn: what a packet, an allocation and a stranger cost. `cargo xtask bench --relay`.
//!
//! Both servers run at the same time on the same core, each with one thread, and are measured in turn; the
//! clients are on another core. Packets are sent in bursts of eight to one allocation after the other, as
//! the packets of video frames come.

mod client;
mod flow;
mod judge;
mod server;

pub use judge::{Figure, Plan, judge};
pub use server::serve;
