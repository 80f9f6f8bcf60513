//! Candidates of the remote peer: kept until a description is there, counted, and capped (sdk-behaviour,
//! section 6.5).

use peerhall_proto::signal::{MAX_CANDIDATE_CHARS, MAX_CANDIDATES};

use super::rtc::IceCandidate;
use super::sdp::Sdp;
use crate::queue::Queue;

/// Candidates of one connection that were not handed on yet.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    waiting: Queue<Option<IceCandidate>>,
    /// Since the last applied description.
    counted: usize,
    dropped: u64,
    /// Whether one has come for the generation of ICE in force.
    come: bool,
}

/// What becomes of a candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It waits for its turn.
    Kept,
    /// It is one too many, or too long; the first of a generation is worth a warning.
    Dropped { first: bool },
}

impl Candidates {
    pub(super) fn add(&mut self, candidate: Option<IceCandidate>) -> Verdict {
        if let Some(candidate) = &candidate {
            let too_long = candidate.candidate.chars().nth(MAX_CANDIDATE_CHARS).is_some();
            if too_long || self.counted >= MAX_CANDIDATES {
                self.dropped += 1;
                return Verdict::Dropped { first: self.dropped == 1 };
            }
            self.counted += 1;
        } else if self.waiting.len() > MAX_CANDIDATES {
            return Verdict::Dropped { first: false };
        }
        self.waiting.push_back(candidate);
        Verdict::Kept
    }

    /// Takes all that wait.
    pub(super) fn take_all(&mut self) -> Queue<Option<IceCandidate>> {
        std::mem::take(&mut self.waiting)
    }

    /// A remote description was applied, or ICE begins anew: a new generation is counted.
    pub(super) fn next_generation(&mut self) {
        self.counted = self.waiting.len();
        self.dropped = 0;
    }

    /// A description was applied, which may name candidates itself, and may begin a generation of ICE.
    pub(super) fn named_by(&mut self, sdp: &Sdp, begins_anew: bool) {
        self.come = (self.come && !begins_anew) || sdp.has_candidates();
    }

    /// Whether a candidate has come for the generation of ICE in force.
    pub(super) fn has_come(&self) -> bool {
        self.come
    }

    /// The next one that the description in force can take. Those that name another generation wait for
    /// its description.
    pub(super) fn next(&mut self, sdp: &Sdp) -> Option<Option<IceCandidate>> {
        let fits = |candidate: &Option<IceCandidate>| {
            candidate
                .as_ref()
                .and_then(|c| c.username_fragment.as_deref())
                .is_none_or(|ufrag| sdp.has_ufrag(ufrag))
        };
        let index = self.waiting.iter().position(fits)?;
        let next = self.waiting.take(index)?;
        self.come |= next.is_some();
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(ufrag: Option<&str>, line: &str) -> Option<IceCandidate> {
        Some(IceCandidate {
            candidate: line.to_owned(),
            sdp_mid: None,
            sdp_m_line_index: None,
            username_fragment: ufrag.map(str::to_owned),
        })
    }

    #[test]
    fn r70_at_most_200_of_a_generation_and_none_above_1000_characters() {
        let mut candidates = Candidates::default();
        assert_eq!(candidates.add(candidate(None, &"x".repeat(1_001))), Verdict::Dropped { first: true });
        for n in 0..200 {
            assert_eq!(candidates.add(candidate(None, &format!("{n}"))), Verdict::Kept);
        }
        assert_eq!(candidates.add(candidate(None, "201")), Verdict::Dropped { first: false });
        assert_eq!(candidates.add(None), Verdict::Kept, "the end always passes");
        let mut handed = 0;
        while candidates.next(&Sdp::default()).is_some() {
            handed += 1;
        }
        assert_eq!(handed, 201);
        candidates.next_generation();
        assert_eq!(candidates.add(candidate(None, "x")), Verdict::Kept);
    }

    #[test]
    fn a_candidate_of_the_next_generation_waits_for_its_description() {
        let mut candidates = Candidates::default();
        candidates.add(candidate(Some("new"), "a"));
        candidates.add(candidate(Some("old"), "b"));
        let old = Sdp::read("a=ice-ufrag:old");
        assert_eq!(candidates.next(&old), Some(candidate(Some("old"), "b")));
        assert_eq!(candidates.next(&old), None);
        assert_eq!(candidates.next(&Sdp::read("a=ice-ufrag:new")), Some(candidate(Some("new"), "a")));
    }

    #[test]
    fn ends_alone_do_not_fill_memory() {
        let mut candidates = Candidates::default();
        (0..10_000).for_each(|_| {
            candidates.add(None);
        });
        assert!(candidates.waiting.len() <= MAX_CANDIDATES + 1);
    }
}
