//! Keys that change, kicks, lists, REST publishing and shutdown (authentication, section 10; wire
//! protocol, section 15; REST API, sections 3 to 5).

use peerhall_auth::key::{AppRecord, KeyRecord};
use peerhall_auth::keyring::Keyring;
use peerhall_proto::ids::ChannelName;
use serde_json::value::RawValue;

use super::lab::{LINGER, Lab, Login, PAUSE, app, key, patterns};
use crate::Ended;

fn set_keyring(lab: &mut Lab, apps: Vec<AppRecord>, keys: Vec<KeyRecord>) {
    let keyring = Keyring::new(apps, keys).unwrap();
    for shard in 0..lab.hubs.len() {
        lab.on(shard, |hub, now| hub.set_keyring(&keyring, now));
    }
}

#[test]
fn w130_a_revoked_key_closes_its_connections_with_4001_and_no_others() {
    let mut lab = Lab::of(2);
    let (kept, revoked) = (key("kept"), key("revoked"));
    let alice = lab.enter(Login::new("alice").key(kept.clone()));
    let bob = lab.enter(Login::new("bob").key(revoked.clone()).token(None, None));
    let carol = lab.enter(Login::new("carol").key(revoked.clone()).on(1));
    lab.join(&[alice, bob, carol], "room");
    let revoked = KeyRecord { revoked_at: Some(1), ..revoked };
    set_keyring(&mut lab, vec![app("app")], vec![kept.clone(), revoked]);
    assert_eq!(lab.heard(bob)[..1], ["closed 4001"]);
    assert!(lab.heard(carol).contains(&"closed 4001".to_owned()));
    assert_eq!(lab.heard(alice), ["room: -bob", "room: -carol"]);
    let dave = lab.enter(Login::new("dave").key(key("gone")));
    set_keyring(&mut lab, vec![app("app")], vec![kept]);
    assert_eq!(lab.heard(dave), ["closed 4001"], "a key that is no more");
    assert!(lab.is_open(alice));
}

#[test]
fn a_key_that_gives_no_ice_servers_out_any_more_renews_none_until_it_does_again() {
    let mut lab = Lab::new();
    let giving = KeyRecord { inject_turn: true, ..key("usual") };
    let alice = lab.enter(Login::new("alice").ours().key(giving.clone()).renewed_after_ms(10_000));
    set_keyring(&mut lab, vec![app("app")], vec![KeyRecord { inject_turn: false, ..giving.clone() }]);
    lab.advance(20_000);
    assert!(lab.due.is_empty() && lab.is_open(alice), "{:?}", lab.due);
    set_keyring(&mut lab, vec![app("app")], vec![giving.clone()]);
    assert_eq!(lab.due.len(), 1, "what should have come meanwhile");
    lab.renew(alice, "[1]", 60_000);
    set_keyring(&mut lab, vec![app("app")], vec![KeyRecord { name: "new".to_owned(), ..giving }]);
    assert_eq!(lab.due.len(), 1, "nothing is late");
    lab.advance(60_000);
    assert_eq!(lab.due.len(), 2);
}

#[test]
fn w107_a_suspended_app_closes_its_connections_with_4012() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").key(key("usual")));
    let mut other_key = key("other");
    other_key.app = "other".parse().unwrap();
    let bob = lab.enter(Login::new("bob").app(app("other")).key(other_key.clone()));
    let suspended = AppRecord { suspended: true, ..app("app") };
    set_keyring(&mut lab, vec![suspended, app("other")], vec![key("usual"), other_key]);
    assert_eq!(lab.heard(alice), ["closed 4012"]);
    assert!(lab.is_open(bob));
}

#[test]
fn w108_narrowed_patterns_close_those_that_hold_an_excluded_channel_with_4003() {
    let mut lab = Lab::new();
    let [inside, outside, by_pattern, idle] =
        ["inside", "outside", "by_pattern", "idle"].map(|peer| lab.enter(Login::new(peer).key(key("usual"))));
    lab.join(&[inside], "room-1");
    lab.join(&[outside], "room-1");
    lab.join(&[outside], "hall");
    lab.join(&[by_pattern], "room-*");
    let narrowed = KeyRecord { patterns: patterns(&["room-1"]), ..key("usual") };
    set_keyring(&mut lab, vec![app("app")], vec![narrowed]);
    assert_eq!(lab.heard(outside), ["closed 4003"]);
    assert_eq!(lab.heard(by_pattern), ["closed 4003"]);
    assert_eq!(lab.heard(inside), ["room-1: -outside"]);
    lab.publish(idle, "hall", "1");
    lab.subscribe(idle, "room-1");
    assert_eq!(lab.heard(idle), ["error channel_not_authorized p", "ack s"], "from the next frame on");
}

#[test]
fn changed_actions_and_quotas_apply_from_the_next_frame_on() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").key(key("usual")));
    let reader = KeyRecord {
        actions: ["subscribe"].iter().map(|word| word.parse().unwrap()).collect(),
        ..key("usual")
    };
    set_keyring(&mut lab, vec![app("app")], vec![reader]);
    lab.publish(alice, "room", "1");
    set_keyring(
        &mut lab,
        vec![AppRecord { max_messages_per_period: Some(0), ..app("app") }],
        vec![key("usual")],
    );
    lab.publish(alice, "room", "1");
    set_keyring(&mut lab, vec![app("app")], vec![key("usual")]);
    lab.publish(alice, "room", "1");
    assert_eq!(lab.heard(alice), ["error action_not_permitted p", "error over_message_quota p", "ack p"]);
}

#[test]
fn w115_at_a_shutdown_everybody_is_told_and_nobody_hears_left() {
    let mut lab = Lab::of(2);
    let peers: Vec<_> =
        (0..4).map(|number| lab.enter(Login::new(&format!("p{number}")).on(number % 2))).collect();
    lab.join(&peers, "room");
    for shard in [0, 1] {
        lab.on(shard, |hub, _| hub.announce_shutdown(1_000));
    }
    for peer in &peers[..3] {
        lab.end(*peer, Ended::Drained);
    }
    for peer in &peers {
        assert_eq!(lab.hear(*peer), [super::lab::Heard::GoingAway(1_000)]);
    }
    lab.end(peers[3], Ended::Drained);
    lab.assert_empty();
}

#[test]
fn w140_w141_the_list_of_members_follows_the_ack_and_the_action_presence() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").metadata(r#"{"n":1}"#));
    let (shadow, watcher) = (lab.enter(Login::new("shadow").may(&["subscribe"])), lab.connect("watcher"));
    lab.subscribe(alice, "room");
    lab.subscribe(shadow, "room");
    lab.subscribe(watcher, "**");
    let (app, room): (_, ChannelName) = (app("app").id, "room".parse().unwrap());
    let listed = lab.hubs[0].list_members(&app, &room);
    let listed: Vec<_> =
        listed.iter().map(|(peer, data)| (peer.as_str(), data.as_ref().map(|data| data.get()))).collect();
    assert_eq!(listed, [("alice", Some(r#"{"n":1}"#))]);
    assert!(lab.hubs[0].list_members(&app, &"hall".parse().unwrap()).is_empty());
    assert!(lab.hubs[0].list_members(&"none".parse().unwrap(), &room).is_empty());
}

#[test]
fn w142_a_message_from_outside_reaches_the_members_and_those_who_asked_see_its_metadata() {
    let mut lab = Lab::of(2);
    let (alice, bob) = (lab.connect("alice"), lab.enter(Login::new("bob").on(1)));
    let watcher = lab.connect("watcher");
    lab.join(&[alice], "room");
    lab.text(bob, r#"{"type":"subscribe","channel":"room","includeSenderMetadata":true}"#);
    lab.join(&[watcher], "*");
    let (id, room): (_, ChannelName) = (app("app").id, "room".parse().unwrap());
    let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
    let (data, metadata) = (raw("1"), raw("{}"));
    let delivered: usize = (0..2)
        .map(|shard| {
            lab.on(shard, |hub, _| {
                hub.publish_from_outside(&id, &room, &"cron".parse().unwrap(), &data, Some(&metadata))
            })
        })
        .sum();
    assert_eq!(delivered, 3);
    assert_eq!(lab.heard(alice), ["room: +bob", "message room cron 1"][1..]);
    assert_eq!(lab.heard(bob), ["message room cron 1 {}"]);
    assert_eq!(lab.heard(watcher), ["message room cron 1"]);
}

#[test]
fn w144_a_kick_counts_connections_and_stays_in_its_app() {
    let mut lab = Lab::new();
    let [bob, also_bob] = ["bob", "bob"].map(|peer| lab.connect(peer));
    let namesake = lab.enter(Login::new("bob").app(app("other")));
    assert_eq!(lab.kick("nobody"), 0);
    assert_eq!(lab.kick_from("unknown", "bob"), 0);
    assert_eq!(lab.kick("bob"), 2);
    assert_eq!(
        (lab.heard(bob), lab.heard(also_bob)),
        (vec!["closed 4020".into()], vec!["closed 4020".into()])
    );
    assert!(lab.is_open(namesake));
}

#[test]
fn counters_tell_what_happened() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob], "room");
    lab.publish(alice, "room", "1");
    lab.send(alice, "bob", "2");
    lab.send(alice, "nobody", "3");
    let stats = lab.hubs[0].stats();
    assert_eq!((stats.frames_in, stats.publishes, stats.deliveries, stats.directs), (5, 1, 1, 1));
    assert_eq!((stats.errors, stats.presence_frames, stats.sessions, stats.rooms), (1, 2, 2, 1));
    lab.close(bob);
    let stats = lab.hubs[0].stats();
    assert_eq!((stats.presence_frames, stats.sessions), (3, 1));
}

#[test]
fn nothing_is_left_after_everybody_left_and_the_linger_passed() {
    let mut lab = Lab::of(3);
    let peers: Vec<_> = (0..30)
        .map(|number| lab.enter(Login::new(&format!("p{}", number % 20)).on(number % 3).for_ms(3_600_000)))
        .collect();
    for room in ["a", "b", "**"] {
        lab.join(&peers, room);
    }
    for (at, peer) in peers.into_iter().enumerate() {
        lab.subscribe(peer, "c");
        match at % 3 {
            0 => lab.close(peer),
            1 => lab.lose(peer),
            _ => lab.end(peer, Ended::Drained),
        }
    }
    lab.advance(PAUSE + LINGER);
    lab.assert_empty();
}
