//! One connection to one remote peer: what is asked of the platform's peer connection, and what its
//! answers mean (sdk-behaviour, sections 5 and 6).
//!
//! | file | what is decided there |
//! |---|---|
//! | `negotiation.rs` | who offers, who gives way, in which order |
//! | `offers.rs` | when an own offer is made, and what follows when it is lost |
//! | `answers.rs` | what follows from the platform's answers |
//! | `candidates.rs` | which candidates are applied, and when |
//! | `restart.rs` | when a failed connection is tried again |
//! | `silence.rs` | what follows when one side names no way to itself |
//! | `streams.rs` | which streams a remote peer sends |
//! | `labels.rs` | what the remote peer says about its tracks |
//! | `signal.rs` | how all of it looks on the wire |
//! | `sdp.rs` | the few lines of a description that matter here |
//! | `quality.rs` | how good a connection is |

mod answers;
mod candidates;
mod event;
pub(crate) mod labels;
mod negotiation;
mod offers;
mod quality;
mod restart;
mod rtc;
mod sdp;
pub(crate) mod signal;
mod silence;
mod streams;

pub use event::{ErrorInfo, Labelled, RemoteEvent, RemoteState, Unreachable};
pub use labels::MAX_TRACK_METADATA;
pub use quality::{Path, Quality};
pub use restart::{ANSWER_TIMEOUT, RESTART_DELAYS};
pub use rtc::{
    Description, DescriptionKind, IceCandidate, IceState, MediaKind, RemoteStream, RemoteTrack, RtcCommand,
    RtcFailure, RtcInput, RtcState, Stats, TransportPolicy,
};

pub(crate) use negotiation::{Link, LinkOut};
pub(crate) use quality::QualityWatch;
pub(crate) use streams::{Streams, TrackGone};
