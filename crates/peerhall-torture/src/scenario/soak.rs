//! P11: a day's work in a quarter of an hour leaves nothing behind.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use peerhall_load::crowd::{Crowd, Event, Inbox, PeerKey};

use super::Scenario;
use crate::failed::{Doing, Failed};
use crate::plan::Plan;
use crate::server::metrics::Metrics;
use crate::server::{Server, Settings, process};
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "soak",
    promise: "P11",
    about: "the events of 24 h of 10,000 users in 15 minutes: memory does not grow, nothing is left behind",
    own_network: None,
    run,
};

/// How much is done, and in what time.
#[derive(Debug, Clone, Copy)]
struct Shape {
    users: usize,
    connects: u64,
    joins: u64,
    messages: u64,
    span: Duration,
    /// From here on memory is watched.
    settled: Duration,
}

const DAY: Shape = Shape {
    users: 10_000,
    connects: 86_400,
    joins: 864_000,
    messages: 8_640_000,
    span: Duration::from_secs(15 * 60),
    settled: Duration::from_secs(5 * 60),
};

const MOMENT: Shape = Shape {
    users: 200,
    connects: 200,
    joins: 2_000,
    messages: 20_000,
    span: Duration::from_secs(6),
    settled: Duration::from_secs(2),
};

/// Users of one channel, on average.
const ROOM: usize = 4;

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let shape = plan.pick(DAY, MOMENT);
    let mut settings = Settings::of(&plan.binary);
    if plan.pick(false, true) {
        settings = settings
            .with("PEERHALL_LIMITS_HANDSHAKE_TIMEOUT", "1s")
            .with("PEERHALL_PRESENCE_LINGER", "1s")
            .with("PEERHALL_LIVENESS_PING_EVERY", "2s")
            .with("PEERHALL_LIVENESS_PONG_WITHIN", "2s");
    }
    let mut server = settings.start()?;
    let descriptors = process::descriptors(server.pid())?;
    let mut soak = Soak::new(&server, shape, plan.random())?;
    soak.fill()?;
    let samples = soak.work(&server)?;
    let done = soak.done;
    drop(soak);

    let mut verdict = Verdict::default();
    verdict.exactly("connects", done.connects, shape.connects);
    verdict.exactly("joins", done.joins, shape.joins);
    verdict.exactly("messages", done.messages, shape.messages);
    verdict.note("frames received", done.received);
    verdict.exactly("connections lost", done.lost, 0);
    verdict.note("took s", done.took.as_secs());
    verdict.at_most("MiB of growth a minute", hundredths(slope(&samples)), plan.pick(0.5, 120.0));
    verdict.note("MiB at the end", samples.last().map_or(0, |(_, bytes)| *bytes as u64 >> 20));
    let handshake = Duration::from_secs(plan.pick(10, 1));
    let left = leftovers(&server, descriptors, handshake)?;
    for (name, count) in left {
        verdict.exactly(&format!("{name} left"), count, 0.0);
    }
    verdict.exactly("panics", server.panics(), 0);
    verdict.holds("the server stops in order", server.stop()?.success());
    Ok(verdict)
}

/// What the server still holds once everybody is gone, the linger and the last deadlines over. Each
/// question is itself a connection with a deadline, that of its handshake.
fn leftovers(
    server: &Server,
    descriptors: usize,
    handshake: Duration,
) -> Result<[(&'static str, f64); 5], Failed> {
    let end = Instant::now() + Duration::from_secs(90);
    loop {
        let metrics = Metrics::read(server.address())?;
        let more = process::descriptors(server.pid())? as f64 - descriptors as f64;
        let left = [
            ("connections", metrics.get("peerhall_connections")),
            ("sockets", metrics.get("peerhall_sockets")),
            ("rooms and ghosts", metrics.get("peerhall_rooms")),
            ("deadlines", metrics.get("peerhall_deadlines") - 1.0),
            ("descriptors", more),
        ];
        if left.iter().all(|(_, count)| *count <= 0.0) || Instant::now() > end {
            return Ok(left.map(|(name, count)| (name, count.max(0.0))));
        }
        std::thread::sleep(handshake + Duration::from_millis(200));
    }
}

/// Growth in MiB a minute by the line that fits the samples best.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len().max(1) as f64;
    let (mean_x, mean_y) = samples.iter().fold((0.0, 0.0), |(x, y), s| (x + s.0 / count, y + s.1 / count));
    let over = samples.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>();
    let under = samples.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>();
    if under == 0.0 { 0.0 } else { over / under * 60.0 / f64::from(1 << 20) }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[derive(Debug, Default, Clone, Copy)]
struct Done {
    connects: u64,
    joins: u64,
    messages: u64,
    received: u64,
    lost: u64,
    took: Duration,
}

/// One user: in at most one channel at a time.
#[derive(Debug, Clone, Copy)]
struct User {
    key: PeerKey,
    channel: Option<usize>,
}

struct Soak {
    shape: Shape,
    crowd: Crowd,
    inbox: Inbox,
    target: String,
    random: fastrand::Rng,
    /// The oldest first; whoever is welcomed joins at the end.
    users: VecDeque<User>,
    /// Those who said goodbye. Their sockets end with the server's answer, or with a reset when an answer
    /// to a ping crossed it.
    leaving: HashSet<PeerKey>,
    dialling: usize,
    done: Done,
}

impl Soak {
    fn new(server: &Server, shape: Shape, random: fastrand::Rng) -> Result<Self, Failed> {
        Ok(Self {
            shape,
            crowd: Crowd::new(server.address()).doing("an event queue")?,
            inbox: Inbox::new(),
            target: server.keys().anonymous(),
            random,
            users: VecDeque::new(),
            leaving: HashSet::new(),
            dialling: 0,
            done: Done::default(),
        })
    }

    /// Lets the first users in, before the clock runs.
    fn fill(&mut self) -> Result<(), Failed> {
        let end = Instant::now() + Duration::from_secs(120);
        while self.users.len() < self.shape.users {
            while self.dialling < 200 && self.users.len() + self.dialling < self.shape.users {
                self.dial()?;
            }
            self.turn(Duration::from_millis(20))?;
            if Instant::now() > end {
                return Err(Failed::new("the users did not get in within 120 s"));
            }
        }
        for user in 0..self.users.len() {
            self.join(user);
        }
        Ok(())
    }

    /// Does the day's work in even steps. Returns seconds and memory, sampled every second.
    fn work(&mut self, server: &Server) -> Result<Vec<(f64, f64)>, Failed> {
        let began = Instant::now();
        let mut samples = Vec::new();
        let mut sampled = began;
        self.done = Done::default();
        // A slow machine gets as long again; `took` tells.
        while !self.is_done() && began.elapsed() < self.shape.span * 2 {
            let share = (began.elapsed().as_secs_f64() / self.shape.span.as_secs_f64()).min(1.0);
            let due = |total: u64| (total as f64 * share) as u64;
            let (connects, joins, messages) =
                (due(self.shape.connects), due(self.shape.joins), due(self.shape.messages));
            self.step(connects, joins, messages)?;
            self.turn(Duration::from_millis(5))?;
            if began.elapsed() > self.shape.settled && sampled.elapsed() > Duration::from_secs(1) {
                sampled = Instant::now();
                let bytes = process::resident(server.pid())? as f64;
                samples.push((began.elapsed().as_secs_f64(), bytes));
            }
        }
        self.done.took = began.elapsed();
        Ok(samples)
    }

    fn is_done(&self) -> bool {
        let Done { connects, joins, messages, .. } = self.done;
        connects >= self.shape.connects && joins >= self.shape.joins && messages >= self.shape.messages
    }

    /// Catches up with what is due, a turn's worth at a time.
    fn step(&mut self, connects: u64, joins: u64, messages: u64) -> Result<(), Failed> {
        for _ in self.done.connects..connects.min(self.done.connects + 20) {
            // The oldest goes, a newcomer takes its place.
            if let Some(user) = self.users.pop_front() {
                self.crowd.close(user.key);
                self.leaving.insert(user.key);
            }
            self.dial()?;
            self.done.connects += 1;
        }
        for _ in self.done.joins..joins.min(self.done.joins + 50) {
            let user = self.random.usize(..self.users.len().max(1));
            self.join(user);
            self.done.joins += 1;
        }
        for _ in self.done.messages..messages.min(self.done.messages + 500) {
            let user = self.random.usize(..self.users.len().max(1));
            self.publish(user);
            self.done.messages += 1;
        }
        Ok(())
    }

    fn dial(&mut self) -> Result<(), Failed> {
        self.crowd.open(&self.target).doing("a user's socket")?;
        self.dialling += 1;
        Ok(())
    }

    fn join(&mut self, user: usize) {
        let channel = self.random.usize(..self.shape.users / ROOM);
        let Some(user) = self.users.get_mut(user) else { return };
        if let Some(old) = user.channel.replace(channel) {
            self.crowd.send(user.key, &format!(r#"{{"type":"unsubscribe","channel":"soak-{old}"}}"#));
        }
        self.crowd.send(user.key, &format!(r#"{{"type":"subscribe","channel":"soak-{channel}"}}"#));
    }

    fn publish(&mut self, user: usize) {
        let Some(User { key, channel: Some(channel) }) = self.users.get(user).copied() else {
            // Just let in and in no channel yet: it joins one now, and the next one speaks.
            self.join(user);
            return;
        };
        let text = format!(
            r#"{{"type":"publish","channel":"soak-{channel}","data":{{"n":{}}}}}"#,
            self.done.messages
        );
        self.crowd.send(key, &text);
    }

    fn turn(&mut self, wait: Duration) -> Result<(), Failed> {
        let mut inbox = std::mem::take(&mut self.inbox);
        self.crowd.poll(Some(wait), &mut inbox).doing("waiting for sockets")?;
        for event in &inbox {
            match event {
                Event::Text(key, text) => {
                    self.done.received += 1;
                    if text.starts_with(br#"{"type":"welcome""#) {
                        self.dialling -= 1;
                        self.users.push_back(User { key, channel: None });
                    }
                }
                Event::Closed(key, _) | Event::Refused(key, _) | Event::Failed(key, _) => {
                    self.done.lost += u64::from(!self.leaving.remove(&key));
                }
                Event::Open(_) | Event::Binary(..) | Event::Pong(_) => {}
            }
        }
        self.inbox = inbox;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_line() {
        let mib = f64::from(1 << 20);
        let samples: Vec<(f64, f64)> =
            (0..120).map(|s| (f64::from(s), mib * (7.0 + f64::from(s) / 60.0))).collect();
        assert!((slope(&samples) - 1.0).abs() < 1e-6);
        assert_eq!(slope(&[]), 0.0);
    }
}
