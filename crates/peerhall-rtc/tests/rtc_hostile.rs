//! Descriptions and candidates of a remote that means harm, or has a bug: an error with a type or a
//! description that works, never a panic and never a connection that hangs.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use peerhall_proto::signal::{Candidate, Description, DescriptionKind};
use peerhall_rtc::error::{BadDescription, NegotiationError};
use peerhall_rtc::{
    Codec, Config, DataChannelInit, LocalTrack, OfferOptions, PeerConnection, SignalingState,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::{Builder, Runtime};

/// An offer of Chromium, with its names and addresses made up.
const CHROMIUM: &str = include_str!("rtc_hostile/chromium_offer.sdp");

/// What is done to one line of a description.
#[derive(Debug, Clone)]
enum Damage {
    Remove,
    Double,
    SwapWithNext,
    Truncate(usize),
    Replace(String),
    Byte(usize, char),
    Number(String),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::Remove),
        Just(Damage::Double),
        Just(Damage::SwapWithNext),
        (0..80_usize).prop_map(Damage::Truncate),
        "(a|m|c|o|s|t|v|x)=[ -~]{0,60}".prop_map(Damage::Replace),
        "a=(mid|msid|rtpmap|fmtp|ssrc|ssrc-group|extmap|candidate|setup|group|rid|simulcast|sctp-port|\
          sctp-init|max-message-size|ice-ufrag|ice-pwd|fingerprint|rtcp-fb):[ -~]{0,40}"
            .prop_map(Damage::Replace),
        (0..80_usize, any::<char>()).prop_map(|(at, with)| Damage::Byte(at, with)),
        "(0|-1|65535|65536|4294967295|4294967296|18446744073709551616|99999999999999999999)"
            .prop_map(Damage::Number),
    ]
}

fn apply(sdp: &str, harms: &[(usize, Damage)]) -> String {
    let mut lines: Vec<String> = sdp.lines().map(str::to_owned).collect();
    for (place, damage) in harms {
        if lines.is_empty() {
            break;
        }
        let at = place % lines.len();
        match damage {
            Damage::Remove => drop(lines.remove(at)),
            Damage::Double => {
                let line = lines.get(at).cloned().unwrap_or_default();
                lines.insert(at, line);
            }
            Damage::SwapWithNext => {
                let next = (at + 1) % lines.len();
                lines.swap(at, next);
            }
            Damage::Replace(with) => edit(&mut lines, at, |_| with.clone()),
            Damage::Truncate(length) => {
                edit(&mut lines, at, |line| line.chars().take(*length).collect());
            }
            Damage::Byte(byte, with) => edit(&mut lines, at, |line| {
                let change = |(at, old)| if at == *byte { *with } else { old };
                line.chars().enumerate().map(change).collect()
            }),
            Damage::Number(with) => edit(&mut lines, at, |line| {
                let digits = |c: char| c.is_ascii_digit();
                let Some(from) = line.find(digits) else { return line.to_owned() };
                let (head, tail) = line.split_at(from);
                format!("{head}{with}{}", tail.trim_start_matches(digits))
            }),
        }
    }
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

fn edit(lines: &mut [String], at: usize, change: impl FnOnce(&str) -> String) {
    if let Some(line) = lines.get_mut(at) {
        *line = change(line);
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The connection still answers, and knows its state.
async fn alive(connection: &PeerConnection) {
    let asked = tokio::time::timeout(Duration::from_secs(30), connection.stats()).await;
    asked.expect("the connection answers");
    assert_ne!(connection.signaling_state(), SignalingState::Closed, "the connection has ended");
}

async fn offerer() -> (PeerConnection, Description) {
    let (connection, events) = PeerConnection::open(Config::default()).expect("a connection");
    tokio::spawn(drain(events));
    let init = DataChannelInit::default();
    connection.create_data_channel("x", init).await.expect("a channel");
    connection.add_track(&LocalTrack::new(Codec::Vp8, None), &["s"]).await.expect("added");
    let offer = connection.create_offer(OfferOptions::default()).await.expect("an offer");
    connection.set_local_description(offer.clone()).await.expect("our offer");
    (connection, offer)
}

async fn drain(mut events: peerhall_rtc::Events) {
    while events.next().await.is_some() {}
}

/// Takes an offer, answers it if it can, and takes it a second time.
async fn offered(sdp: String) {
    let (connection, events) = PeerConnection::open(Config::default()).expect("a connection");
    tokio::spawn(drain(events));
    for _ in 0..2 {
        let description = Description { kind: DescriptionKind::Offer, sdp: sdp.clone() };
        if connection.set_remote_description(description).await.is_ok() {
            let answer = connection.create_answer().await.expect("an answer to what was taken");
            connection.set_local_description(answer).await.expect("our answer");
        }
        alive(&connection).await;
    }
    connection.create_data_channel("x", DataChannelInit::default()).await.expect("a channel");
    alive(&connection).await;
}

/// A line that belongs to no section ends what the engine reads of a description; the sections behind it would be there
/// for us and not for the engine.
#[test]
fn a_description_of_which_only_the_first_sections_can_be_read_is_refused() {
    for line in ["s=-", "a=ssrc:1 x"] {
        runtime().block_on(refused_with(line));
    }
}

/// Before the last section.
async fn refused_with(line: &str) {
    let unreadable = |sdp: &str| {
        let (before, last) = sdp.rsplit_once("m=").expect("a section");
        format!("{before}{line}\r\nm={last}")
    };
    let refused = Err(NegotiationError::BadDescription(BadDescription::Syntax));
    let (connection, _events) = PeerConnection::open(Config::default()).expect("a connection");
    let offer = Description { kind: DescriptionKind::Offer, sdp: unreadable(CHROMIUM) };
    assert_eq!(connection.set_remote_description(offer).await, refused);
    let offer = Description { kind: DescriptionKind::Offer, sdp: CHROMIUM.to_owned() };
    connection.set_remote_description(offer).await.expect("a good one");

    let (ours, offer) = offerer().await;
    let (theirs, _events) = PeerConnection::open(Config::default()).expect("a connection");
    theirs.set_remote_description(offer).await.expect("a good offer");
    let answer = theirs.create_answer().await.expect("an answer");
    for (sdp, result) in [(unreadable(&answer.sdp), refused), (answer.sdp, Ok(()))] {
        let answer = Description { kind: DescriptionKind::Answer, sdp };
        assert_eq!(ours.set_remote_description(answer).await, result, "{line}");
    }
}

/// Which of two names counts is anybody's guess.
#[test]
fn a_section_with_two_names_is_refused() {
    runtime().block_on(async {
        let (connection, _events) = PeerConnection::open(Config::default()).expect("a connection");
        let sdp = CHROMIUM.replacen("a=mid:1", "a=mid:1\r\na=mid:0", 1);
        let offer = Description { kind: DescriptionKind::Offer, sdp };
        let refused = Err(NegotiationError::BadDescription(BadDescription::Mid));
        assert_eq!(connection.set_remote_description(offer).await, refused);
    });
}

#[test]
fn damaged_offers_are_refused_or_work() {
    let mut runner = TestRunner::new(ProptestConfig { cases: 300, ..ProptestConfig::default() });
    let harms = prop::collection::vec((0..500_usize, damage()), 0..6);
    let done = runner.run(&harms, |harms| {
        runtime().block_on(offered(apply(CHROMIUM, &harms)));
        Ok(())
    });
    assert!(done.is_ok(), "{}", done.expect_err("a failure"));
}

#[test]
fn damaged_answers_are_refused_or_work() {
    let mut runner = TestRunner::new(ProptestConfig { cases: 150, ..ProptestConfig::default() });
    let harms = prop::collection::vec((0..500_usize, damage()), 1..6);
    let done = runner.run(&harms, |harms| {
        runtime().block_on(async {
            let (ours, offer) = offerer().await;
            let (theirs, events) = PeerConnection::open(Config::default()).expect("a connection");
            tokio::spawn(drain(events));
            theirs.set_remote_description(offer).await.expect("a good offer");
            let answer = theirs.create_answer().await.expect("an answer");
            for sdp in [apply(&answer.sdp, &harms), answer.sdp] {
                let damaged = Description { kind: DescriptionKind::Answer, sdp };
                // Refused, or taken; the second is the good one, which may come too late.
                let _ = ours.set_remote_description(damaged).await;
                alive(&ours).await;
            }
        });
        Ok(())
    });
    assert!(done.is_ok(), "{}", done.expect_err("a failure"));
}

#[test]
fn candidates_of_any_shape_are_refused_or_taken() {
    let line = prop_oneof![
        any::<String>(),
        "candidate:[ -~]{0,80}",
        "candidate:1 1 (udp|tcp|x) [0-9]{1,20} ([0-9a-f.:]{1,20}|[a-z-]{1,70}.local|::ffff:1.2.3.4) \
          [0-9]{1,6} typ (host|srflx|prflx|relay|x)( [a-z]{1,8} [ -~]{0,10}){0,3}",
    ];
    let candidate = (line, any::<Option<String>>(), any::<Option<u16>>());
    let mut runner = TestRunner::new(ProptestConfig { cases: 200, ..ProptestConfig::default() });
    let done = runner.run(&prop::collection::vec(candidate, 1..30), |candidates| {
        runtime().block_on(async {
            let (connection, events) = PeerConnection::open(Config::default()).expect("a connection");
            tokio::spawn(drain(events));
            let sdp = CHROMIUM.to_owned();
            let offer = Description { kind: DescriptionKind::Offer, sdp };
            connection.set_remote_description(offer).await.expect("a good offer");
            for (candidate, name, index) in candidates {
                let candidate = Candidate {
                    candidate,
                    sdp_mid: name.clone(),
                    sdp_m_line_index: index,
                    username_fragment: name,
                };
                // Refused or taken, as long as it is answered.
                let _ = connection.add_candidate(Some(candidate)).await;
            }
            alive(&connection).await;
        });
        Ok(())
    });
    assert!(done.is_ok(), "{}", done.expect_err("a failure"));
}
