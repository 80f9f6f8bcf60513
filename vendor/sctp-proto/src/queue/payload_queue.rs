use crate::chunk::chunk_payload_data::ChunkPayloadData;
use crate::chunk::chunk_selective_ack::GapAckBlock;
use crate::util::*;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// Chunks in the order of their TSNs.
///
/// A sender's TSNs have no holes, and a receiver's few, so a chunk is nearly always found where its
/// distance from the first one says it is; where it is not, it stands before that place.
#[derive(Default, Debug)]
pub(crate) struct PayloadQueue {
    chunks: VecDeque<ChunkPayloadData>,
    dup_tsn: Vec<u32>,
    n_bytes: usize,
    /// How many chunks have a deadline.
    n_timed: usize,
    /// Whether a chunk may be marked to be retransmitted. Stays set until somebody has looked
    /// through all of them without finding one.
    retransmit: bool,
}

impl PayloadQueue {
    pub(crate) fn new() -> Self {
        PayloadQueue::default()
    }

    /// Where the chunk with this TSN stands, or where it would have to be inserted.
    fn position(&self, tsn: u32) -> Result<usize, usize> {
        let (Some(first), Some(last)) = (self.chunks.front(), self.chunks.back()) else {
            return Err(0);
        };
        if sna32lt(tsn, first.tsn) {
            return Err(0);
        }
        if sna32gt(tsn, last.tsn) {
            return Err(self.chunks.len());
        }
        let guess = tsn.wrapping_sub(first.tsn) as usize;
        if self.chunks.get(guess).is_some_and(|c| c.tsn == tsn) {
            return Ok(guess);
        }
        self.chunks.binary_search_by(|c| {
            if c.tsn == tsn {
                core::cmp::Ordering::Equal
            } else if sna32lt(c.tsn, tsn) {
                core::cmp::Ordering::Less
            } else {
                core::cmp::Ordering::Greater
            }
        })
    }

    fn insert(&mut self, position: usize, p: ChunkPayloadData) {
        self.n_bytes += p.user_data.len();
        self.n_timed += usize::from(p.deadline.is_some());
        self.retransmit |= p.retransmit;
        self.chunks.insert(position, p);
    }

    /// Takes what was counted for a chunk that is no more.
    fn forget(&mut self, c: &ChunkPayloadData) {
        self.n_bytes = self.n_bytes.saturating_sub(c.user_data.len());
        self.n_timed = self
            .n_timed
            .saturating_sub(usize::from(c.deadline.is_some()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ChunkPayloadData> {
        self.chunks.iter()
    }

    /// Whether any chunk has a deadline, so that callers need not look for one that has passed.
    pub(crate) fn has_timed(&self) -> bool {
        self.n_timed != 0
    }

    /// Whether a chunk may be marked to be retransmitted.
    pub(crate) fn may_retransmit(&self) -> bool {
        self.retransmit
    }

    /// No chunk is marked to be retransmitted.
    pub(crate) fn nothing_to_retransmit(&mut self) {
        self.retransmit = false;
    }

    pub(crate) fn can_push(&self, p: &ChunkPayloadData, cumulative_tsn: u32) -> bool {
        !(sna32lte(p.tsn, cumulative_tsn) || self.position(p.tsn).is_ok())
    }

    pub(crate) fn push_no_check(&mut self, p: ChunkPayloadData) {
        match self.position(p.tsn) {
            Ok(position) => {
                if let Some(old) = self.chunks.remove(position) {
                    self.forget(&old);
                }
                self.insert(position, p);
            }
            Err(position) => self.insert(position, p),
        }
    }

    /// push pushes a payload data. If the payload data is already in our queue or
    /// older than our cumulative_tsn marker, it will be recored as duplications,
    /// which can later be retrieved using popDuplicates.
    pub(crate) fn push(&mut self, p: ChunkPayloadData, cumulative_tsn: u32) -> bool {
        match self.position(p.tsn) {
            Err(position) if !sna32lte(p.tsn, cumulative_tsn) => {
                self.insert(position, p);
                true
            }
            Ok(_) | Err(_) => {
                // Found the packet, log in dups
                self.dup_tsn.push(p.tsn);
                false
            }
        }
    }

    /// pop pops only if the oldest chunk's TSN matches the given TSN.
    pub(crate) fn pop(&mut self, tsn: u32) -> Option<ChunkPayloadData> {
        if self.chunks.front()?.tsn != tsn {
            return None;
        }
        let c = self.chunks.pop_front()?;
        self.forget(&c);
        Some(c)
    }

    /// Removes every queued chunk with a TSN at or before `cumulative_tsn`.
    ///
    /// Used when a FORWARD-TSN moves the cumulative TSN point past chunks the
    /// peer abandoned. The cost is proportional to the number of queued chunks,
    /// not to the size of the TSN jump: `cumulative_tsn` comes off the wire and
    /// may be up to 2^31 ahead of the current point.
    pub(crate) fn pop_up_to(&mut self, cumulative_tsn: u32) {
        while let Some(c) = self.chunks.front() {
            if sna32gt(c.tsn, cumulative_tsn) {
                break;
            }
            self.pop(c.tsn);
        }
    }

    /// get returns reference to chunkPayloadData with the given TSN value.
    pub(crate) fn get(&self, tsn: u32) -> Option<&ChunkPayloadData> {
        self.chunks.get(self.position(tsn).ok()?)
    }

    /// The caller may change what it likes except TSN, payload and deadline, and must not mark the
    /// chunk to be retransmitted.
    pub(crate) fn get_mut(&mut self, tsn: u32) -> Option<&mut ChunkPayloadData> {
        let position = self.position(tsn).ok()?;
        self.chunks.get_mut(position)
    }

    /// Abandon siblings by identity, including nonconsecutive TSNs.
    pub(crate) fn abandon_message(&mut self, message_id: u64) -> usize {
        let mut released = 0;
        for chunk in &mut self.chunks {
            if chunk.message_id == message_id {
                released += chunk.user_data.len();
                chunk.user_data.clear();
                chunk.abandoned = true;
                chunk.retransmit = false;
            }
        }
        self.n_bytes -= released;
        released
    }

    pub(crate) fn mark_all_to_retransmit(&mut self) {
        for chunk in &mut self.chunks {
            if !chunk.acked && !chunk.abandoned {
                chunk.retransmit = true;
                chunk.miss_indicator = 0;
                self.retransmit = true;
            }
        }
    }

    /// popDuplicates returns an array of TSN values that were found duplicate.
    pub(crate) fn pop_duplicates(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.dup_tsn)
    }

    /// Gap offsets are nonzero u16 distances, not wrapping sequence numbers.
    /// Farther TSNs remain queued for reporting once the cumulative TSN advances.
    pub(crate) fn get_gap_ack_blocks(&self, cumulative_tsn: u32) -> Vec<GapAckBlock> {
        let mut gap_ack_blocks: Vec<GapAckBlock> = vec![];
        for chunk in &self.chunks {
            let Ok(offset) = u16::try_from(chunk.tsn.wrapping_sub(cumulative_tsn)) else {
                continue;
            };
            if offset == 0 {
                continue;
            }

            match gap_ack_blocks.last_mut() {
                Some(block) if block.end.checked_add(1) == Some(offset) => block.end = offset,
                _ => gap_ack_blocks.push(GapAckBlock {
                    start: offset,
                    end: offset,
                }),
            }
        }

        gap_ack_blocks
    }

    pub(crate) fn get_gap_ack_blocks_string(&self, cumulative_tsn: u32) -> String {
        let mut s = format!("cumTSN={}", cumulative_tsn);
        for b in self.get_gap_ack_blocks(cumulative_tsn) {
            s += format!(",{}-{}", b.start, b.end).as_str();
        }
        s
    }

    pub(crate) fn mark_as_acked(&mut self, tsn: u32) -> usize {
        if let Some(c) = self.get_mut(tsn) {
            c.acked = true;
            c.retransmit = false;
            let n = c.user_data.len();
            c.user_data.clear();
            self.n_bytes -= n;
            n
        } else {
            0
        }
    }

    pub(crate) fn get_last_tsn_received(&self) -> Option<&u32> {
        self.chunks.back().map(|c| &c.tsn)
    }

    pub(crate) fn get_num_bytes(&self) -> usize {
        self.n_bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks.len()
    }

    pub(crate) fn contains_stream(&self, stream_identifier: u16) -> bool {
        self.chunks
            .iter()
            .any(|chunk| chunk.stream_identifier == stream_identifier)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
