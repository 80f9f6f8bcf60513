//! Every scenario, small, against a server in this process: nothing is lost, and what is printed can
//! be read.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

use peerhall_load::bench::{self, Options};
use peerhall_load::report::Figure;
use peerhall_load::scenario::{Conditions, Scenario};
use peerhall_load::subject::{Subject, Target};
use peerhall_server::testing::TestServer;

/// The figures of one scenario.
fn measure(scenario: Scenario) -> Vec<Figure> {
    let server = TestServer::with(|config| config.limits.frames_per_second = None);
    let url =
        format!("ws://{}/v1?key={}&client=peerhall-load", server.addr(), server.publishable().id.as_str());
    let subject = Subject::Running(Target::parse(&url, Some(std::process::id())).unwrap());
    let seed = peerhall_load::random_seed();
    let conditions = Conditions { seed, ..Conditions::default() };
    let options = Options { scenarios: vec![scenario], conditions, ..Options::smoke() };
    let mut figures = Vec::new();
    let keep = |figure: &Figure| {
        figures.push(figure.clone());
        Ok(())
    };
    bench::run(&subject, &options, keep).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    for figure in &figures {
        assert_eq!(figure.lost, 0, "seed {seed}: {figure:?}");
        let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(figure).unwrap()).unwrap();
        assert_eq!(json["seed"], seed);
    }
    figures
}

fn names(figures: &[Figure]) -> Vec<&str> {
    figures.iter().map(|figure| figure.figure.as_str()).collect()
}

#[test]
fn connections_are_counted_and_none_fails() {
    let figures = measure(Scenario::Connect);
    assert_eq!(names(&figures), ["connect"]);
    assert!(figures[0].per_second.unwrap() > 0.0);
}

#[test]
fn a_fan_out_is_measured_for_two_crowds_and_two_backlogs() {
    let figures = measure(Scenario::Fanout);
    assert_eq!(names(&figures), ["fanout-5-w1", "fanout-5-w32", "fanout-20-w1", "fanout-20-w32"]);
    assert!(figures.iter().all(|figure| figure.per_second.unwrap() > 0.0), "{figures:?}");
}

#[test]
fn rooms_and_directs_are_delivered_and_acknowledged() {
    assert_eq!(names(&measure(Scenario::Rooms)), ["rooms-5x4"]);
    assert_eq!(names(&measure(Scenario::Direct)), ["direct"]);
}

#[test]
fn a_crowd_that_joins_at_once_knows_itself() {
    let figures = measure(Scenario::Join);
    assert_eq!(names(&figures), ["join-20"]);
    assert!(figures[0].frames.unwrap() >= 20.0, "everybody hears at least once: {figures:?}");
}

#[test]
fn latencies_are_in_order() {
    let figures = measure(Scenario::Latency);
    let [figure] = figures.as_slice() else { panic!("{figures:?}") };
    let [p50, p90, p99, max] =
        [figure.p50_micros, figure.p90_micros, figure.p99_micros, figure.max_micros].map(Option::unwrap);
    // No message crosses two sockets and a server in less than a microsecond.
    assert!(1.0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= max, "{figure:?}");
}

#[test]
fn an_idle_crowd_stays_and_leaves() {
    let figures = measure(Scenario::Idle);
    assert_eq!(names(&figures), ["idle-40"]);
    assert_eq!(figures[0].kib_per_connection.is_some(), cfg!(target_os = "linux"));
}
