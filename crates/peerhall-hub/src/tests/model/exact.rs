//! One shard: every client hears exactly what the reference says, step by step.

use super::reference::Reference;
use super::witness::{Item, Witness, data};
use super::{PEERS, ROOMS, Step};
use crate::tests::lab::{LINGER, Lab, Login, PAUSE, Who};

struct Run {
    lab: Lab,
    reference: Reference,
    witnesses: Vec<Witness>,
    open: Vec<usize>,
    /// What the reference says of each `send`, for the connection that sent it.
    answers: Vec<Vec<bool>>,
    numbers: usize,
}

pub(super) fn run(life: &[(Step, bool)]) {
    let lab = Lab::new();
    let reference = Reference::new(lab.now());
    let mut run =
        Run { lab, reference, witnesses: Vec::new(), open: Vec::new(), answers: Vec::new(), numbers: 0 };
    for (step, ends_turn) in life {
        run.lab.in_batch = true;
        run.take(step);
        if *ends_turn {
            run.end_turn();
        }
    }
    run.end_turn();
    for who in run.open.clone() {
        run.end(who, false);
    }
    run.advance(PAUSE + LINGER);
    run.lab.assert_empty();
}

impl Run {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Connect { peer, ours, visible, .. } => self.connect(PEERS[*peer], *ours, *visible),
            Step::Subscribe { who, room } => self.with(who, |run, who| {
                run.ask(who, 's', ROOMS[*room], "");
                run.reference.subscribe(who, ROOMS[*room]);
            }),
            Step::Unsubscribe { who, room } => self.with(who, |run, who| {
                run.ask(who, 'u', ROOMS[*room], "");
                run.reference.unsubscribe(who, ROOMS[*room]);
            }),
            Step::Publish { who, room } => self.with(who, |run, who| {
                let item = run.item(who, false);
                run.ask(who, 'p', ROOMS[*room], &data(who, item.number, &[]));
                run.reference.publish(who, ROOMS[*room], item);
            }),
            Step::Send { who, to } => self.with(who, |run, who| {
                let item = run.item(who, true);
                let rooms = run.rooms_of(who, PEERS[*to]);
                run.ask(who, 'd', PEERS[*to], &data(who, item.number, &rooms));
                let answer = run.reference.send(PEERS[*to], item);
                run.answers[who].push(answer);
            }),
            Step::Lose { who } => self.with(who, |run, who| run.end(who, true)),
            Step::Close { who } => self.with(who, |run, who| run.end(who, false)),
            Step::Kick { peer } => {
                let victims =
                    self.open.iter().filter(|who| self.witnesses[**who].peer == PEERS[*peer]).count();
                assert_eq!(self.lab.kick(PEERS[*peer]), victims);
                self.reference.kick(PEERS[*peer]);
                self.open.retain(|who| self.witnesses[*who].peer != PEERS[*peer]);
            }
            Step::Advance { ms } => self.advance(*ms),
            Step::Notes { .. } | Step::Settle => {}
        }
    }

    fn connect(&mut self, peer: &str, ours: bool, visible: bool) {
        let login = if ours { Login::new(peer).ours() } else { Login::new(peer) };
        let login = if visible { login } else { login.may(&["publish", "subscribe", "send"]) };
        let who = self.lab.open(login);
        assert_eq!(who.0, self.witnesses.len());
        self.reference.connect(peer, ours, visible);
        self.witnesses.push(Witness::new(peer, visible));
        self.answers.push(Vec::new());
        self.open.push(who.0);
    }

    fn with(&mut self, who: &usize, act: impl FnOnce(&mut Self, usize)) {
        if !self.open.is_empty() {
            let who = self.open[who % self.open.len()];
            act(self, who);
        }
    }

    fn item(&mut self, from: usize, direct: bool) -> Item {
        self.numbers += 1;
        Item { from, number: self.numbers, direct }
    }

    /// Rooms in which the sender of a direct is known. A direct that is held may arrive when its sender
    /// has gone.
    fn rooms_of(&self, who: usize, to: &str) -> Vec<String> {
        let holds = &self.reference.connections[who].rooms;
        let mut rooms = self.witnesses[who].rooms();
        rooms.retain(|room| holds.contains_key(room) && !self.reference.waits_for(to));
        rooms
    }

    fn ask(&mut self, who: usize, what: char, object: &str, data: &str) {
        self.numbers += 1;
        let id = format!("{what}{} {object}", self.numbers);
        self.witnesses[who].asks(&id);
        self.lab.text(Who(who), &super::witness::request(what, &id, object, data));
    }

    fn end(&mut self, who: usize, lost: bool) {
        if lost {
            self.lab.lose(Who(who))
        } else {
            self.lab.close(Who(who))
        }
        self.witnesses[who].gone = true;
        self.reference.end(who, lost);
        self.open.retain(|open| *open != who);
    }

    fn advance(&mut self, ms: u64) {
        self.end_turn();
        let end = self.reference.now + ms;
        while self.reference.now < end {
            let next = self.reference.deadline().unwrap_or(end).clamp(self.reference.now + 1, end);
            self.lab.advance(next - self.reference.now);
            self.reference.now = next;
            self.end_turn();
        }
    }

    fn end_turn(&mut self) {
        self.lab.in_batch = false;
        self.lab.advance(0);
        self.reference.end_turn();
        for (who, witness) in self.witnesses.iter_mut().enumerate() {
            for heard in self.lab.hear(Who(who)) {
                witness.hear(heard);
            }
            witness.assert_answered();
            let expected = &self.reference.connections[who];
            assert_eq!(witness.got, expected.gets, "messages and directs of {who} ({})", witness.peer);
            assert_eq!(witness.sends, self.answers[who], "answers to {who} ({})", witness.peer);
            assert_eq!(self.lab.is_open(Who(who)), self.open.contains(&who), "{who} ({})", witness.peer);
        }
        for who in &self.open {
            let (witness, expected) = (&self.witnesses[*who], &self.reference.connections[*who]);
            assert!(witness.places.keys().eq(expected.rooms.keys()), "rooms of {who}");
            for (room, membership) in &expected.rooms {
                let place = &witness.places[room];
                assert_eq!(place.owed, membership.due.len(), "snapshots of {room} owed to {who}");
                if place.owed == 0 && witness.visible {
                    assert_eq!(place.view.as_ref(), Some(&membership.believes), "{who}'s view of {room}");
                }
            }
        }
    }
}
