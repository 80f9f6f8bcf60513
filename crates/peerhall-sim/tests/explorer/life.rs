//! One random life: who lives in it, what they do, and what is done to them.

use std::time::Duration;

use peerhall_core::{
    CloseCode, JoinError, JoinOptions, PeerEvent, PeerOptions, PeerState, ReconnectOptions, RemoteKey,
    StateError, Time,
};
use peerhall_sim::{
    ActorId, Dialling, Lab, LabOptions, ServerState, Style, Tamper, TokenAnswer, VendorKind, Weather, What,
};
use serde_json::json;

use crate::checks::{Checks, STEP};
use crate::mail::{LABEL, Mail};

/// Rooms that are lived in.
const ROOMS: [&str; 2] = ["kitchen", "cellar"];

/// How long everything may take to come to rest once faults have ended: the longest delay between two
/// attempts to reconnect is 36 s, a restart may have to wait as long, and an answer that is lost costs
/// 15 s each time.
const REST: Duration = Duration::from_secs(240);

pub(crate) struct Life {
    pub(crate) lab: Lab,
    rng: fastrand::Rng,
    checks: Checks,
    people: Vec<Person>,
    mail: Mail,
    story: Vec<String>,
    tells: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: ActorId,
    pub(crate) name: String,
    pub(crate) room: &'static str,
    tracks: Vec<String>,
    /// It was asked to close.
    pub(crate) leaves: bool,
    /// Its end came from outside: a kick, or a credential that is refused.
    pub(crate) doomed: bool,
    pub(crate) foreign: bool,
    /// It knows labels.
    labelled: bool,
}

impl Life {
    pub(crate) fn new(seed: u64, tells: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let weather = Weather {
            latency: Duration::from_millis(rng.u64(0..150)),
            jitter: Duration::from_millis(rng.u64(0..60)),
        };
        let remembers = rng.u8(0..4) > 0;
        let options = LabOptions::seeded(seed).weather(weather).remembers(remembers).records(tells);
        Self {
            lab: Lab::new(options),
            rng,
            checks: Checks::new(remembers),
            people: Vec::new(),
            mail: Mail::default(),
            story: Vec::new(),
            tells,
        }
    }

    /// Lives it.
    pub(crate) fn live(&mut self) -> Result<(), String> {
        let count = self.rng.usize(2..6);
        (0..count).for_each(|_| self.newcomer());
        for _ in 0..self.rng.usize(5..40) {
            self.act();
            let span =
                Duration::from_millis([0, 1, 30, 200, 1_000, 4_000, 11_000, 30_000][self.rng.usize(..8)]);
            self.pass(span)?;
        }
        self.tell("faults end");
        self.lab.end_faults();
        self.pass(Duration::from_secs(60))?;
        for person in self.people.iter().filter(|person| !person.foreign) {
            self.lab.with_peer(person.id, |peer, now| peer.network_available(now));
        }
        self.pass(REST)?;
        self.help_foreigners()?;
        self.checks.at_rest(&self.lab, &self.people)?;
        self.mail.at_rest(&self.lab)?;
        self.part()
    }

    /// The vendor's SDKs take an offer that was held for them, and was meant for their connection before
    /// the last, and then refuse all that follows. Their own next reconnect is the only remedy.
    fn help_foreigners(&mut self) -> Result<(), String> {
        let foreigners: Vec<_> = self.people.iter().filter(|person| person.foreign).cloned().collect();
        for _ in 0..5 {
            if foreigners.is_empty() || self.checks.at_rest(&self.lab, &self.people).is_ok() {
                break;
            }
            for person in &foreigners {
                self.tell(&format!("another cut of {}", person.name));
                self.lab.cut(person.id);
            }
            self.pass(Duration::from_secs(47))?;
        }
        Ok(())
    }

    /// Everybody leaves; every request must have its answer then.
    fn part(&mut self) -> Result<(), String> {
        for person in self.people.clone() {
            if !person.foreign {
                self.lab.close(person.id);
            }
        }
        self.pass(Duration::from_secs(5))?;
        self.checks.at_the_end(&self.lab, &self.people)
    }

    fn pass(&mut self, span: Duration) -> Result<(), String> {
        let until = self.lab.now() + span;
        while self.lab.now() < until {
            let slice = (until - self.lab.now()).min(STEP);
            self.lab.run_for(slice);
            self.checks.always(&self.lab, &self.people)?;
            self.mail.always(&self.lab)?;
        }
        Ok(())
    }

    fn tell(&mut self, what: &str) {
        if self.tells {
            self.story.push(format!("{:?} -- {what}", self.lab.now().since_start()));
        }
    }

    /// What happened, for people.
    pub(crate) fn story(&self) -> String {
        let mut lines: Vec<(Time, String)> = Vec::new();
        for person in &self.people {
            for seen in self.lab.seen(person.id) {
                lines.push((seen.at, format!("{:?} {}: {seen}", seen.at.since_start(), person.name)));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        let seen: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        format!("{}\n{}", self.story.join("\n"), seen.join("\n"))
    }

    fn newcomer(&mut self) {
        let name = format!("{}{}", ["ann", "bob", "zoe"][self.rng.usize(..3)], self.people.len());
        let room = ROOMS[usize::from(self.rng.u8(0..5) == 0)];
        let foreign = self.rng.u8(0..6) == 0;
        let id = if foreign {
            let kind = if self.rng.bool() { VendorKind::Js } else { VendorKind::Python };
            self.lab.vendor(&name, kind, room)
        } else {
            let options = if self.rng.u8(0..4) == 0 { self.lab.key_options() } else { self.lab.options() };
            let reconnect = ReconnectOptions::default().max_attempts(None).unwrap();
            let options = PeerOptions::new(options.reconnect(Some(reconnect))).unwrap();
            let id = self.lab.peer_with(&name, options.stats_interval(None));
            let departures = self.checks.departures();
            self.lab.on_event(id, move |seen, _, _| {
                if let What::Peer(PeerEvent::PeerLeft(info)) = &seen.what {
                    departures.borrow_mut().push((seen.at, id, info.id.to_string()));
                }
                Vec::new()
            });
            self.lab.set_style(id, [Style::Trickle, Style::OwnTrackIds, Style::Whole][self.rng.usize(..3)]);
            id
        };
        let labelled = !foreign && self.rng.bool();
        if labelled {
            self.lab.open_label(id, LABEL);
        }
        self.tell(&format!("{name} comes into {room}, foreign: {foreign}, labelled: {labelled}"));
        let tracks = Vec::new();
        self.people.push(Person { id, name, room, tracks, leaves: false, doomed: false, foreign, labelled });
        let place = self.people.len() - 1;
        for _ in 0..self.rng.usize(0..3) {
            self.add_track(place);
        }
        self.join(place);
    }

    fn join(&mut self, place: usize) {
        let person = &self.people[place];
        if !person.foreign {
            let room = person.room;
            let _: Result<_, JoinError> =
                self.lab.ask(person.id, |peer, now| peer.join(now, room, JoinOptions::default()));
        }
    }

    fn add_track(&mut self, place: usize) {
        let person = &mut self.people[place];
        let kind = if self.rng.bool() { "mic" } else { "cam" };
        let track = format!("{kind}-{}-{}", person.name, person.tracks.len());
        let metadata = self.rng.bool().then(|| json!({"of": person.name}));
        if self.lab.try_add_track(person.id, &track, Some("stream"), metadata).is_ok() {
            person.tracks.push(track);
        }
    }

    fn remove_track(&mut self, place: usize) {
        let person = &mut self.people[place];
        if let Some(track) = person.tracks.pop()
            && !person.foreign
        {
            let key = self.lab.track(person.id, &track).key;
            let _: Result<(), StateError> =
                self.lab.with_peer(person.id, |peer, now| peer.remove_track(now, key));
        }
    }

    fn replace_track(&mut self, place: usize) {
        let person = &mut self.people[place];
        if let Some(track) = person.tracks.pop()
            && !person.foreign
        {
            let new = format!("{track}-new");
            if self.lab.replace_track(person.id, &track, Some(&new)).is_ok() {
                person.tracks.push(new);
            }
        }
    }

    fn open_channel(&mut self, place: usize) {
        let person = &self.people[place];
        if person.foreign {
            return;
        }
        let remotes = self.lab.core(person.id).remotes();
        if let Some(remote) = remotes.first() {
            let key: RemoteKey = remote.key;
            if let Some(channel) = self.lab.open_channel(person.id, key, "chat") {
                self.lab.with_peer(person.id, |peer, _| peer.keep_channel(key, channel));
            }
        }
    }

    /// Sends messages under a label to somebody who is there, whether that one knows labels or not.
    fn send_mail(&mut self, place: usize) {
        let person = &self.people[place];
        let remotes = if person.labelled { self.lab.remotes(person.id) } else { Vec::new() };
        if remotes.is_empty() {
            return;
        }
        let to = remotes[self.rng.usize(..remotes.len())].clone();
        for _ in 0..self.rng.usize(1..4) {
            let size = [0, 1, 16_321, 100_000, 3_000_000][self.rng.usize(..5)];
            self.mail.send(&mut self.lab, person.id, &to, size);
        }
    }

    /// Does one random thing.
    fn act(&mut self) {
        let place = self.rng.usize(..self.people.len());
        let Person { id, name, foreign, .. } = self.people[place].clone();
        let choice = self.rng.u8(0..44);
        self.tell(&format!("{choice} to {name}"));
        match choice {
            0 | 1 if self.people.len() < 7 => self.newcomer(),
            2..=5 => self.add_track(place),
            6 => self.remove_track(place),
            7 => self.replace_track(place),
            8 | 9 => self.open_channel(place),
            10..=14 => self.lab.cut(id),
            15 => self.lab.stall(id),
            16 => self.lab.resume(id),
            17 => self.lab.crash(),
            18 | 19 => self.lab.start_server(),
            20 => {
                let pause = Duration::from_millis(self.rng.u64(1..8_000));
                if self.lab.server_state() == ServerState::Up {
                    self.lab.drain_server(pause);
                }
            }
            21 => {
                let modes = [Dialling::Works, Dialling::Refused(Some(429)), Dialling::Hangs, Dialling::Mute];
                self.lab.set_dialling_of(id, Some(modes[self.rng.usize(..4)]));
            }
            22 => self.lab.set_dialling_of(id, None),
            23 if !foreign => {
                let moods = [
                    TokenAnswer::Token,
                    TokenAnswer::Fails("no".to_owned()),
                    TokenAnswer::Hangs,
                    TokenAnswer::Expired,
                ];
                self.lab.tokens(id).answer = moods[self.rng.usize(..4)].clone();
            }
            24 => self.lab.isolate_media(id, true),
            25 | 26 => self.lab.isolate_media(id, false),
            27 => {
                let other = self.people[self.rng.usize(..self.people.len())].id;
                self.lab.block_media(id, other, self.rng.bool());
            }
            28 => {
                let code = [1000, 1001, 1006, 1008, 1011, 4011, 4010][self.rng.usize(..7)];
                self.lab.close_by_server(id, CloseCode(code), "for the lab");
            }
            29 if self.rng.u8(0..3) == 0 && !foreign => {
                self.people[place].doomed = true;
                self.lab.kick(&name);
            }
            30 if self.rng.u8(0..3) == 0 && !foreign => {
                self.people[place].leaves = true;
                self.lab.close(id);
            }
            31 => self.tamper(),
            32 => self.lab.stop_tampering(),
            33 if !foreign => self.lab.with_peer(id, |peer, now| peer.network_available(now)),
            34 if !foreign && self.lab.state(id) == PeerState::Idle => self.join(place),
            35 if !foreign => drop(self.lab.send(id, json!({"n": 1}))),
            36 => self.lab.refuse_attach(id, self.rng.bool()),
            40..=43 => self.send_mail(place),
            37 if !foreign => self.lab.break_answers(id, self.rng.usize(..3)),
            _ => {
                // Everybody at once.
                for person in self.people.clone() {
                    if self.rng.bool() {
                        self.lab.cut(person.id);
                    }
                }
            }
        }
    }

    /// The server refuses, or swallows, some requests.
    fn tamper(&mut self) {
        let mut rng = self.rng.fork();
        let kind = rng.u8(0..3);
        self.lab.on_up(move |_, frame| {
            let hit = match kind {
                0 => frame["type"] == "subscribe",
                1 => frame["type"] == "send",
                _ => true,
            };
            match rng.u8(0..10) {
                0 | 1 if hit => Tamper::Refuse("backend_error".to_owned()),
                2 if hit => Tamper::Drop,
                _ => Tamper::Pass,
            }
        });
    }
}
