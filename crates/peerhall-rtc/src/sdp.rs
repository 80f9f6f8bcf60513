//! Session descriptions as text, as far as the engine leaves them to us: what a remote says about
//! itself and its tracks, and what we say about ours. The engine parses the same text again; this
//! reader only has to agree with it on lines and sections.

mod read;
mod rewrite;
#[cfg(test)]
mod tests;

pub(crate) use read::{MediaSection, SectionKind, Summary, names, summary};
pub(crate) use rewrite::{Alias, Msid, candidates, narrow_offer, with_tracks, without_candidates};

/// Longest description that is looked at, in bytes. A browser's with fifty media sections has some 200 KiB.
pub(crate) const MAX_SDP_BYTES: usize = 1024 * 1024;

/// Most media sections of a description. Each costs a transceiver for the life of the connection.
pub(crate) const MAX_SECTIONS: usize = 256;
