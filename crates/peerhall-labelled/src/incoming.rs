//! One message on its way in: how much came, how much was read, and whether it is what was sent.

use bytes::Bytes;

use crate::event::{IncomingId, Receipt};
use crate::frame::{Frame, Proof};
use crate::options::WINDOW;
use crate::outgoing;
use crate::outgoing::as_u64;

/// Read bytes that are told at once: less would cost a frame for each, more would let the sender wait.
const CREDIT_STEP: u64 = WINDOW as u64 / 4;

/// Bytes that are hashed together. Frames end a little before a multiple of them, and what sticks out of a tree of equal
/// parts takes far longer to hash.
const HASH_BLOCK: usize = 16 * 1024;

/// What a receiver's side knows of one message.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) id: IncomingId,
    /// The sender's number.
    pub(crate) wire: u32,
    /// Whether the sender waits to be told where to go on.
    pub(crate) waits: bool,
    total: Option<u64>,
    arrived: u64,
    read: u64,
    /// Bytes of which the sender knows that they were read.
    told: u64,
    /// None before the first byte, and for what is hashed at once.
    hasher: Option<Box<blake3::Hasher>>,
    /// The last bytes, too few for a block, which the hasher has not seen.
    unhashed: Vec<u8>,
    end: Option<Receipt>,
}

/// Why bytes or an end are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// More than was announced, or after the end, or before `place`.
    OutOfTurn,
    /// The bytes are not those that were sent.
    Mismatch,
}

impl Incoming {
    pub(crate) fn new(id: IncomingId, wire: u32, total: Option<u64>, waits: bool) -> Self {
        Self {
            id,
            wire,
            waits,
            total,
            arrived: 0,
            read: 0,
            told: 0,
            hasher: None,
            unhashed: Vec::new(),
            end: None,
        }
    }

    /// Goes on after bytes that the application has, with a hasher that has seen them.
    pub(crate) fn accept(&mut self, have: u64, hasher: blake3::Hasher) -> Frame {
        self.hasher = Some(Box::new(hasher));
        (self.arrived, self.read) = (have, have);
        self.waits = false;
        self.place()
    }

    /// Where the sender is to go on.
    pub(crate) fn place(&mut self) -> Frame {
        self.told = self.read;
        let unread = u32::try_from(self.unread()).unwrap_or(u32::MAX);
        Frame::Place { transfer: self.wire, offset: self.arrived, unread }
    }

    pub(crate) fn data(&mut self, bytes: &Bytes) -> Result<(), Refusal> {
        self.arrive(bytes)?;
        let hasher = self.hasher.get_or_insert_default();
        let missing = HASH_BLOCK.saturating_sub(self.unhashed.len());
        let Some((first, rest)) = bytes.split_at_checked(missing) else {
            self.unhashed.extend_from_slice(bytes);
            return Ok(());
        };
        self.unhashed.extend_from_slice(first);
        hasher.update(&self.unhashed);
        self.unhashed.clear();
        let (blocks, rest) = rest.split_at(rest.len() - rest.len() % HASH_BLOCK);
        hasher.update(blocks);
        self.unhashed.extend_from_slice(rest);
        Ok(())
    }

    /// All bytes, and what they must be.
    pub(crate) fn whole(&mut self, bytes: &Bytes, proof: Proof) -> Result<Receipt, Refusal> {
        self.arrive(bytes)?;
        self.end_with(outgoing::hash(bytes), proof)
    }

    fn arrive(&mut self, bytes: &Bytes) -> Result<(), Refusal> {
        let arrived = self.arrived.saturating_add(as_u64(bytes.len()));
        if self.waits || self.end.is_some() || self.total.is_some_and(|total| arrived > total) {
            return Err(Refusal::OutOfTurn);
        }
        self.arrived = arrived;
        Ok(())
    }

    pub(crate) fn end(&mut self, proof: Proof) -> Result<Receipt, Refusal> {
        if self.waits || self.end.is_some() {
            return Err(Refusal::OutOfTurn);
        }
        let hash = match &mut self.hasher {
            Some(hasher) => hasher.update(&self.unhashed).finalize(),
            None => outgoing::hash(&self.unhashed),
        };
        self.unhashed = Vec::new();
        self.end_with(hash, proof)
    }

    fn end_with(&mut self, hash: blake3::Hash, proof: Proof) -> Result<Receipt, Refusal> {
        let found = Proof(*hash.as_bytes());
        if found != proof || self.total.is_some_and(|total| total != self.arrived) {
            return Err(Refusal::Mismatch);
        }
        let receipt = Receipt { bytes: self.arrived, proof };
        self.end = Some(receipt);
        Ok(receipt)
    }

    /// The application has read so many more bytes; returns what the sender is to be told.
    pub(crate) fn read(&mut self, bytes: usize) -> Option<Frame> {
        self.read = self.read.saturating_add(as_u64(bytes)).min(self.arrived);
        let new = self.read - self.told;
        if self.end.is_some() || new < CREDIT_STEP {
            return None;
        }
        self.told = self.read;
        let bytes = u32::try_from(new).unwrap_or(u32::MAX);
        Some(Frame::Credit { transfer: self.wire, bytes })
    }

    /// Size and proof, once all came and was read.
    pub(crate) fn is_done(&self) -> Option<Receipt> {
        self.end.filter(|_| self.unread() == 0)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Bytes of which the sender does not know that they were read.
    pub(crate) fn untold(&self) -> usize {
        usize::try_from(self.arrived - self.told).unwrap_or(usize::MAX)
    }

    pub(crate) fn unread(&self) -> usize {
        usize::try_from(self.arrived - self.read).unwrap_or(usize::MAX)
    }
}
