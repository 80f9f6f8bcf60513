//! P18: no secret leaves the server by any of its outputs.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use peerhall_load::crowd::{Crowd, Event, Inbox};

use super::Scenario;
use crate::failed::{Doing, Failed};
use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::server::metrics::{Metrics, get};
use crate::server::{Server, Settings};
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "canary",
    promise: "P18",
    about: "marked secrets and payloads through every door, good and bad, at the most talkative log: found nowhere",
    own_network: None,
    run,
};

const PAYLOAD: &str = "canary-payload-7f3a";
const TURN_SECRET: &str = "canary-turn-secret-51c2";
const WORD: &str = "canary-panic-word";

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let server = Settings::of(&plan.failpoints)
        .with("PEERHALL_LOG_LEVEL", "trace")
        .with("PEERHALL_TURN_EXTERNAL_URLS", "turn:127.0.0.1:3478")
        .with("PEERHALL_TURN_EXTERNAL_SECRET", TURN_SECRET)
        .with("PEERHALL_FAILPOINT", WORD);
    let mut server = server.start()?;
    let token = server.keys().token("canary", 3_600)?;
    let secret = server.keys().rest();
    let (_, secret) = secret.split_once(':').ok_or_else(|| Failed::new("no secret in the credential"))?;
    let signature = token.rsplit('.').next().unwrap_or_default().to_owned();

    let mut answers = traffic(plan, &server, &token)?;
    answers += &websocket(&server, &token, secret)?;
    answers += &rest(&server, &token, secret)?;
    answers += &get(server.address(), "/metrics", "")?;
    let metrics = Metrics::read(server.address())?;

    let mut outputs = BTreeMap::from([("answers".to_owned(), answers.into_bytes())]);
    let status = server.stop()?;
    outputs.insert("the log".to_owned(), server.log().into_bytes());
    for entry in fs::read_dir(server.folder()).doing("the data folder")? {
        let path = entry.doing("the data folder")?.path();
        outputs.insert(path.display().to_string(), fs::read(&path).unwrap_or_default());
    }
    // The folder keeps ids of keys by design; secrets in it are sealed.
    let marks = [PAYLOAD, TURN_SECRET, WORD, secret.trim_start_matches("sk_secret_"), &signature];
    let key = server.keys().publishable();
    let logged_key = server.log().contains(key);

    let mut verdict = Verdict::default();
    verdict.note("outputs", outputs.len());
    verdict.note("bytes searched", outputs.values().map(Vec::len).sum::<usize>());
    let mut hits = Vec::new();
    for (name, bytes) in &outputs {
        for mark in marks {
            if contains(bytes, mark.as_bytes()) {
                hits.push(name.as_str());
            }
        }
    }
    verdict.exactly("hits", hits.len(), 0);
    verdict.holds(&format!("no output with a secret ({})", hits.join(", ")), hits.is_empty());
    verdict.holds("no publishable key in the log", !logged_key);
    verdict.holds("the server was busy", metrics.get("peerhall_publishes_total") > 0.0);
    verdict.holds("the panic was logged", server.panics() == 1);
    verdict.holds("it stopped in order", status.success());
    Ok(verdict)
}

/// Ordinary clients that say what nobody but their room may know, and one that makes the server panic.
fn traffic(plan: &Plan, server: &Server, token: &str) -> Result<String, Failed> {
    let mut fleet = Fleet::new(server.address(), 2, plan.random())?;
    fleet.add(format!("/v1?token={token}"), "canary".into(), "room".into());
    fleet.add(server.keys().anonymous(), "other".into(), "room".into());
    let limit = Instant::now() + Duration::from_secs(20);
    let publish = |data: &str| format!(r#"{{"type":"publish","channel":"room","data":"{data}"}}"#);
    if !fleet.run(limit, |fleet| fleet.complete() == 2)? {
        return Err(Failed::new("the room did not fill"));
    }
    fleet.send(0, &publish(PAYLOAD));
    fleet.run(limit, |fleet| fleet.heard() > 0)?;
    for wrong in [
        format!(r#"{{"type":"publish","channel":7,"data":"{PAYLOAD}"}}"#),
        format!(r#"{{"type":"send","to":"nobody","data":"{PAYLOAD}"}}"#),
        format!(r#"{{"type":"{PAYLOAD}""#),
    ] {
        fleet.send(0, &wrong);
    }
    fleet.send(1, &publish(WORD));
    let panicked = fleet.run(limit, |fleet| fleet.losses() > 0)?;
    if panicked { Ok(String::new()) } else { Err(Failed::new("the binary has no failpoints")) }
}

/// Credentials at the WebSocket's door: right ones in the wrong place, and nearly right ones.
fn websocket(server: &Server, token: &str, secret: &str) -> Result<String, Failed> {
    let mut crowd = Crowd::new(server.address()).doing("an event queue")?;
    let key = server.keys().publishable();
    let targets = [
        format!("/v1?token={token}x"),
        format!("/v1?key={token}"),
        format!("/v1?token={secret}"),
        format!("/v1?key={secret}"),
        format!("/v1?key={key}x"),
        format!("/v1?key={key}&token={token}"),
        format!("/v2?token={token}"),
    ];
    for target in &targets {
        crowd.open(target).doing("a socket")?;
    }
    let mut answers = String::new();
    let mut inbox = Inbox::new();
    let end = Instant::now() + Duration::from_secs(10);
    while !crowd.is_empty() && Instant::now() < end {
        crowd.poll(Some(Duration::from_millis(50)), &mut inbox).doing("waiting for sockets")?;
        for event in &inbox {
            if let Event::Text(_, text) = event {
                answers += &String::from_utf8_lossy(text);
            }
        }
    }
    Ok(answers)
}

/// The same over REST, and what browsers and proxies do to URLs.
fn rest(server: &Server, token: &str, secret: &str) -> Result<String, Failed> {
    let mut answers = String::new();
    for credential in
        [server.keys().rest(), format!("{}x", server.keys().rest()), secret.into(), token.into()]
    {
        let header = format!("Authorization: Bearer {credential}\r\n");
        for target in ["/v1/usage", "/v1/channels/room/peers", "/v1/nowhere"] {
            answers += &get(server.address(), target, &header)?;
        }
        answers += &get(server.address(), &format!("/v1/usage?token={credential}"), "")?;
    }
    Ok(answers)
}

fn contains(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.windows(mark.len()).any(|window| window == mark)
}
