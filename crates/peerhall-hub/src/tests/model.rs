//! Random lives of many clients, compared step by step with a naive reference (`reference.rs`) that
//! knows the specification and nothing of the hub. What a client can know by itself is kept by its
//! witness (`witness.rs`).

mod exact;
mod reference;
mod spread;
mod witness;

use proptest::prelude::*;
use proptest::sample::Index;

/// Names of the rooms; the last one is a pattern that matches the first two.
const ROOMS: [&str; 4] = ["r1", "r2", "hall", "r*"];
const PEERS: [&str; 5] = ["ann", "bob", "cat", "dan", "eve"];

/// One thing that happens. Connections are chosen among those that are open at that moment.
#[derive(Debug, Clone)]
enum Step {
    Connect {
        peer: usize,
        shard: usize,
        ours: bool,
        visible: bool,
    },
    Subscribe {
        who: Index,
        room: usize,
    },
    Unsubscribe {
        who: Index,
        room: usize,
    },
    Publish {
        who: Index,
        room: usize,
    },
    Send {
        who: Index,
        to: usize,
    },
    Lose {
        who: Index,
    },
    Close {
        who: Index,
    },
    Kick {
        peer: usize,
    },
    Advance {
        ms: u64,
    },
    /// With several shards: so many notes arrive.
    Notes {
        count: usize,
    },
    /// With several shards: everything arrives, and the views are compared.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let (who, room, peer) = (any::<Index>, 0..ROOMS.len(), 0..PEERS.len());
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
        exact::run(&life);
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
        spread::run(&life, shards, seed);
    }
}
