//! Clients that behave as the vendor's SDK does: they come back after every loss, take the first
//! presence frame after that as the whole room, and believe every `left`.
//!
//! Policy (JavaScript SDK 1.2.0): 500 ms, doubled after each failure up to 30 s, each time 20 % more or
//! less; the failures are counted anew after a `welcome`.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerhall_load::crowd::{Crowd, Event, Inbox, PeerKey, Sources};
use serde_json::Value;

use crate::failed::{Doing, Failed};

/// First delay of the ladder.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Longest delay of the ladder.
const LAST_DELAY: Duration = Duration::from_secs(30);
/// Share by which a delay is longer or shorter.
const JITTER: f64 = 0.2;

/// One client.
#[derive(Debug)]
struct Member {
    target: String,
    peer: String,
    channel: String,
    key: Option<PeerKey>,
    failures: u32,
    /// A presence frame after the welcome has been taken as the whole room.
    reconciled: bool,
    roster: BTreeSet<String>,
    /// When it last had the whole room.
    complete_at: Option<Instant>,
    lost: u32,
}

/// A `left` that one client announced to its application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Number of the client that announced it.
    pub(crate) observer: usize,
    /// Who is said to be gone.
    pub(crate) peer: String,
}

/// Many such clients in one thread.
#[derive(Debug)]
pub(crate) struct Fleet {
    crowd: Crowd,
    inbox: Inbox,
    random: fastrand::Rng,
    members: Vec<Member>,
    /// Who holds which connection, by its number.
    owners: Vec<usize>,
    retries: BinaryHeap<Reverse<(Instant, usize)>>,
    left: Vec<Left>,
    codes: Vec<Option<u16>>,
    heard: u64,
    complete: usize,
    /// Members of each room that make it whole.
    room_size: usize,
}

impl Fleet {
    /// Clients of the server at `address`; a room is whole when it has `room_size` members.
    ///
    /// # Errors
    ///
    /// When the system gives no event queue.
    pub(crate) fn new(address: SocketAddr, room_size: usize, random: fastrand::Rng) -> Result<Self, Failed> {
        Ok(Self {
            crowd: Crowd::new(address).doing("an event queue")?,
            inbox: Inbox::new(),
            random,
            members: Vec::new(),
            owners: Vec::new(),
            retries: BinaryHeap::new(),
            left: Vec::new(),
            codes: Vec::new(),
            heard: 0,
            complete: 0,
            room_size,
        })
    }

    /// Adds a client, which connects at once and joins `channel`.
    pub(crate) fn add(&mut self, target: String, peer: String, channel: String) -> usize {
        let number = self.members.len();
        self.members.push(Member {
            target,
            peer,
            channel,
            key: None,
            failures: 0,
            reconciled: false,
            roster: BTreeSet::new(),
            complete_at: None,
            lost: 0,
        });
        self.connect(number);
        number
    }

    /// Where the clients that are added from now on come from.
    pub(crate) fn come_from(&mut self, sources: Sources) {
        self.crowd.set_sources(sources);
    }

    /// Number of clients.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Every `left` that a client announced.
    pub(crate) fn left(&self) -> &[Left] {
        &self.left
    }

    /// Close codes of lost connections, in their order.
    pub(crate) fn codes(&self) -> &[Option<u16>] {
        &self.codes
    }

    /// Times that a client lost its connection.
    pub(crate) fn losses(&self) -> u32 {
        self.members.iter().map(|member| member.lost).sum()
    }

    /// Clients that lost their connection at least once.
    pub(crate) fn losers(&self) -> usize {
        self.members.iter().filter(|member| member.lost > 0).count()
    }

    /// Messages of others that clients received.
    pub(crate) fn heard(&self) -> u64 {
        self.heard
    }

    /// Clients that are connected and have the whole room.
    pub(crate) fn complete(&self) -> usize {
        self.complete
    }

    /// When each client that has the whole room had it, the earliest first.
    pub(crate) fn completions(&self) -> Vec<Instant> {
        let mut moments: Vec<Instant> = self.members.iter().filter_map(|member| member.complete_at).collect();
        moments.sort_unstable();
        moments
    }

    /// A client sends a text.
    pub(crate) fn send(&mut self, member: usize, text: &str) {
        if let Some(key) = self.members.get(member).and_then(|member| member.key) {
            self.crowd.send(key, text);
        }
    }

    /// A client falls silent without a word: it reads nothing and answers nothing.
    pub(crate) fn freeze(&mut self, member: usize) {
        if let Some(key) = self.members.get(member).and_then(|member| member.key) {
            self.crowd.leave_pings_unanswered(key);
            self.crowd.pause_reading(key);
        }
    }

    /// Goes on until `done` or until `end`. Returns whether it was done.
    ///
    /// # Errors
    ///
    /// When the event queue fails.
    pub(crate) fn run(&mut self, end: Instant, mut done: impl FnMut(&Self) -> bool) -> Result<bool, Failed> {
        loop {
            if done(self) {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= end {
                return Ok(false);
            }
            self.retry(now);
            let next = self.retries.peek().map_or(end, |Reverse((at, _))| end.min(*at));
            // Callers look at the clock too.
            let wait = next.saturating_duration_since(now).min(Duration::from_millis(50));
            let mut inbox = std::mem::take(&mut self.inbox);
            self.crowd.poll(Some(wait), &mut inbox).doing("waiting for sockets")?;
            for event in &inbox {
                self.event(&event);
            }
            self.inbox = inbox;
        }
    }

    fn retry(&mut self, now: Instant) {
        while let Some(Reverse((at, number))) = self.retries.peek().copied()
            && at <= now
        {
            self.retries.pop();
            self.connect(number);
        }
    }

    fn connect(&mut self, number: usize) {
        let Some(member) = self.members.get_mut(number) else { return };
        match self.crowd.open(&member.target) {
            Ok(key) => {
                member.key = Some(key);
                self.owners.resize(self.owners.len().max(key.index() + 1), usize::MAX);
                if let Some(owner) = self.owners.get_mut(key.index()) {
                    *owner = number;
                }
            }
            Err(_) => self.schedule(number),
        }
    }

    /// The next attempt of a client, by the ladder.
    fn schedule(&mut self, number: usize) {
        let Some(member) = self.members.get_mut(number) else { return };
        let delay = FIRST_DELAY.saturating_mul(1 << member.failures.min(10)).min(LAST_DELAY);
        let factor = 1.0 + JITTER * (2.0 * self.random.f64() - 1.0);
        member.failures += 1;
        self.retries.push(Reverse((Instant::now() + delay.mul_f64(factor), number)));
    }

    fn event(&mut self, event: &Event<'_>) {
        match *event {
            Event::Text(key, text) => self.text(key, text),
            Event::Closed(key, code) => self.ended(key, code),
            Event::Refused(key, _) | Event::Failed(key, _) => self.ended(key, None),
            Event::Open(_) | Event::Binary(..) | Event::Pong(_) => {}
        }
    }

    fn owner(&self, key: PeerKey) -> Option<usize> {
        let number = *self.owners.get(key.index())?;
        self.members.get(number).is_some_and(|member| member.key == Some(key)).then_some(number)
    }

    fn ended(&mut self, key: PeerKey, code: Option<u16>) {
        let Some(number) = self.owner(key) else { return };
        let Some(member) = self.members.get_mut(number) else { return };
        member.key = None;
        // An attempt that never got its welcome is a failure of the ladder, not a loss.
        if member.failures == 0 {
            member.lost += 1;
            self.codes.push(code);
        }
        if member.complete_at.take().is_some() {
            self.complete -= 1;
        }
        member.reconciled = false;
        self.schedule(number);
    }

    fn text(&mut self, key: PeerKey, text: &[u8]) {
        let Some(number) = self.owner(key) else { return };
        let Some(member) = self.members.get_mut(number) else { return };
        if text.starts_with(br#"{"type":"message""#) {
            self.heard += 1;
        } else if text.starts_with(br#"{"type":"welcome""#) {
            member.failures = 0;
            let subscribe =
                format!(r#"{{"type":"subscribe","channel":"{}","requestId":"s"}}"#, member.channel);
            self.crowd.send(key, &subscribe);
        } else if text.starts_with(br#"{"type":"presence""#)
            && let Ok(frame) = serde_json::from_slice::<Value>(text)
        {
            let before = usize::from(member.complete_at.is_some());
            member.presence(number, &frame, self.room_size, &mut self.left);
            self.complete = self.complete - before + usize::from(member.complete_at.is_some());
        }
    }
}

impl Member {
    fn presence(&mut self, number: usize, frame: &Value, room_size: usize, announced: &mut Vec<Left>) {
        let joined = ids(frame, "joined");
        if !self.reconciled {
            self.reconciled = true;
            let whole: BTreeSet<String> = joined.into_iter().filter(|peer| *peer != self.peer).collect();
            for peer in self.roster.difference(&whole) {
                announced.push(Left { observer: number, peer: peer.clone() });
            }
            self.roster = whole;
        } else {
            self.roster.extend(joined.into_iter().filter(|peer| *peer != self.peer));
            for peer in ids(frame, "left") {
                if self.roster.remove(&peer) {
                    announced.push(Left { observer: number, peer });
                }
            }
        }
        let is_complete = self.roster.len() + 1 >= room_size;
        self.complete_at = if is_complete { self.complete_at.or_else(|| Some(Instant::now())) } else { None };
    }
}

fn ids(frame: &Value, list: &str) -> Vec<String> {
    let entries = frame.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.get("peerId")?.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn member(roster: &[&str]) -> Member {
        Member {
            target: String::new(),
            peer: "me".into(),
            channel: "room".into(),
            key: None,
            failures: 0,
            reconciled: false,
            roster: roster.iter().map(|peer| (*peer).to_owned()).collect(),
            complete_at: None,
            lost: 0,
        }
    }

    fn presence(joined: &[&str], left: &[&str]) -> Value {
        let entries = |peers: &[&str]| peers.iter().map(|peer| json!({ "peerId": peer })).collect::<Vec<_>>();
        json!({ "type": "presence", "channel": "room", "joined": entries(joined), "left": entries(left) })
    }

    #[test]
    fn who_is_missing_from_the_first_list_after_a_return_is_announced_as_gone() {
        let mut announced = Vec::new();
        let mut member = member(&["a", "b"]);
        member.presence(7, &presence(&["me", "b", "c"], &["b"]), 3, &mut announced);
        assert_eq!(announced, [Left { observer: 7, peer: "a".into() }], "and `left` of that list is ignored");
        assert!(member.complete_at.is_some());
    }

    #[test]
    fn later_lists_are_changes() {
        let mut announced = Vec::new();
        let mut member = member(&[]);
        member.presence(0, &presence(&["me"], &[]), 3, &mut announced);
        member.presence(0, &presence(&["a", "b"], &[]), 3, &mut announced);
        assert!(announced.is_empty() && member.complete_at.is_some());
        member.presence(0, &presence(&[], &["b", "stranger"]), 3, &mut announced);
        assert_eq!(announced, [Left { observer: 0, peer: "b".into() }]);
        assert!(member.complete_at.is_none());
    }
}
