//! Joining, sending and leaving.

use peerhall_core::{CloseCode, JoinOptions, PeerState, SendError};
use peerhall_sim::{Dialling, Lab, LabOptions, Tamper, What};
use serde_json::json;

use crate::common::{Frames, SECOND, outcome, pair};

#[test]
fn r10_after_a_failed_join_a_later_drop_leaves_no_client_behind() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let alice = lab.peer("alice");
    lab.on_up(|_, frame| {
        if frame["type"] == "subscribe" { Tamper::Refuse("backend_error".to_owned()) } else { Tamper::Pass }
    });
    let op = lab.join(alice, "room").unwrap();
    lab.run_for(SECOND);
    assert_eq!((outcome(&lab, alice, op), lab.state(alice)), ("backend_error".to_owned(), PeerState::Idle));
    lab.cut(alice);
    lab.run_for(SECOND * 300);
    assert_eq!(lab.state(alice), PeerState::Closed);
    assert_eq!(lab.sockets_opened(alice), 1, "nobody reconnects behind a closed peer");
    assert_eq!(lab.core(alice).deadline(), None);
}

#[test]
fn r21_close_on_an_idle_peer_closes_its_live_client() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let alice = lab.peer("alice");
    lab.on_up(|_, _| Tamper::Refuse("backend_error".to_owned()));
    lab.join(alice, "room");
    lab.run_for(SECOND);
    lab.clear_seen();
    let op = lab.close(alice);
    lab.run_for(SECOND);
    assert_eq!(outcome(&lab, alice, op), "ok");
    assert_eq!(lab.words(alice), ["state closed", "close ok"], "closed from idle tells no `left`");
    assert_eq!(lab.core(alice).deadline(), None);
}

#[test]
fn r29_a_drop_during_join_leads_back_to_idle_and_a_second_join_works() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let alice = lab.peer("alice");
    lab.on_up(|_, frame| if frame["type"] == "subscribe" { Tamper::Drop } else { Tamper::Pass });
    let first = lab.join(alice, "room").unwrap();
    lab.run_for(SECOND);
    lab.cut(alice);
    lab.run_for(SECOND * 60);
    assert_eq!(outcome(&lab, alice, first), "DisconnectedError");
    assert_eq!((lab.state(alice), lab.sockets_opened(alice)), (PeerState::Idle, 1));
    assert!(!lab.words(alice).iter().any(|word| word.starts_with("left")));
    lab.stop_tampering();
    let second = lab.join(alice, "another room").unwrap();
    lab.run_for(SECOND);
    assert_eq!((outcome(&lab, alice, second), lab.state(alice)), ("ok".to_owned(), PeerState::Joined));
}

#[test]
fn r30_a_closed_peer_never_leaves_closed() {
    let (mut lab, alice, _) = pair();
    lab.close(alice);
    lab.run_for(SECOND);
    assert_eq!(lab.state(alice), PeerState::Closed);
    assert!(lab.join(alice, "room").is_none());
    lab.with_peer(alice, |peer, now| peer.network_available(now));
    assert!(lab.try_add_track(alice, "camera", None, None).is_err());
    assert_eq!(lab.send(alice, json!(1)), Err(SendError::NotJoined));
    lab.clear_seen();
    lab.run_for(SECOND * 600);
    assert!(lab.words(alice).is_empty());
}

#[test]
fn r24_close_while_reconnecting_stops_every_attempt() {
    let (mut lab, alice, _) = pair();
    lab.on_event(alice, |seen, peer, now| {
        if seen.to_string() == "state reconnecting" {
            peer.close(now, None);
        }
        Vec::new()
    });
    lab.cut(alice);
    lab.run_for(SECOND * 300);
    assert_eq!(lab.state(alice), PeerState::Closed);
    assert_eq!(lab.sockets_opened(alice), 1);
}

#[test]
fn r35_a_payload_that_looks_like_negotiation_is_sent_with_a_warning() {
    let (mut lab, alice, _) = pair();
    let frames = Frames::listen(&mut lab);
    let data = json!({"type": "rtc-ice", "candidate": null});
    lab.ask(alice, |peer, now| peer.send_to(now, "bob", data)).unwrap();
    lab.run_for(SECOND);
    assert_eq!(frames.of(alice), ["rtc-ice"]);
    assert!(lab.log(alice).iter().any(|line| line.contains("looks like negotiation")));
}

#[test]
fn r50_without_the_right_to_send_join_works_and_the_log_tells_of_the_rest() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    lab.tokens(alice).claims.insert("permissions".to_owned(), json!(["subscribe", "publish", "presence"]));
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.run_for(SECOND);
    assert_eq!((lab.state(alice), lab.remotes(alice)), (PeerState::Joined, vec!["bob".to_owned()]));
    let told = |line: &String| line.contains("not delivered: action_not_permitted");
    assert!(lab.log(alice).iter().any(told), "{:?}", lab.log(alice));
}

#[test]
fn r62_nobody_sends_to_itself() {
    let (mut lab, alice, _) = pair();
    let frames = Frames::listen(&mut lab);
    let refused = lab.ask(alice, |peer, now| peer.send_to(now, "alice", json!(1)));
    assert_eq!(refused, Err(SendError::SelfSend));
    lab.run_for(SECOND);
    assert!(frames.of(alice).is_empty());
}

#[test]
fn r63_own_broadcasts_never_surface() {
    let (mut lab, alice, bob) = pair();
    lab.send(alice, json!("hello")).unwrap();
    // A server that echoes.
    lab.inject(alice, &json!({"type": "message", "channel": "room", "from": "alice", "data": 1}).to_string());
    lab.run_for(SECOND);
    assert!(lab.has_seen(bob, "data broadcast alice \"hello\""));
    assert!(!lab.words(alice).iter().any(|word| word.starts_with("data")));
}

#[test]
fn r65_a_direct_from_an_unknown_id_never_surfaces() {
    let (mut lab, alice, _) = pair();
    let stranger = lab.raw("mallory");
    lab.run_for(SECOND);
    lab.raw_send(stranger, json!({"type": "send", "to": "alice", "data": "psst"}));
    lab.run_for(SECOND);
    assert!(!lab.words(alice).iter().any(|word| word.starts_with("data")));
}

#[test]
fn x09_a_broadcast_from_an_unknown_id_surfaces_only_where_it_is_wanted() {
    for wanted in [false, true] {
        let mut lab = Lab::new(LabOptions::seeded(5));
        let options = peerhall_core::PeerOptions::new(lab.options()).unwrap();
        let alice = lab.peer_with("alice", options.broadcasts_of_strangers(wanted));
        lab.join(alice, "room");
        let stranger = lab.raw("mallory");
        lab.run_for(SECOND);
        lab.raw_send(stranger, json!({"type": "publish", "channel": "room", "data": "hi"}));
        lab.run_for(SECOND);
        assert_eq!(lab.has_seen(alice, "data broadcast mallory \"hi\""), wanted);
    }
}

#[test]
fn r71_at_most_256_remote_peers_are_kept() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let alice = lab.peer("alice");
    lab.join(alice, "room");
    lab.run_for(SECOND);
    let crowd: Vec<_> = (0..300).map(|n| json!({"peerId": format!("p{n}")})).collect();
    let frame = json!({"type": "presence", "channel": "room", "joined": crowd, "left": []});
    lab.inject(alice, &frame.to_string());
    lab.run_for(SECOND);
    assert_eq!(lab.remotes(alice).len(), peerhall_core::MAX_REMOTES);
    assert_eq!(lab.connections(), peerhall_core::MAX_REMOTES);
}

#[test]
fn x04_presence_before_the_acknowledgement_is_not_lost() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    lab.join(bob, "room");
    lab.run_for(SECOND);
    // The acknowledgement is overtaken by everything else.
    let mut held = None;
    lab.on_down(move |actor, frame| match frame["type"].as_str() {
        Some("ack") if actor == alice && held.is_none() => {
            held = Some(frame.clone());
            Tamper::Drop
        }
        Some("presence") if actor == alice => Tamper::Instead(vec![frame.clone(), held.take().unwrap()]),
        _ => Tamper::Pass,
    });
    lab.join(alice, "room");
    lab.run_for(SECOND);
    assert_eq!(lab.words(alice)[1..], ["state joined", "joined room", "join ok", "peer-joined bob"]);
}

#[test]
fn x05_a_negotiation_message_that_is_not_delivered_is_in_the_log_and_is_no_error() {
    let (mut lab, alice, _) = pair();
    lab.on_up(|_, frame| {
        if frame["type"] == "send" { Tamper::Refuse("peer_not_found".to_owned()) } else { Tamper::Pass }
    });
    lab.add_track(alice, "camera", Some("stream"), None);
    lab.run_for(SECOND);
    assert!(lab.log(alice).iter().any(|line| line.contains("not delivered: peer_not_found")));
    assert!(!lab.words(alice).iter().any(|word| word.contains("negotiation-error")));
}

#[test]
fn x19_an_outage_of_the_token_provider_is_told_once() {
    let (mut lab, alice, _) = pair();
    lab.tokens(alice).answer = peerhall_sim::TokenAnswer::Fails("no".to_owned());
    lab.cut(alice);
    lab.run_for(SECOND * 300);
    assert_eq!(lab.count_seen(alice, "error TokenProviderError"), 1);
    lab.tokens(alice).answer = peerhall_sim::TokenAnswer::Token;
    lab.run_for(SECOND * 60);
    assert_eq!(lab.state(alice), PeerState::Joined);
    lab.tokens(alice).answer = peerhall_sim::TokenAnswer::Fails("no".to_owned());
    lab.cut(alice);
    lab.run_for(SECOND * 300);
    assert_eq!(lab.count_seen(alice, "error TokenProviderError"), 2);
}

#[test]
fn x01_a_peer_whose_provider_fails_to_the_end_is_closed() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let reconnect = peerhall_core::ReconnectOptions::default().max_attempts(Some(2)).unwrap();
    let options = lab.options().reconnect(Some(reconnect));
    let alice = lab.peer_with("alice", peerhall_core::PeerOptions::new(options).unwrap());
    lab.join(alice, "room");
    lab.run_for(SECOND);
    lab.tokens(alice).answer = peerhall_sim::TokenAnswer::Hangs;
    lab.cut(alice);
    lab.run_for(SECOND * 60);
    assert_eq!(lab.state(alice), PeerState::Closed);
    assert!(lab.has_seen(alice, "error TokenProviderError"));
}

#[test]
fn a_terminal_close_tells_the_error_then_the_departures_then_the_end() {
    let (mut lab, alice, bob) = crate::common::connected_pair();
    lab.kick("alice");
    lab.run_for(SECOND);
    assert_eq!(
        lab.words(alice),
        [
            "error admin_disconnect",
            "bob closed",
            "peer-left bob",
            "state closed",
            "left alice: closed by an administrator",
        ]
    );
    assert_eq!(lab.words(bob), ["alice closed", "peer-left alice"]);
}

#[test]
fn leaving_removes_remotes_first_then_closes_then_tells() {
    let (mut lab, alice, bob) = crate::common::connected_pair();
    lab.close(alice);
    lab.run_for(SECOND);
    assert_eq!(
        lab.words(alice),
        ["state leaving", "bob closed", "peer-left bob", "state closed", "left alice", "close ok"]
    );
    assert_eq!(lab.words(bob), ["alice closed", "peer-left alice"]);
    assert_eq!(lab.connections(), 0);
}

#[test]
fn a_join_that_is_overtaken_by_close_is_refused_after_the_end() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    lab.set_dialling(Dialling::Hangs);
    let alice = lab.peer("alice");
    lab.join(alice, "room");
    lab.run_for(SECOND);
    lab.close(alice);
    lab.run_for(SECOND * 3);
    let words = lab.words(alice);
    assert_eq!(
        words,
        [
            "state joining",
            "state leaving",
            "state closed",
            "left nobody",
            "join SignallingConnectError",
            "close ok"
        ]
    );
}

#[test]
fn sender_metadata_comes_with_broadcasts_that_asked_for_it_and_with_every_direct() {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    lab.tokens(bob).claims.insert("peerMetadata".to_owned(), json!({"n": 1}));
    let options = JoinOptions { include_sender_metadata: true };
    lab.ask(alice, |peer, now| peer.join(now, "room", options)).unwrap();
    lab.join(bob, "room");
    lab.run_for(SECOND);
    lab.send(bob, json!("all")).unwrap();
    lab.ask(bob, |peer, now| peer.send_to(now, "alice", json!("you"))).unwrap();
    lab.run_for(SECOND);
    assert!(lab.has_seen(alice, "data broadcast bob \"all\" {\"n\":1}"), "{:?}", lab.words(alice));
    assert!(lab.has_seen(alice, "data direct bob \"you\" {\"n\":1}"));
    assert_eq!(lab.remote(alice, "bob").unwrap().metadata, Some(json!({"n": 1})));
}

#[test]
fn uncorrelated_errors_of_the_server_surface_when_the_user_must_act() {
    let (mut lab, alice, _) = pair();
    for code in ["account_suspended", "action_not_permitted", "over_message_quota"] {
        lab.inject(alice, &json!({"type": "error", "code": code}).to_string());
    }
    lab.run_for(SECOND);
    assert_eq!(lab.words(alice), ["error account_suspended", "error action_not_permitted"]);
    let loud = |seen: &&peerhall_sim::Seen| matches!(seen.what, What::Log(..));
    assert!(lab.seen(alice).iter().any(|seen| loud(&seen)));
    lab.close_by_server(alice, CloseCode::NORMAL, "");
    lab.run_for(SECOND * 3);
    assert_eq!(lab.state(alice), PeerState::Joined);
}
