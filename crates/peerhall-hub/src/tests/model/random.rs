//! Lives at random.

use proptest::prelude::*;

use super::{PEERS, ROOMS, Step, one_shard, several_shards};

fn step() -> impl Strategy<Value = Step> {
    let (who, room, peer) = (any::<usize>, 0..ROOMS.len(), 0..PEERS.len());
    prop_oneof![
        6 => (peer.clone(), 0..3_usize, any::<bool>(), prop::bool::weighted(0.9))
            .prop_map(|(peer, shard, ours, visible)| Step::Connect { peer, shard, ours, visible }),
        12 => (who(), room.clone()).prop_map(|(who, room)| Step::Subscribe { who, room }),
        3 => (who(), room.clone()).prop_map(|(who, room)| Step::Unsubscribe { who, room }),
        3 => (who(), room).prop_map(|(who, room)| Step::Publish { who, room }),
        4 => (who(), peer.clone()).prop_map(|(who, to)| Step::Send { who, to }),
        3 => who().prop_map(|who| Step::Lose { who }),
        1 => who().prop_map(|who| Step::Close { who }),
        1 => peer.prop_map(|peer| Step::Kick { peer }),
        5 => prop_oneof![Just(1), Just(10), Just(20), Just(600), 0..5_000_u64, 10_000..16_000_u64]
            .prop_map(|ms| Step::Advance { ms }),
        6 => (0..6_usize).prop_map(|count| Step::Notes { count }),
        1 => Just(Step::Settle),
    ]
}

/// Steps, each with whether a turn ends after it: what comes between two ends is one batch.
fn life() -> impl Strategy<Value = Vec<(Step, bool)>> {
    prop::collection::vec((step(), prop::bool::weighted(0.8)), 1..70)
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(6_000))]

    #[test]
    fn one_shard_does_what_the_reference_does_at_every_step(life in life()) {
        one_shard(&life);
    }
}

proptest! {
    #![proptest_config(cases(6_000))]

    #[test]
    fn two_and_three_shards_agree_with_the_reference_when_all_notes_have_arrived(
        life in life(),
        shards in 2..=3_usize,
        seed in any::<u64>(),
    ) {
        several_shards(&life, shards, seed);
    }
}
