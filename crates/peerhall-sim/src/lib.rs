//! The lab of the client: the real `peerhall-core` against the real `peerhall-hub`, on a simulated
//! clock and a simulated network, with pretend peer connections. Nothing here waits, and the same seed
//! gives the same run.
//!
//! ```
//! use std::time::Duration;
//!
//! use peerhall_core::PeerState;
//! use peerhall_sim::{Lab, LabOptions};
//!
//! let mut lab = Lab::new(LabOptions::seeded(7));
//! let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
//! lab.join(alice, "room");
//! lab.join(bob, "room");
//! lab.add_track(alice, "camera", Some("stream"), None);
//! lab.run_for(Duration::from_secs(2));
//! assert!(lab.is_connected(alice, "bob") && lab.is_connected(bob, "alice"));
//!
//! // A cut connection is made anew, and nobody is called gone.
//! lab.clear_seen();
//! lab.cut(alice);
//! lab.run_for(Duration::from_secs(5));
//! assert_eq!(lab.state(alice), PeerState::Joined);
//! assert!(lab.is_connected(bob, "alice"));
//! assert!(!lab.words(bob).iter().any(|word| word.starts_with("peer-left")));
//! ```
//!
//! | file | what is pretended there |
//! |---|---|
//! | `lab.rs` | the clock, and who takes part |
//! | `network.rs` | the way to the server |
//! | `server.rs` | the server's body, around the real hub |
//! | `rtc.rs` | peer connections and the way of media |
//! | `labels.rs` | the layer of labels, as the bodies of the SDK hold it |
//! | `tokens.rs` | token providers |
//! | `vendor.rs` | a remote peer that behaves like the vendor's SDKs |
//! | `raw.rs` | a client without a mind |

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a lab stops at the first thing that cannot be"
)]

mod actor;
mod events;
mod lab;
mod labels;
mod network;
mod raw;
mod rtc;
mod seen;
mod server;
mod tokens;
mod vendor;

pub use actor::{ActorId, Handler, Wish};
pub use lab::{Lab, LabOptions, Tamper};
pub use labels::{Came, Gone};
pub use network::{Dialling, Weather};
pub use rtc::{MediaTiming, Style};
pub use seen::{Seen, What};
pub use server::ServerState;
pub use tokens::{TokenAnswer, TokenMood};
pub use vendor::Kind as VendorKind;
