//! Lives of many clients, made of bytes, compared with the reference model of the hub.
//!
//! Input: one byte that says how many shards, one for the order of their notes, then two bytes for
//! each step.

use peerhall_hub::model::{PEERS, ROOMS, Step, one_shard, several_shards};

use crate::bytes::Bytes;

/// Most steps of one life.
const MAX_STEPS: usize = 70;

/// How far time may jump, in milliseconds: around the pause of 20 ms, the limit of 10 s on held
/// directs and the linger of 15 s.
const JUMPS_MS: [u64; 16] =
    [0, 1, 10, 19, 20, 21, 100, 600, 1_999, 2_000, 5_000, 9_999, 10_001, 14_980, 15_000, 16_000];

/// Tries one input.
///
/// # Panics
///
/// When a client hears something else than the reference says.
pub fn run(data: &[u8]) {
    let mut input = Bytes(data);
    let shards = 1 + usize::from(input.byte() % 3);
    let seed = input.byte();
    let life: Vec<(Step, bool)> = input.0.as_chunks::<2>().0.iter().take(MAX_STEPS).map(step).collect();
    if shards == 1 {
        one_shard(&life);
    } else {
        several_shards(&life, shards, seed.into());
    }
}

/// A step and whether the turn ends after it, which it does in three of four.
fn step(bytes: &[u8; 2]) -> (Step, bool) {
    let [kind, detail] = bytes.map(usize::from);
    let (who, room, peer) = (detail / 8, detail % ROOMS.len(), detail % PEERS.len());
    let step = match kind % 22 {
        0..=2 => Step::Connect {
            peer,
            shard: detail / 5 % 3,
            ours: detail & 0x40 != 0,
            visible: detail & 0xa0 != 0xa0,
        },
        3..=7 => Step::Subscribe { who, room },
        8 | 9 => Step::Unsubscribe { who, room },
        10 => Step::Publish { who, room },
        11 | 12 => Step::Send { who, to: peer },
        13 | 14 => Step::Lose { who },
        15 => Step::Close { who },
        16 => Step::Kick { peer },
        17 | 18 => Step::Advance { ms: JUMPS_MS[detail % JUMPS_MS.len()] },
        19 | 20 => Step::Notes { count: detail % 8 },
        _ => Step::Settle,
    };
    (step, kind / 22 % 4 != 3)
}
