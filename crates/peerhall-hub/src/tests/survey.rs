//! What an operator sees: connections, rooms and who talks to whom, each within one app.

use peerhall_proto::ids::AppId;
use serde_json::json;

use super::lab::{Lab, Login, app, key};
use crate::{CameWith, CandidateKinds, PairFacts, Standing};

fn usual() -> AppId {
    "app".parse().unwrap()
}

fn found(lab: &mut Lab, text: &str, limit: usize) -> (Vec<String>, usize) {
    let survey = lab.on(0, |hub, now| hub.survey_connections(&usual(), text, limit, now));
    assert!(!survey.is_partial);
    (survey.found.iter().map(|facts| facts.peer.as_str().to_owned()).collect(), survey.matching)
}

fn pairs(lab: &mut Lab) -> Vec<PairFacts> {
    lab.on(0, |hub, now| hub.pairs(&usual(), now))
}

fn offer(user: &str) -> String {
    let sdp = format!("v=0\r\na=ice-ufrag:{user}\r\na=ice-pwd:secret\r\n");
    json!({"type": "rtc-description", "description": {"type": "offer", "sdp": sdp}}).to_string()
}

#[test]
fn connections_are_found_by_peer_or_channel_in_their_own_app_only() {
    let mut lab = Lab::new();
    let mut other_key = key("other");
    other_key.app = "other".parse().unwrap();
    let [alice, bob] = ["Alice", "bob"].map(|peer| lab.connect(peer));
    lab.enter(Login::new("alice").app(app("other")).key(other_key));
    lab.join(&[bob], "Lobby");
    lab.join(&[bob, alice], "hall-*");
    assert_eq!(found(&mut lab, "", 9), (vec!["Alice".into(), "bob".into()], 2));
    assert_eq!(found(&mut lab, "ALI", 9), (vec!["Alice".into()], 1));
    assert_eq!(found(&mut lab, "lobby", 9), (vec!["bob".into()], 1));
    assert_eq!(
        found(&mut lab, "hall", 1),
        (vec!["Alice".into()], 2),
        "the limit cuts the list, not the count"
    );
    assert_eq!(found(&mut lab, "nobody", 9), (vec![], 0));
}

#[test]
fn a_connection_tells_what_it_came_with_and_belongs_to_one_app() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").token(None, None));
    lab.join(&[alice], "room");
    let survey = lab.on(0, |hub, now| hub.survey_connections(&usual(), "", 9, now));
    let facts = survey.found.first().unwrap();
    assert_eq!((facts.came_with, facts.channel_count, &facts.key), (CameWith::Token, 1, &key("usual").id));
    assert_eq!(facts.channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>(), ["room"]);
    let conn = facts.conn;
    assert!(lab.on(0, |hub, _| hub.belongs_to(conn, &usual())));
    assert!(!lab.on(0, |hub, _| hub.belongs_to(conn, &"other".parse().unwrap())));
    lab.close(alice);
    assert!(!lab.on(0, |hub, _| hub.belongs_to(conn, &usual())), "a number that is over names nobody");
}

#[test]
fn the_fullest_rooms_come_first_and_show_who_is_away() {
    let mut lab = Lab::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[alice], "small");
    lab.join(&[alice, bob, carol], "large");
    lab.lose(carol);
    let survey = lab.on(0, |hub, _| hub.survey_rooms(&usual(), 1));
    assert_eq!(survey.matching, 2);
    let [room] = survey.found.as_slice() else { panic!("one room: {survey:?}") };
    assert_eq!((room.channel.as_str(), room.members), ("large", 2));
    let mut peers: Vec<_> = room.peers.iter().map(|peer| (peer.peer.as_str(), peer.standing)).collect();
    peers.sort_by_key(|(peer, _)| *peer);
    let expected = [("alice", Standing::Visible), ("bob", Standing::Visible), ("carol", Standing::Away)];
    assert_eq!(peers, expected);
}

#[test]
fn pairs_are_counted_only_while_somebody_looks() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    lab.connect("bob");
    lab.send(alice, "bob", "1");
    assert_eq!(pairs(&mut lab), []);
    lab.on(0, |hub, _| hub.watch_pairs(true));
    lab.send(alice, "bob", "22");
    lab.send(alice, "nobody", "333");
    let seen = pairs(&mut lab);
    assert_eq!(seen.len(), 1, "what was refused is no talk: {seen:?}");
    assert_eq!((seen[0].talk.directs, seen[0].talk.bytes), (1, 2));
    lab.on(0, |hub, _| hub.watch_pairs(false));
    lab.on(0, |hub, _| hub.watch_pairs(true));
    assert_eq!(pairs(&mut lab), []);
}

#[test]
fn a_negotiation_shows_its_offers_answers_restarts_and_kinds_of_candidates() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    lab.connect("bob");
    lab.on(0, |hub, _| hub.watch_pairs(true));
    let candidate = |kind: &str| {
        let line = format!("candidate:1 1 udp 2 192.0.2.1 9 typ {kind} generation 0");
        json!({"type": "rtc-ice", "candidate": {"candidate": line, "sdpMid": "0"}}).to_string()
    };
    for data in [offer("one"), candidate("host"), candidate("relay"), offer("one"), offer("two")] {
        lab.send(alice, "bob", &data);
    }
    lab.send(alice, "bob", r#"{"type":"rtc-ice","candidate":null}"#);
    lab.advance(1_000);
    let seen = pairs(&mut lab);
    let talk = &seen[0].talk;
    assert_eq!((talk.offers, talk.answers, talk.restarts), (3, 0, 1));
    assert_eq!(talk.candidates, CandidateKinds { host: true, reflexive: false, relay: true });
    assert_eq!(talk.described.unwrap().as_millis(), 1_000);
    assert!(!format!("{seen:?}").contains("secret"));
}

#[test]
fn more_pairs_than_there_is_room_for_are_not_kept() {
    let mut lab = Lab::new();
    let config = crate::HubConfig { frame_burst: 10_000.0, ..crate::HubConfig::default() };
    lab.hubs[0] = crate::Hub::new(config, crate::ShardId::new(0).unwrap(), 1);
    let alice = lab.connect("alice");
    lab.on(0, |hub, _| hub.watch_pairs(true));
    for number in 0..4_100 {
        lab.connect(&format!("p{number}"));
        lab.send(alice, &format!("p{number}"), "0");
    }
    assert_eq!(pairs(&mut lab).len(), 4_096);
    lab.advance(61_000);
    lab.send(alice, "p4099", "0");
    assert_eq!(pairs(&mut lab).len(), 1, "those without a word for a minute made room");
}
