//! What must never come back (sdk-behaviour, sections 11 and 12), each as a scenario of its own.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "regressions/client.rs"]
mod client;
#[path = "regressions/client_retries.rs"]
mod client_retries;
#[path = "regressions/common.rs"]
mod common;
#[path = "regressions/defects.rs"]
mod defects;
#[path = "regressions/labelled.rs"]
mod labelled;
#[path = "regressions/media.rs"]
mod media;
#[path = "regressions/negotiation.rs"]
mod negotiation;
#[path = "regressions/peer.rs"]
mod peer;
#[path = "regressions/recovery.rs"]
mod recovery;
#[path = "regressions/shares.rs"]
mod shares;
#[path = "regressions/transfers.rs"]
mod transfers;
