//! P19, second half: a wall clock that jumps disconnects nobody whose token has not truly run out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use peerhall_load::crowd::{Crowd, Event, Inbox};
use serde_json::Value;

use super::Scenario;
use crate::failed::{Doing, Failed};
use crate::fleet::Fleet;
use crate::keys;
use crate::plan::Plan;
use crate::server::{Server, Settings};
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "clock",
    promise: "P19",
    about: "the wall clock jumps 30 days forth and back (libfaketime): only a token that truly ends ends a session",
    own_network: None,
    run,
};

const ROOM: usize = 4;

/// Seconds of a day.
const DAY: f64 = 24.0 * 3_600.0;

/// Life of the tokens that do run out, in seconds, counted from before the first jump.
const SHORT_LIFE: u64 = 6;

/// Where Debian puts the library; the middle is the machine's triplet.
const LIBRARIES: &str = "/usr/lib";

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let clients = plan.pick(400, 40);
    let rest = plan.pick(Duration::from_secs(10), Duration::from_millis(700));
    let offsets = tempfile::TempDir::new().doing("a folder for the clock")?;
    let offset = offsets.path().join("offset");
    set(&offset, "+0")?;
    let server = Settings::of(&plan.binary)
        .with("LD_PRELOAD", library()?)
        .with("FAKETIME_TIMESTAMP_FILE", offset.as_os_str())
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .start()?;
    let mut fleet = Fleet::new(server.address(), ROOM, plan.random())?;
    // Tokens of a day end in the eyes of a clock that jumps; they have not ended.
    for number in 0..clients {
        let peer = format!("peer-{number}");
        let token = server.keys().token(&peer, 24 * 3_600)?;
        fleet.add(format!("/v1?token={token}"), peer, format!("room-{}", number / ROOM));
    }
    let filled = fleet.run(Instant::now() + Duration::from_secs(30), |fleet| fleet.complete() == clients)?;
    let mut short = Fleet::new(server.address(), 1, plan.random())?;
    let token = server.keys().token("short", SHORT_LIFE)?;
    short.add(format!("/v1?token={token}"), "short".into(), "short".into());
    let expires = Instant::now() + Duration::from_secs(SHORT_LIFE);
    let seated = short.run(Instant::now() + Duration::from_secs(5), |fleet| fleet.complete() == 1)?;

    let mut verdict = Verdict::default();
    verdict.note("clients", clients);
    verdict.holds("rooms fill", filled && seated);
    let mut newcomers = Fleet::new(server.address(), 1, plan.random())?;
    for (jump, expected) in [("+30d", 30.0), ("-30d", -30.0), ("+0", 0.0)] {
        set(&offset, jump)?;
        // Half a day of difference is far more than a slow machine adds.
        let days = (server_time(&server)? - keys::unix_secs() as f64) / DAY;
        verdict
            .holds(&format!("the server's clock is off by {expected} days"), (days - expected).abs() < 0.5);
        let known = newcomers.len() + 1;
        newcomers.add(server.keys().anonymous(), String::new(), format!("new-{known}"));
        let welcome =
            newcomers.run(Instant::now() + Duration::from_secs(10), |fleet| fleet.complete() == known)?;
        verdict.holds(&format!("a newcomer gets in at {jump}"), welcome);
        fleet.run(Instant::now() + rest, |_| false)?;
    }
    verdict.exactly("disconnected by the jumps", fleet.losses() + newcomers.losses(), 0);
    verdict.exactly("announced as gone", fleet.left().len(), 0);

    let limit = expires.max(Instant::now()) + Duration::from_secs(10);
    short.run(limit, |fleet| fleet.losses() > 0)?;
    verdict.holds("the token that truly ended ended its session with 4002", short.codes() == [Some(4002)]);
    verdict.exactly("panics", server.panics(), 0);
    Ok(verdict)
}

/// The time that the server tells a newcomer, in Unix seconds.
fn server_time(server: &Server) -> Result<f64, Failed> {
    let mut crowd = Crowd::new(server.address()).doing("an event queue")?;
    crowd.open(&server.keys().anonymous()).doing("a socket")?;
    let mut inbox = Inbox::new();
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        crowd.poll(Some(Duration::from_millis(50)), &mut inbox).doing("waiting for a socket")?;
        for event in &inbox {
            if let Event::Text(_, text) = event {
                let welcome: Value = serde_json::from_slice(text).doing("a welcome")?;
                let time = welcome.get("serverTime").and_then(Value::as_f64);
                return time.ok_or_else(|| Failed::new("no time in the welcome"));
            }
        }
    }
    Err(Failed::new("no welcome within 10 s"))
}

fn set(offset: &Path, words: &str) -> Result<(), Failed> {
    // Replaced in one step: the server reads the file at any moment.
    let fresh = offset.with_extension("new");
    fs::write(&fresh, words).doing("the clock's offset")?;
    fs::rename(&fresh, offset).doing("the clock's offset")
}

fn library() -> Result<PathBuf, Failed> {
    let folders = fs::read_dir(LIBRARIES).doing(LIBRARIES)?;
    let files = folders.flatten().map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let mut there = files.filter(|file| file.is_file());
    there.next().ok_or_else(|| Failed::new("libfaketime is missing (Debian package libfaketime)"))
}
