//! Memory of a crowd that has left.

use super::lab::Lab;

#[test]
fn the_tables_of_a_crowd_shrink_when_it_has_left_and_those_who_stay_notice_nothing() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    let crowd: Vec<_> = (0..3_000).map(|n| lab.connect(&format!("peer-{n}"))).collect();
    for (n, who) in crowd.iter().enumerate() {
        lab.subscribe(*who, if n < 1_000 { "hall" } else { "room-of-its-own" });
    }
    lab.join(&[alice], "hall");
    assert!(lab.hubs[0].sessions.capacity() > 3_000);
    crowd.into_iter().for_each(|who| lab.close(who));
    lab.advance(60_000);
    let hub = &lab.hubs[0];
    assert!(hub.sessions.capacity() <= 1_024, "{}", hub.sessions.capacity());
    assert!(hub.apps[0].peers.capacity() <= 1_024, "{}", hub.apps[0].peers.capacity());
    assert!(hub.rooms.len() == 2 && hub.effects.capacity() <= 1_024);
    lab.deafen();
    lab.publish(alice, "room", "1");
    assert_eq!(lab.heard(bob), ["message room alice 1"]);
    let carol = lab.connect("carol");
    lab.enter_room(carol, "hall");
    assert_eq!(lab.heard(carol), ["ack s", "hall: +alice"]);
}
