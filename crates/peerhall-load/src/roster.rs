//! Who of a group knows whom: each member is ticked off once for each other.

use std::collections::HashMap;
use std::ops::Range;

use memchr::memmem;

/// What stands before a member's id in frames about members, on the wires that have presence.
const BEFORE_ID: &str = "\"peerId\":\"";

/// Longest id that is looked up: those of servers are UUIDs of 36 characters, ours too.
const MAX_ID_BYTES: usize = 64;

/// Knowledge of a group about itself.
#[derive(Debug)]
pub(crate) struct Roster {
    members: HashMap<Box<[u8]>, usize>,
    group: Range<usize>,
    /// One bit for each member of each member.
    known: Vec<u64>,
    words: usize,
    learned: u64,
    finder: memmem::Finder<'static>,
}

impl Roster {
    /// A group whose members know nobody yet.
    pub(crate) fn new<'i>(group: Range<usize>, ids: impl Iterator<Item = (usize, &'i str)>) -> Self {
        let first = group.start;
        let members = ids.map(|(index, id)| (id.as_bytes().into(), index - first)).collect();
        let words = group.len().div_ceil(64);
        let known = vec![0; words * group.len()];
        Self { members, group, known, words, learned: 0, finder: memmem::Finder::new(BEFORE_ID) }
    }

    /// Ticks off whom a frame to a member names.
    pub(crate) fn learn(&mut self, index: usize, frame: &[u8]) {
        if !self.group.contains(&index) {
            return;
        }
        let own = index - self.group.start;
        for at in self.finder.find_iter(frame) {
            let rest = frame.get(at + BEFORE_ID.len()..).unwrap_or_default();
            let rest = rest.get(..MAX_ID_BYTES).unwrap_or(rest);
            let id = rest.split(|byte| *byte == b'"').next().unwrap_or_default();
            let Some(member) = self.members.get(id).copied().filter(|member| *member != own) else {
                continue;
            };
            let Some(word) = self.known.get_mut(own * self.words + member / 64) else { continue };
            let bit = 1 << (member % 64);
            if *word & bit == 0 {
                *word |= bit;
                self.learned += 1;
            }
        }
    }

    /// Pairs of which the first knows the second.
    pub(crate) fn learned(&self) -> u64 {
        self.learned
    }

    /// Pairs there are.
    pub(crate) fn wanted(&self) -> u64 {
        let count = self.group.len() as u64;
        count * count.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_ticked_off_once_and_nobody_for_itself() {
        let ids = [(10, "a"), (11, "b"), (12, "c")];
        let mut roster = Roster::new(10..13, ids.into_iter());
        let frame = br#"{"joined":[{"peerId":"a"},{"peerId":"b"},{"peerId":"stranger"}]}"#;
        roster.learn(10, frame);
        roster.learn(10, frame);
        assert_eq!((roster.learned(), roster.wanted()), (1, 6));
        roster.learn(12, frame);
        roster.learn(9, frame);
        assert_eq!(roster.learned(), 3);
    }
}
