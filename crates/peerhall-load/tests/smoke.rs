//! Every scenario, small, against a server in this process: nothing is lost, and what is printed can
//! be read.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use peerhall_load::bench::{self, Options};
use peerhall_load::report::Figure;
use peerhall_load::scenario::{Conditions, Scenario};
use peerhall_load::subject::{Subject, Target};
use peerhall_server::testing::TestServer;

/// The figures of one scenario.
fn measure(scenario: Scenario) -> Vec<Figure> {
    measure_through(scenario, |server| server)
}

/// The figures of one scenario, with the server behind the address that `way` makes of its own.
fn measure_through(scenario: Scenario, way: impl FnOnce(SocketAddr) -> SocketAddr) -> Vec<Figure> {
    let server = TestServer::with(|config| config.limits.frames_per_second = None);
    let (addr, key) = (way(server.addr()), server.publishable().id);
    let url = format!("ws://{addr}/v1?key={}&client=peerhall-load", key.as_str());
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

/// An address behind which `server` is, whose every byte comes `late`.
fn late_by(late: Duration, server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(server).unwrap();
            carry(client.try_clone().unwrap(), server.try_clone().unwrap(), Duration::ZERO);
            carry(server, client, late);
        }
    });
    addr
}

/// Carries what comes `from` one end on `to` the other, in order, `late` after it came.
fn carry(mut from: TcpStream, mut to: TcpStream, late: Duration) {
    let (came, due) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1_024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            came.send((Instant::now() + late, buffer[..length].to_vec())).unwrap();
        }
    });
    thread::spawn(move || {
        for (at, bytes) in due {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            // An end that has gone wants no more.
            let _ = to.write_all(&bytes);
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
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
fn what_comes_late_is_not_lost() {
    // Longer than a window and the silence behind it, so that nothing has come when either ends.
    let late = Duration::from_millis(400);
    for scenario in [Scenario::Fanout, Scenario::Rooms, Scenario::Direct, Scenario::Join, Scenario::Latency] {
        for figure in measure_through(scenario, |server| late_by(late, server)) {
            // `measure` has seen that nothing is lost; late it was all the same.
            assert!(figure.p50_micros.is_none_or(|p50| p50 >= 4e5), "{figure:?}");
        }
    }
}

#[test]
fn an_idle_crowd_stays_and_leaves() {
    let figures = measure(Scenario::Idle);
    assert_eq!(names(&figures), ["idle-40"]);
    assert_eq!(figures[0].kib_per_connection.is_some(), cfg!(target_os = "linux"));
}
