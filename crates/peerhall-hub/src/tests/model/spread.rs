//! Several shards and notes that are late: what every client can know must never be wrong, and when
//! all notes have arrived everybody knows everything.

use std::collections::{BTreeMap, BTreeSet};

use super::witness::{Item, Witness, data};
use super::{PEERS, ROOMS, Step};
use crate::tests::lab::{LINGER, Lab, Login, PAUSE, Who};

/// What the reference knows of a connection.
struct Connection {
    peer: &'static str,
    open: bool,
    visible: bool,
    /// When it was opened.
    since: usize,
    /// When each subscription began.
    rooms: BTreeMap<&'static str, usize>,
}

/// Something that must have arrived when all notes have, if its condition still holds then.
struct Promise {
    to: usize,
    item: Item,
    /// The subscription that it depends on; none for a direct.
    through: Option<(&'static str, usize)>,
}

struct Run {
    lab: Lab,
    shards: usize,
    witnesses: Vec<Witness>,
    connections: Vec<Connection>,
    promises: Vec<Promise>,
    /// Peers that lost a connection at any time: what is sent to them may wait, or be given up.
    lost: BTreeSet<&'static str>,
    /// Counts steps.
    clock: usize,
    /// The last step after which no note was under way.
    calm: usize,
    numbers: usize,
}

pub(super) fn run(life: &[(Step, bool)], shards: usize, seed: u64) {
    let mut lab = Lab::of(shards);
    lab.holds_notes = true;
    lab.rng.0 = seed;
    let mut run = Run {
        lab,
        shards,
        witnesses: Vec::new(),
        connections: Vec::new(),
        promises: Vec::new(),
        lost: BTreeSet::new(),
        clock: 0,
        calm: 0,
        numbers: 0,
    };
    for (step, ends_turn) in life {
        run.clock += 1;
        run.lab.in_batch = true;
        run.take(step);
        if *ends_turn {
            run.end_turn();
        }
    }
    run.settle();
    run.lab.advance(LINGER);
    run.settle();
    run.compare_views(&BTreeSet::new());
    for who in run.open() {
        run.end(who, false);
    }
    run.settle();
    run.lab.advance(LINGER);
    run.settle();
    run.lab.assert_empty();
}

impl Run {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Connect { peer, shard, ours, visible } => {
                self.connect(PEERS[*peer], *shard, *ours, *visible)
            }
            Step::Subscribe { who, room } => self.with(who, |run, who| {
                run.ask(who, 's', ROOMS[*room], "");
                let clock = run.clock;
                run.connections[who].rooms.entry(ROOMS[*room]).or_insert(clock);
            }),
            Step::Unsubscribe { who, room } => self.with(who, |run, who| {
                run.ask(who, 'u', ROOMS[*room], "");
                run.connections[who].rooms.remove(ROOMS[*room]);
            }),
            Step::Publish { who, room } => self.with(who, |run, who| run.publish(who, ROOMS[*room])),
            Step::Send { who, to } => self.with(who, |run, who| run.send(who, PEERS[*to])),
            Step::Lose { who } => self.with(who, |run, who| run.end(who, true)),
            Step::Close { who } => self.with(who, |run, who| run.end(who, false)),
            Step::Kick { peer } => {
                let victims = self.open_of(PEERS[*peer]);
                assert_eq!(self.lab.kick(PEERS[*peer]), victims.len());
                victims.into_iter().for_each(|who| self.connections[who].open = false);
            }
            Step::Advance { ms } => {
                self.end_turn();
                self.lab.advance(*ms);
                self.end_turn();
            }
            Step::Notes { count } => (0..*count).for_each(|_| _ = self.lab.deliver_one()),
            Step::Settle => {
                self.settle();
                let lost = self.lost.clone();
                self.compare_views(&lost);
            }
        }
    }

    fn connect(&mut self, peer: &'static str, shard: usize, ours: bool, visible: bool) {
        let login = Login::new(peer).on(shard % self.shards);
        let login = if ours { login.ours() } else { login };
        let login = if visible { login } else { login.may(&["publish", "subscribe", "send"]) };
        self.lab.open(login);
        let mut witness = Witness::new(peer, visible);
        witness.may_be_late = self.lost.contains(peer);
        self.witnesses.push(witness);
        let (since, rooms) = (self.clock, BTreeMap::new());
        self.connections.push(Connection { peer, open: true, visible, since, rooms });
    }

    fn publish(&mut self, who: usize, room: &'static str) {
        let item = self.item(who, false);
        self.ask(who, 'p', room, &data(who, item.number, &[]));
        for (to, connection) in self.connections.iter().enumerate().filter(|(to, _)| *to != who) {
            let matching: &[&'static str] = if room.starts_with('r') { &[room, "r*"] } else { &[room] };
            let through = matching.iter().find_map(|name| Some((*name, *connection.rooms.get(name)?)));
            if connection.open && through.is_some_and(|(_, since)| since <= self.calm) {
                self.promises.push(Promise { to, item, through });
            }
        }
    }

    fn send(&mut self, who: usize, to: &'static str) {
        let item = self.item(who, true);
        let certain = !self.lost.contains(to);
        let mut rooms = self.witnesses[who].rooms();
        rooms.retain(|room| certain && self.connections[who].rooms.contains_key(room.as_str()));
        self.ask(who, 'd', to, &data(who, item.number, &rooms));
        let targets = self.open_of(to).into_iter().filter(|to| self.connections[*to].since <= self.calm);
        let promises = targets.filter(|_| certain).map(|to| Promise { to, item, through: None });
        self.promises.extend(promises);
    }

    fn open(&self) -> Vec<usize> {
        (0..self.connections.len()).filter(|who| self.connections[*who].open).collect()
    }

    fn open_of(&self, peer: &str) -> Vec<usize> {
        self.open().into_iter().filter(|who| self.connections[*who].peer == peer).collect()
    }

    fn with(&mut self, who: &usize, act: impl FnOnce(&mut Self, usize)) {
        let open = self.open();
        if !open.is_empty() {
            act(self, open[who % open.len()]);
        }
    }

    fn item(&mut self, from: usize, direct: bool) -> Item {
        self.numbers += 1;
        Item { from, number: self.numbers, direct }
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
        self.connections[who].open = false;
        if lost {
            let peer = self.connections[who].peer;
            self.lost.insert(peer);
            // A direct that was under way at that moment is held as well.
            let of_peer = self.witnesses.iter_mut().filter(|witness| witness.peer == peer);
            of_peer.for_each(|witness| witness.may_be_late = true);
        }
    }

    fn end_turn(&mut self) {
        self.lab.in_batch = false;
        self.lab.advance(0);
        for (who, witness) in self.witnesses.iter_mut().enumerate() {
            for heard in self.lab.hear(Who(who)) {
                witness.hear(heard);
            }
            witness.assert_answered();
            witness.assert_in_order(self.lost.contains(witness.peer.as_str()));
        }
        if self.lab.notes_under_way() == 0 {
            self.calm = self.clock;
        }
    }

    /// Lets every note and every owed snapshot arrive.
    fn settle(&mut self) {
        self.end_turn();
        while self.lab.notes_under_way() > 0 || self.witnesses.iter().any(Witness::waits) {
            self.lab.settle();
            self.lab.advance(PAUSE);
            self.end_turn();
        }
        for promise in std::mem::take(&mut self.promises) {
            let to = &self.connections[promise.to];
            let holds = promise.through.is_none_or(|(room, since)| to.rooms.get(room) == Some(&since));
            let arrived = self.witnesses[promise.to].got.contains(&promise.item);
            assert!(
                arrived || !holds || !to.open,
                "{} ({}) never got {:?}",
                promise.to,
                to.peer,
                promise.item
            );
        }
    }

    /// Every view is who is there, and besides at most peers that may be back.
    fn compare_views(&self, may_be_back: &BTreeSet<&'static str>) {
        for who in self.open().into_iter().filter(|who| self.connections[*who].visible) {
            let me = &self.connections[who];
            let witness = &self.witnesses[who];
            assert!(witness.places.keys().eq(me.rooms.keys()), "rooms of {who}");
            for room in me.rooms.keys() {
                let view = witness.places[*room].view.clone().unwrap_or_default();
                let there = self.connections.iter().filter(|known| {
                    known.open && known.visible && known.peer != me.peer && known.rooms.contains_key(room)
                });
                let there: BTreeSet<String> =
                    there.map(|known| known.peer.to_owned()).filter(|_| !room.contains('*')).collect();
                assert!(view.is_superset(&there), "{who} ({}) sees {view:?} of {there:?} in {room}", me.peer);
                let besides: Vec<&String> = view.difference(&there).collect();
                let excused = besides.iter().all(|peer| may_be_back.contains(peer.as_str()));
                assert!(excused, "{who} ({}) still sees {besides:?} in {room}", me.peer);
            }
        }
    }
}
