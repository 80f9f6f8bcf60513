//! Threats of `docs/threats.md` that a hub alone can show, each by its number.

use super::lab::{Heard, Lab, Login, PAUSE, Rng, Who, app, key};

#[test]
fn t23_a_presence_storm_costs_a_member_one_frame_a_turn_and_bytes_for_each_who_came() {
    let mut lab = Lab::new();
    let members: Vec<_> = (0..64).map(|n| lab.connect(&format!("member-{n}"))).collect();
    lab.join(&members, "room");
    for round in 0..20 {
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
