//! Threats of `docs/threats.md` that a hub alone can show, each by its number.

use super::lab::{Heard, Lab, Login, PAUSE, Rng, Who, app, key};

#[test]
fn t23_a_presence_storm_costs_a_member_one_frame_a_turn_and_bytes_for_each_who_came() {
    let mut lab = Lab::new();
    let members: Vec<_> = (0..256).map(|n| lab.connect(&format!("member-{n}"))).collect();
    lab.join(&members, "room");
    for round in 0..10 {
        let storm: Vec<_> = (0..100).map(|n| lab.connect(&format!("storm-{round}-{n}"))).collect();
        lab.batch(|lab| storm.iter().for_each(|who| lab.subscribe(*who, "room")));
        lab.advance(PAUSE);
        lab.deafen();
        lab.batch(|lab| storm.iter().for_each(|who| lab.unsubscribe(*who, "room")));
        for member in &members {
            let heard = lab.hear(*member);
            let [Heard::Presence { joined, left, .. }] = &heard[..] else { panic!("{heard:?}") };
            assert!(joined.is_empty() && left.len() == 100, "{heard:?}");
        }
        lab.batch(|lab| storm.iter().for_each(|who| lab.close(*who)));
        lab.deafen();
    }
}

#[test]
fn t27_of_two_apps_with_the_same_names_neither_hears_anything_of_the_other() {
    const SEED: u64 = 0x7e_4a_27;
    println!("seed {SEED:#x}");
    let mut rng = Rng(SEED);
    let mut lab = Lab::of(2);
    lab.rng = Rng(SEED);
    let rooms = ["room", "hall", "r*", "**"];
    let mut open: Vec<(Who, usize)> = Vec::new();
    for round in 0..20_000 {
        if open.len() < 12 {
            let owner = rng.below(2);
            let id = ["one", "two"][owner];
            let mut record = key(id);
            record.app = id.parse().unwrap();
            let peer = format!("peer-{}", rng.below(4));
            let login = Login::new(&peer).app(app(id)).key(record).on(rng.below(2));
            let login = login.metadata(&format!(r#"{{"of":{id:?}}}"#));
            open.push((lab.enter(login), owner));
        }
        let at = rng.below(open.len());
        let (who, owner) = open[at];
        let data = format!(r#"{{"of":{:?}}}"#, ["one", "two"][owner]);
        let room = rooms[rng.below(rooms.len())];
        match rng.below(8) {
            0..=2 => lab.subscribe(who, room),
            3 => lab.unsubscribe(who, room),
            4 => lab.publish(who, room, &data),
            5 => lab.send(who, &format!("peer-{}", rng.below(4)), &data),
            6 => lab.advance(u64::try_from(rng.below(3_000)).unwrap()),
            _ => {
                if rng.below(2) == 0 {
                    lab.lose(who)
                } else {
                    lab.close(who)
                }
                open.swap_remove(at);
            }
        }
        for (who, owner) in &open {
            let foreign = ["\"two\"", "\"one\""][*owner];
            for heard in lab.hear(*who) {
                assert!(!format!("{heard}").contains(foreign), "round {round}: {heard}");
            }
        }
    }
}

#[test]
fn t49_a_hundred_thousand_names_that_collide_under_another_hash_cost_what_any_names_do() {
    const NAMES: usize = 100_000;
    let mut rng = Rng(0x5eed);
    let colliding = names_that_collide(&mut rng, NAMES);
    let usual: Vec<String> = (0..NAMES).map(|_| format!("{:016x}", rng.next())).collect();
    let fastest = |names: &[String]| (0..2).map(|_| time_to_enter(names)).min().unwrap();
    let (colliding, usual) = (fastest(&colliding), fastest(&usual));
    // In one chain they would be compared five thousand million times.
    assert!(colliding < usual * 10, "{colliding:?} beside {usual:?}");
}

/// Printable names of 16 bytes with one and the same value under the hash that the Rust compiler uses, which has no key: 64 bits at a
/// time, `(rotate_left(hash, 5) ^ word) * FACTOR`.
fn names_that_collide(rng: &mut Rng, count: usize) -> Vec<String> {
    const FACTOR: u64 = 0x51_7c_c1_b7_27_22_0a_95;
    let target = u64::from_ne_bytes(*b"collides");
    let printable = |bytes: [u8; 8]| bytes.iter().all(|byte| (0x21..0x7f).contains(byte) && *byte != b'*');
    let mut names = Vec::with_capacity(count);
    while names.len() < count {
        let first = (rng.next() & 0x3f3f_3f3f_3f3f_3f3f) + 0x4040_4040_4040_4040;
        let second = first.wrapping_mul(FACTOR).rotate_left(5) ^ target;
        let (first, second) = (first.to_ne_bytes(), second.to_ne_bytes());
        if printable(second) && printable(first) {
            names.push(String::from_utf8([first, second].concat()).unwrap());
        }
    }
    names
}

#[expect(clippy::disallowed_methods, reason = "what it costs is the point, and the hub gets none of it")]
fn time_to_enter(names: &[String]) -> std::time::Duration {
    let mut lab = Lab::new();
    let members: Vec<Who> = (0..names.len().div_ceil(100)).map(|n| lab.connect(&format!("p{n}"))).collect();
    let begin = std::time::Instant::now();
    lab.batch(|lab| {
        for (name, at) in names.iter().zip(0..) {
            lab.subscribe(members[at / 100], name);
        }
    });
    let took = begin.elapsed();
    assert_eq!(lab.hubs[0].rooms.len(), names.len());
    took
}
