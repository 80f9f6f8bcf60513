//! `publish`, `send`, metadata and errors (wire protocol, sections 4.3 to 4.5, 6, 7 and 10).

use super::lab::{Heard, Lab, Login, app};

#[test]
fn w046_a_message_reaches_every_other_member_and_not_the_publisher() {
    let mut lab = Lab::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|peer| lab.connect(peer));
    lab.join(&[alice, bob, carol], "room");
    lab.publish(alice, "room", r#"{"t":"hi"}"#);
    assert_eq!(lab.heard(alice), ["ack p"]);
    assert_eq!(lab.heard(bob), [r#"message room alice {"t":"hi"}"#]);
    assert_eq!(lab.heard(carol), [r#"message room alice {"t":"hi"}"#]);
}

#[test]
fn w047_w048_w055_membership_an_audience_and_an_id_are_not_needed_to_publish() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.publish(alice, "room", "1");
    assert_eq!(lab.heard(alice), ["ack p"]);
    lab.join(&[bob], "room");
    lab.publish(alice, "room", "2");
    lab.text(alice, r#"{"type":"publish","channel":"room","data":3}"#);
    assert_eq!(lab.heard(alice), ["ack p"]);
    assert_eq!(lab.heard(bob), ["message room alice 2", "message room alice 3"]);
}

#[test]
fn w049_w061_w102_missing_data_is_found_before_a_missing_right() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").may(&["subscribe"]).within(&["room"]));
    lab.text(alice, r#"{"type":"publish","requestId":"p","channel":"other"}"#);
    lab.text(alice, r#"{"type":"send","requestId":"d","to":"bob"}"#);
    assert_eq!(lab.heard(alice), ["error missing_data p", "error missing_data d"]);
}

#[test]
fn w050_w060_publish_and_send_need_their_actions_and_publish_its_channel() {
    let mut lab = Lab::new();
    let reader = lab.enter(Login::new("reader").may(&["subscribe", "presence"]));
    lab.publish(reader, "room", "1");
    lab.send(reader, "reader", "1");
    assert_eq!(lab.heard(reader), ["error action_not_permitted p", "error action_not_permitted d"]);
    let writer = lab.enter(Login::new("writer").within(&["room-*"]));
    lab.publish(writer, "hall", "1");
    assert_eq!(lab.heard(writer), ["error channel_not_authorized p"]);
}

#[test]
fn w051_w062_all_connections_of_a_peer_are_reached() {
    let mut lab = Lab::new();
    let [alice, also_alice, bob] = ["alice", "alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[alice, also_alice, bob], "room");
    lab.publish(alice, "room", "1");
    lab.send(bob, "alice", "2");
    assert_eq!(lab.heard(alice), ["ack p", "direct bob 2"]);
    assert_eq!(lab.heard(also_alice), ["message room alice 1", "direct bob 2"]);
}

#[test]
fn w052_w065_what_one_sends_another_hears_in_that_order() {
    let mut lab = Lab::of(2);
    let alice = lab.connect("alice");
    let (bob, carol) = (lab.connect("bob"), lab.enter(Login::new("carol").on(1)));
    lab.join(&[bob, carol], "room");
    for number in 0..1_000 {
        if number % 3 == 0 {
            lab.send(alice, "bob", &number.to_string());
            lab.send(alice, "carol", &number.to_string());
        } else {
            lab.publish(alice, "room", &number.to_string());
        }
        lab.advance(20);
    }
    for member in [bob, carol] {
        let numbers: Vec<String> = lab.hear(member).into_iter().map(data_of).collect();
        assert_eq!(numbers, (0..1_000).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

fn data_of(heard: Heard) -> String {
    if let Heard::Message { data, .. } | Heard::Direct { data, .. } = heard {
        return data;
    }
    panic!("neither message nor direct: {heard}")
}

#[test]
fn w053_w054_the_server_says_who_sent_and_names_are_case_sensitive() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    lab.join(&[bob], "Room");
    lab.text(alice, r#"{"type":"publish","channel":"Room","data":1,"from":"eve"}"#);
    lab.text(alice, r#"{"type":"publish","channel":"room","data":2}"#);
    assert_eq!(lab.heard(bob), ["message Room alice 1"]);
}

#[test]
fn w056_w057_a_direct_needs_no_common_channel() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").token(Some(&[]), None));
    let bob = lab.connect("bob");
    lab.join(&[bob], "room");
    lab.send(alice, "bob", "null");
    assert_eq!(lab.heard(alice), ["ack d"]);
    assert_eq!(lab.heard(bob), ["direct alice null"]);
}

#[test]
fn w058_an_unknown_peer_and_one_that_left_are_not_found() {
    let mut lab = Lab::of(2);
    let alice = lab.connect("alice");
    let (bob, also_bob) = (lab.connect("bob"), lab.enter(Login::new("bob").on(1)));
    lab.join(&[bob, also_bob], "room");
    lab.send(alice, "carol", "1");
    lab.close(bob);
    lab.send(alice, "bob", "2");
    lab.close(also_bob);
    lab.send(alice, "bob", "3");
    assert_eq!(lab.heard(alice), ["error peer_not_found d", "ack d", "error peer_not_found d"]);
    assert_eq!(lab.heard(also_bob), ["direct alice 2"]);
}

#[test]
fn w059_bad_peer_ids_are_refused() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    let long = format!("{:?}", "x".repeat(129));
    for to in [r#""""#, "7", &long, r#""é""#, r#""a\tb""#] {
        lab.text(alice, &format!(r#"{{"type":"send","requestId":"d","to":{to},"data":1}}"#));
        assert_eq!(lab.heard(alice), ["error invalid_peer_id d"], "{to}");
    }
}

#[test]
fn w063_a_direct_to_oneself_arrives() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    lab.send(alice, "alice", "1");
    assert_eq!(lab.heard(alice), ["direct alice 1", "ack d"]);
}

#[test]
fn w064_apps_are_walls() {
    let mut lab = Lab::of(2);
    let alice = lab.connect("alice");
    let stranger = lab.enter(Login::new("bob").app(app("other")));
    let far_stranger = lab.enter(Login::new("carol").app(app("other")).on(1));
    lab.join(&[alice], "room");
    lab.join(&[stranger, far_stranger], "room");
    lab.subscribe(far_stranger, "**");
    assert!(lab.heard(alice).is_empty(), "presence stays in its app");
    lab.deafen();
    lab.send(alice, "bob", "1");
    lab.send(alice, "carol", "1");
    lab.publish(alice, "room", "1");
    assert_eq!(lab.heard(alice), ["error peer_not_found d", "error peer_not_found d", "ack p"]);
    assert!(lab.heard(stranger).is_empty() && lab.heard(far_stranger).is_empty());
    assert_eq!(lab.kick("bob"), 0);
    assert_eq!(lab.kick_from("other", "bob"), 1);
    assert_eq!(lab.heard(alice), [""; 0]);
}

#[test]
fn w066_w067_w068_w069_metadata_goes_to_those_who_asked_and_with_every_direct() {
    let mut lab = Lab::of(2);
    let claim = r#"{"name":"Bob","n":12345678901234567890}"#;
    let bob = lab.enter(Login::new("bob").metadata(claim));
    let bare = lab.connect("bare");
    let curious = lab.enter(Login::new("curious").on(1));
    let plain = lab.enter(Login::new("plain").on(1));
    lab.text(curious, r#"{"type":"subscribe","channel":"room","includeSenderMetadata":true}"#);
    lab.join(&[plain], "room");
    lab.publish(bob, "room", "1");
    lab.publish(bare, "room", "2");
    lab.send(bob, "plain", "3");
    lab.send(bare, "plain", "4");
    assert_eq!(lab.heard(curious), [format!("message room bob 1 {claim}"), "message room bare 2".to_owned()]);
    let with_direct = format!("direct bob 3 {claim}");
    assert_eq!(
        lab.heard(plain),
        ["message room bob 1", "message room bare 2", &with_direct, "direct bare 4"]
    );
}

#[test]
fn w021_w022_w023_w101_nonsense_is_refused_and_the_connection_lives_on() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    for text in ["{nope", "[]", r#""x""#, "1", "null", "{}", r#"{"type":5}"#] {
        lab.text(alice, text);
        assert_eq!(lab.heard(alice), ["error malformed_message"], "{text}");
    }
    lab.binary(alice);
    lab.text(alice, r#"{"type":"zap","requestId":"1"}"#);
    lab.text(alice, r#"{"type":"ping"}"#);
    assert_eq!(lab.heard(alice), ["error malformed_message", "error unknown_type 1", "pong"]);
    assert!(lab.is_open(alice));
}

#[test]
fn w027_w099_every_error_repeats_a_valid_id_and_no_other() {
    let mut lab = Lab::new();
    let alice = lab.enter(Login::new("alice").may(&[]));
    let longest = "i".repeat(128);
    lab.text(alice, &format!(r#"{{"type":"subscribe","channel":"a","requestId":"{longest}"}}"#));
    assert_eq!(lab.heard(alice), [format!("error action_not_permitted {longest}")]);
    for id in [format!("{longest}i"), String::new()] {
        lab.text(alice, &format!(r#"{{"type":"subscribe","channel":"a","requestId":"{id}"}}"#));
        assert_eq!(lab.heard(alice), ["error malformed_message"], "{id}");
    }
    lab.text(alice, r#"{"type":"subscribe","channel":"a"}"#);
    assert_eq!(lab.heard(alice), ["error action_not_permitted"]);
}

#[test]
fn w030_w031_data_comes_out_byte_for_byte() {
    let mut lab = Lab::new();
    let [alice, bob] = ["alice", "bob"].map(|peer| lab.connect(peer));
    for data in [
        "null",
        "false",
        "0",
        r#""""#,
        "[]",
        "1e400",
        "-0",
        r#"{"b":1,"a":12345678901234567890,"u":"\ud800"}"#,
    ] {
        lab.send(alice, "bob", data);
        assert_eq!(lab.heard(bob), [format!("direct alice {data}")]);
    }
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    lab.deafen();
    lab.send(alice, "bob", &deep(64));
    lab.send(alice, "bob", &deep(65));
    assert_eq!(lab.heard(alice), ["ack d", "error malformed_message d"]);
}

#[test]
fn w109_ping_has_a_pong_and_no_ack() {
    let mut lab = Lab::new();
    let alice = lab.connect("alice");
    lab.text(alice, r#"{"type":"ping"}"#);
    lab.text(alice, r#"{"type":"ping","requestId":"i"}"#);
    assert_eq!(lab.heard(alice), ["pong", "pong i"]);
}

#[test]
fn w127_w128_w092_w093_a_token_acts_within_its_key() {
    let mut lab = Lab::new();
    let login = || Login::new("alice").within(&["room-*"]).may(&["subscribe", "publish"]);
    let try_out = |lab: &mut Lab, login: Login| {
        let alice = lab.enter(login);
        lab.subscribe(alice, "room-1");
        lab.subscribe(alice, "room-2");
        lab.subscribe(alice, "other");
        lab.send(alice, "nobody", "1");
        lab.heard(alice)
    };
    let (out, no_send) = ("error channel_not_authorized s", "error action_not_permitted d");
    assert_eq!(try_out(&mut lab, login().token(None, None)), ["ack s", "ack s", out, no_send]);
    assert_eq!(try_out(&mut lab, login().token(Some(&[]), None)), [out, out, out, no_send]);
    assert_eq!(try_out(&mut lab, login().token(Some(&["room-1"]), None)), ["ack s", out, out, no_send]);
    assert_eq!(
        try_out(&mut lab, login().token(Some(&["**"]), Some(&["send", "subscribe"]))),
        ["ack s", "ack s", out, no_send]
    );
}
