//! Keeps an attack's connections at work and counts what the server answers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use peerhall_load::crowd::{Crowd, Event, Inbox, PeerKey};

use super::attack::Attack;
use crate::failed::{Doing, Failed};
use crate::keys::Keys;
use crate::server::Server;

/// How often a server's answers were seen: `error malformed_message`, `closed 1009`, `http 431`.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn count(&mut self, answer: String) {
        *self.0.entry(answer).or_default() += 1;
    }

    /// Whether an answer was seen at all.
    pub(super) fn saw(&self, answer: &str) -> bool {
        self.0.contains_key(answer)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen: Vec<String> = self.0.iter().map(|(answer, count)| format!("{answer} x {count}")).collect();
        f.write_str(&seen.join(", "))
    }
}

/// An attack under way. Not more than a turn's worth of anything is kept here.
pub(in crate::scenario) struct Attacker {
    pub(super) crowd: Crowd,
    pub(super) tally: Tally,
    attack: Attack,
    keys: Keys,
    random: fastrand::Rng,
    /// Connections that may speak, each with the number of times it has spoken.
    speaking: Vec<(PeerKey, u64)>,
    open: usize,
}

impl Attacker {
    pub(in crate::scenario) fn new(
        server: &Server,
        attack: &Attack,
        random: fastrand::Rng,
    ) -> Result<Self, Failed> {
        let mut crowd = Crowd::new(server.address()).doing("an event queue")?;
        crowd.set_sources(attack.sources);
        Ok(Self {
            crowd,
            tally: Tally::default(),
            attack: *attack,
            keys: server.keys().clone(),
            random,
            speaking: Vec::new(),
            open: 0,
        })
    }

    /// Attacks until `end`.
    pub(in crate::scenario) fn go_on(&mut self, end: Instant) -> Result<(), Failed> {
        let mut inbox = Inbox::new();
        let mut next = Instant::now();
        while Instant::now() < end {
            self.fill_up();
            if Instant::now() >= next {
                next = Instant::now() + self.attack.every;
                self.speak();
            }
            let wait = next.saturating_duration_since(Instant::now()).min(Duration::from_millis(20));
            self.crowd.poll(Some(wait), &mut inbox).doing("waiting for sockets")?;
            for event in &inbox {
                self.event(&event);
            }
        }
        Ok(())
    }

    /// Opens connections in place of those that have ended, a hundred in a turn.
    fn fill_up(&mut self) {
        for _ in self.open..self.attack.connections.min(self.open + self.attack.per_turn) {
            let dial = (self.attack.dial)(&self.keys, &mut self.random);
            let Ok(key) = self.crowd.open_with(&dial) else { return };
            self.open += 1;
            if self.attack.at_once {
                self.speaking.push((key, 0));
            }
            if self.attack.is_deaf {
                self.crowd.leave_pings_unanswered(key);
            }
        }
    }

    fn speak(&mut self) {
        let mut speaking = std::mem::take(&mut self.speaking);
        speaking.retain_mut(|(key, spoken)| {
            (self.attack.speak)(&mut self.crowd, *key, *spoken, &mut self.random);
            *spoken += 1;
            let there = self.crowd.is_there(*key);
            // A connection that ends itself is no event.
            self.open -= usize::from(!there && self.attack.hangs_up);
            there
        });
        self.speaking = speaking;
    }

    fn event(&mut self, event: &Event<'_>) {
        match *event {
            Event::Open(key) => {
                self.tally.count("welcomed".to_owned());
                self.speaking.push((key, 0));
            }
            Event::Text(_, text) => {
                let text = String::from_utf8_lossy(text);
                if let Some((_, code)) = text.split_once(r#""code":""#)
                    && text.starts_with(r#"{"type":"error""#)
                {
                    self.tally.count(format!("error {}", code.split('"').next().unwrap_or_default()));
                }
            }
            Event::Pong(_) => self.tally.count("pong".to_owned()),
            Event::Refused(_, status) => self.ended(format!("http {status}")),
            Event::Closed(_, Some(code)) => self.ended(format!("closed {code}")),
            Event::Closed(_, None) => self.ended("ended".to_owned()),
            Event::Failed(..) => self.ended("reset".to_owned()),
            Event::Binary(..) => {}
        }
    }

    fn ended(&mut self, how: String) {
        self.open = self.open.saturating_sub(1);
        self.tally.count(how);
    }
}
