//! Two connections in one process, wired by hand over loopback.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may stop at the first surprise, and looks at the events it is about"
)]

#[path = "rtc/channels.rs"]
mod channels;
#[path = "rtc/glare.rs"]
mod glare;
#[path = "rtc/media.rs"]
mod media;
#[path = "rtc/negotiation.rs"]
mod negotiation;
#[path = "rtc/peer.rs"]
mod peer;
#[path = "rtc/sections.rs"]
mod sections;
