//! What survives a crash: the log of members and the ghosts made from it (wire protocol, section 9.4).

use super::lab::{LINGER, Lab, Login, app};
use crate::{HubConfig, LostMember, MemberChange};

fn remembering(shards: usize) -> Lab {
    Lab::with(HubConfig { remember: true, ..HubConfig::default() }, shards)
}

/// What the log says now, in short words.
fn log(lab: &mut Lab) -> Vec<String> {
    let words = |change: MemberChange| match change {
        MemberChange::Present(metadata) => {
            format!("present{}", metadata.as_ref().map(|raw| raw.get()).unwrap_or_default())
        }
        MemberChange::Dropped => "dropped".to_owned(),
        MemberChange::Gone => "gone".to_owned(),
    };
    let events = std::mem::take(&mut lab.log).into_iter();
    events
        .map(|event| format!("{} {} {} {}", event.app, event.channel, event.peer, words(event.change)))
        .collect()
}

fn lost(room: &str, peer: &str) -> LostMember {
    LostMember {
        app: app("app").id,
        channel: room.parse().unwrap(),
        peer: peer.parse().unwrap(),
        metadata: None,
    }
}

/// Every shard of a fresh server is told who was there.
fn recover(lab: &mut Lab, members: &[LostMember]) {
    for shard in 0..lab.hubs.len() {
        lab.on(shard, |hub, now| hub.recover(members.to_vec(), now));
    }
}

#[test]
fn the_log_follows_the_members() {
    let mut lab = remembering(1);
    let bob = lab.enter(Login::new("bob").metadata(r#"{"n":1}"#));
    let [also_bob, carol] = ["bob", "carol"].map(|peer| lab.connect(peer));
    lab.enter_room(bob, "room");
    lab.enter_room(also_bob, "room");
    lab.enter_room(carol, "room");
    assert_eq!(log(&mut lab), [r#"app room bob present{"n":1}"#, "app room carol present"]);
    lab.lose(bob);
    assert!(log(&mut lab).is_empty(), "one of two");
    lab.lose(also_bob);
    lab.close(carol);
    assert_eq!(log(&mut lab), ["app room bob dropped", "app room carol gone"]);
    lab.advance(LINGER);
    assert_eq!(log(&mut lab), ["app room bob gone"]);
}

#[test]
fn the_log_keeps_those_whom_a_shutdown_closed() {
    let mut lab = remembering(1);
    let bob = lab.connect("bob");
    lab.enter_room(bob, "room");
    lab.deafen();
    let _ = log(&mut lab);
    lab.end(bob, crate::Ended::Drained);
    assert!(log(&mut lab).is_empty());
}

#[test]
fn a_hub_that_need_not_remember_writes_no_log() {
    let mut lab = Lab::new();
    let bob = lab.connect("bob");
    lab.enter_room(bob, "room");
    lab.lose(bob);
    lab.advance(LINGER);
    assert!(log(&mut lab).is_empty());
}

#[test]
fn after_a_crash_those_who_come_back_see_those_who_are_still_on_their_way() {
    for shards in [1, 3] {
        let mut lab = Lab::of(shards);
        let members: Vec<LostMember> = (0..12).map(|number| lost("room", &format!("p{number}"))).collect();
        recover(&mut lab, &members);
        let mut back = Vec::new();
        for number in 0..12 {
            let peer = lab.enter(Login::new(&format!("p{number}")).on(number % shards));
            lab.enter_room(peer, "room");
            let heard = lab.heard(peer);
            let mut others: Vec<String> =
                (0..12).filter(|other| *other != number).map(|other| format!(" +p{other}")).collect();
            others.sort();
            assert_eq!(heard, ["ack s".to_owned(), format!("room:{}", others.concat())], "{shards} shards");
            back.push(peer);
            lab.advance(500);
        }
        lab.advance(LINGER * 2);
        for peer in &back {
            assert_eq!(lab.heard(*peer), [""; 0], "nobody is announced as gone or new");
        }
        back.into_iter().for_each(|peer| lab.close(peer));
        lab.assert_empty();
    }
}

#[test]
fn after_a_crash_whoever_does_not_come_back_has_left() {
    let mut lab = Lab::of(2);
    recover(&mut lab, &[lost("room", "alice"), lost("room", "bob"), lost("hall", "bob")]);
    let alice = lab.enter(Login::new("alice").on(1));
    lab.enter_room(alice, "room");
    assert_eq!(lab.heard(alice), ["ack s", "room: +bob"]);
    lab.advance(LINGER);
    assert_eq!(lab.heard(alice), ["room: -bob"]);
    lab.close(alice);
    lab.assert_empty();
}

#[test]
fn after_a_crash_a_newcomer_sees_members_only() {
    let mut lab = Lab::new();
    recover(&mut lab, &[lost("room", "alice"), lost("room", "bob")]);
    // A publishable key gives a new id to everybody who does not send the value of `resume`.
    let newcomer = lab.connect("0f5c4b1e-0000-4000-8000-000000000000");
    lab.enter_room(newcomer, "room");
    assert_eq!(lab.heard(newcomer), ["ack s", "room:"]);
    let alice = lab.connect("alice");
    lab.enter_room(alice, "room");
    assert_eq!(lab.heard(newcomer), ["room: +alice"]);
    assert_eq!(lab.heard(alice), ["ack s", "room: +0f5c4b1e-0000-4000-8000-000000000000 +bob"]);
}

#[test]
fn after_a_crash_directs_wait_for_those_who_are_on_their_way() {
    for home in 0..2 {
        let mut lab = Lab::of(2);
        recover(&mut lab, &[lost("room", "alice"), lost("room", "bob")]);
        let alice = lab.connect("alice");
        lab.enter_room(alice, "room");
        lab.send(alice, "bob", "1");
        let bob = lab.enter(Login::new("bob").on(home));
        lab.enter_room(bob, "room");
        assert_eq!(lab.heard(bob), ["ack s", "room: +alice", "direct alice 1"], "on shard {home}");
    }
}

#[test]
fn a_second_crash_soon_after_the_first_loses_nobody() {
    let mut lab = remembering(1);
    recover(&mut lab, &[lost("room", "alice"), lost("room", "bob")]);
    assert_eq!(
        log(&mut lab),
        ["app room alice present", "app room alice dropped", "app room bob present", "app room bob dropped"]
    );
    let alice = lab.connect("alice");
    lab.enter_room(alice, "room");
    assert_eq!(log(&mut lab), ["app room alice present"]);
    lab.advance(LINGER);
    assert_eq!(log(&mut lab), ["app room bob gone"]);
}

#[test]
fn who_returns_on_another_shard_is_gone_from_the_log_of_the_first() {
    let mut lab = remembering(2);
    // Somebody on each shard, so that both serve the room.
    for (shard, peer) in [(0, "alice"), (1, "carol")] {
        let member = lab.enter(Login::new(peer).on(shard));
        lab.enter_room(member, "room");
    }
    let bob = lab.enter(Login::new("bob").on(0));
    lab.enter_room(bob, "room");
    lab.lose(bob);
    let _ = log(&mut lab);
    let bob = lab.enter(Login::new("bob").on(1));
    lab.enter_room(bob, "room");
    assert_eq!(
        log(&mut lab),
        ["app room bob present", "app room bob gone"],
        "the second is the first shard's"
    );
}
