//! The queues against the plainest thing that could do their work, with numbers that wrap.

use super::payload_queue::PayloadQueue;
use super::reassembly_queue::ReassemblyQueue;
use crate::chunk::chunk_payload_data::{ChunkPayloadData, PayloadProtocolIdentifier};
use crate::util::{sna32lt, sna32lte};

use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::println;
use std::time::Instant;

fn chunk(tsn: u32, bytes: usize) -> ChunkPayloadData {
    ChunkPayloadData {
        tsn,
        user_data: Bytes::from(vec![tsn as u8; bytes]),
        ..Default::default()
    }
}

/// TSNs in order, most of them, and every count taken anew.
#[derive(Default)]
struct Model(Vec<(u32, usize)>);

impl Model {
    fn push(&mut self, tsn: u32, bytes: usize, cumulative: u32) -> bool {
        if sna32lte(tsn, cumulative) || self.0.iter().any(|(known, _)| *known == tsn) {
            return false;
        }
        let at = self.0.iter().take_while(|(known, _)| sna32lt(*known, tsn));
        self.0.insert(at.count(), (tsn, bytes));
        true
    }

    fn assert_same(&self, queue: &PayloadQueue) {
        let tsns: Vec<u32> = queue.iter().map(|c| c.tsn).collect();
        assert_eq!(tsns, self.0.iter().map(|(tsn, _)| *tsn).collect::<Vec<_>>());
        assert_eq!(
            queue.get_num_bytes(),
            self.0.iter().map(|(_, bytes)| bytes).sum()
        );
        assert_eq!(queue.len(), self.0.len());
        assert_eq!(queue.get_last_tsn_received(), tsns.last());
        for tsn in &tsns {
            assert_eq!(queue.get(*tsn).map(|c| c.tsn), Some(*tsn));
        }
    }
}

#[test]
fn a_queue_with_holes_is_what_a_sorted_list_is_across_the_wrap() {
    for seed in 0..50 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut cumulative = u32::MAX - random.random_range(0..300);
        let (mut queue, mut model) = (PayloadQueue::new(), Model::default());
        for _ in 0..400 {
            let tsn = cumulative.wrapping_add(random.random_range(0..60));
            match random.random_range(0..10) {
                0 => {
                    let first = model.0.first().is_some_and(|(first, _)| *first == tsn);
                    assert_eq!(queue.pop(tsn).map(|c| c.tsn), first.then_some(tsn));
                    if first {
                        model.0.remove(0);
                    }
                }
                1 => {
                    cumulative = cumulative.wrapping_add(random.random_range(0..20));
                    queue.pop_up_to(cumulative);
                    model.0.retain(|(known, _)| !sna32lte(*known, cumulative));
                }
                _ => {
                    let bytes = random.random_range(0..9);
                    assert_eq!(queue.can_push(&chunk(tsn, bytes), cumulative), {
                        let known = model.0.iter().any(|(known, _)| *known == tsn);
                        !known && !sna32lte(tsn, cumulative)
                    });
                    let pushed = queue.push(chunk(tsn, bytes), cumulative);
                    assert_eq!(pushed, model.push(tsn, bytes, cumulative));
                }
            }
            model.assert_same(&queue);
        }
    }
}

#[test]
fn a_deadline_is_known_of_while_its_chunk_is_queued() {
    let mut queue = PayloadQueue::new();
    queue.push_no_check(chunk(1, 1));
    assert!(!queue.has_timed());
    let deadline = Some(Instant::now() + Duration::from_secs(1));
    queue.push_no_check(ChunkPayloadData {
        deadline,
        ..chunk(2, 1)
    });
    assert!(queue.has_timed());
    queue.pop(1);
    assert!(queue.has_timed());
    queue.pop_up_to(2);
    assert!(!queue.has_timed());
}

#[test]
fn what_is_marked_to_be_retransmitted_is_never_overlooked() {
    let mut queue = PayloadQueue::new();
    for tsn in 1..=3 {
        queue.push_no_check(chunk(tsn, 1));
    }
    assert!(!queue.may_retransmit());
    queue.mark_as_acked(1);
    queue.mark_all_to_retransmit();
    assert!(queue.may_retransmit());
    queue.nothing_to_retransmit();
    assert!(!queue.may_retransmit());
    queue.push_no_check(ChunkPayloadData {
        retransmit: true,
        ..chunk(4, 1)
    });
    assert!(queue.may_retransmit());
}

/// One ordered message in fragments of one byte, the byte being the place.
fn fragments(ssn: u16, first: u32, count: u32) -> Vec<ChunkPayloadData> {
    (0..count)
        .map(|at| ChunkPayloadData {
            tsn: first.wrapping_add(at),
            stream_sequence_number: ssn,
            payload_type: PayloadProtocolIdentifier::Binary,
            beginning_fragment: at == 0,
            ending_fragment: at + 1 == count,
            user_data: Bytes::from(vec![at as u8]),
            ..Default::default()
        })
        .collect()
}

#[test]
fn messages_whose_fragments_come_in_any_order_and_twice_are_read_whole_and_in_order() {
    for seed in 0..50 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut queue = ReassemblyQueue::new(0, 1 << 20);
        queue.next_ssn = u16::MAX - 3;
        let mut tsn = u32::MAX - random.random_range(0..40);
        let (mut all, mut lengths) = (Vec::new(), Vec::new());
        for message in 0..8_u16 {
            let count = random.random_range(1..20);
            all.extend(fragments(queue.next_ssn.wrapping_add(message), tsn, count));
            tsn = tsn.wrapping_add(count);
            lengths.push(count as usize);
        }
        let mut read = Vec::new();
        while !all.is_empty() {
            let next = all.swap_remove(random.random_range(0..all.len()));
            if random.random_range(0..8) == 0 {
                queue.push(next.clone()).unwrap();
            }
            queue.push(next).unwrap();
            while let Some(message) = queue.read() {
                let mut bytes = vec![0; message.len()];
                message.read(&mut bytes).unwrap();
                assert!(
                    bytes
                        .iter()
                        .enumerate()
                        .all(|(at, byte)| at == usize::from(*byte))
                );
                read.push(bytes.len());
            }
        }
        assert_eq!(read, lengths);
    }
}
