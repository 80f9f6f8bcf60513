//! What one client can know by itself: it keeps its own view of each room as an SDK does, and notices
//! whatever no correct server ever does.

use std::collections::{BTreeMap, BTreeSet};

use crate::tests::lab::Heard;

/// One message or direct that somebody sent. Numbers grow with every frame of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) from: usize,
    pub(super) number: usize,
    pub(super) direct: bool,
}

/// A room that a client believes to be in.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Snapshots it has asked for and not got.
    pub(super) owed: usize,
    /// Everybody else in the room, once there was a snapshot.
    pub(super) view: Option<BTreeSet<String>>,
}

#[derive(Debug)]
pub(super) struct Witness {
    pub(super) peer: String,
    /// Whether it has the action `presence`.
    pub(super) visible: bool,
    pub(super) places: BTreeMap<String, Place>,
    /// Requests without an answer.
    asked: BTreeSet<String>,
    /// Messages and directs in the order of their arrival.
    pub(super) got: Vec<Item>,
    /// Answers to `send`, in order: whether it was an `ack`.
    pub(super) sends: Vec<bool>,
    welcomed: bool,
    pub(super) closed: Option<u16>,
    /// It ended the connection itself.
    pub(super) gone: bool,
    /// What is sent to its peer may have been held: its sender may have gone since.
    pub(super) may_be_late: bool,
}

/// What a direct tells about its sender when it was sent: rooms in which it had seen its snapshot.
pub(super) fn data(from: usize, number: usize, rooms: &[String]) -> String {
    serde_json::json!({ "from": from, "number": number, "rooms": rooms }).to_string()
}

impl Witness {
    pub(super) fn new(peer: &str, visible: bool) -> Self {
        Self {
            peer: peer.to_owned(),
            visible,
            places: BTreeMap::new(),
            asked: BTreeSet::new(),
            got: Vec::new(),
            sends: Vec::new(),
            welcomed: false,
            closed: None,
            gone: false,
            may_be_late: false,
        }
    }

    /// It sends a request under that id; the first letter says what it asks for, the rest after the
    /// space which room.
    pub(super) fn asks(&mut self, id: &str) {
        assert!(self.asked.insert(id.to_owned()), "the model uses an id twice: {id}");
    }

    /// Nothing may be open at the end of a turn: the hub answers at once.
    pub(super) fn assert_answered(&self) {
        assert!(
            self.closed.is_some() || self.gone || self.asked.is_empty(),
            "{} got no answer: {:?}",
            self.peer,
            self.asked
        );
    }

    /// Whether a snapshot is still to come.
    pub(super) fn waits(&self) -> bool {
        self.closed.is_none() && !self.gone && self.places.values().any(|place| place.owed > 0)
    }

    /// Section 10.3: nothing twice, and everything of one sender in its order. When directs to this
    /// peer may have waited, only its channel messages are looked at.
    pub(super) fn assert_in_order(&self, directs_may_wait: bool) {
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        for item in self.got.iter().filter(|item| !(item.direct && directs_may_wait)) {
            let before = last.insert(item.from, item.number);
            assert!(before.is_none_or(|before| before < item.number), "{} got {:?}", self.peer, self.got);
        }
        let once: BTreeSet<&Item> = self.got.iter().collect();
        assert_eq!(once.len(), self.got.len(), "{} got something twice: {:?}", self.peer, self.got);
    }

    /// Rooms in which it has seen its snapshot.
    pub(super) fn rooms(&self) -> Vec<String> {
        let seen = |(_, place): &(&String, &Place)| place.owed == 0 && place.view.is_some();
        let names = self.places.iter().filter(seen).map(|(room, _)| room);
        names.filter(|room| !room.contains('*')).cloned().collect()
    }

    /// Takes in one frame.
    pub(super) fn hear(&mut self, heard: Heard) {
        assert_eq!(self.closed, None, "a frame after the close: {heard}");
        let first = !std::mem::replace(&mut self.welcomed, true);
        assert_eq!(first, matches!(heard, Heard::Welcome { .. }), "w020: {heard}");
        match heard {
            Heard::Welcome { peer, .. } => assert_eq!(peer, self.peer),
            Heard::Ack(id) => self.acknowledged(&id),
            Heard::Error { code, id } => {
                let id = id.expect("w099: every request had an id");
                assert!(self.asked.remove(&id), "a second answer to {id}");
                assert!(id.starts_with('d') && code == "peer_not_found", "{code} for {id}");
                self.sends.push(false);
            }
            Heard::Message { channel, from, data, .. } => {
                let named = self.places.contains_key(&channel);
                let matched = channel.starts_with('r') && self.places.contains_key("r*");
                assert!(named || matched, "w044: {} gets a message of {channel} from {from}", self.peer);
                let (item, _) = read(&data, false);
                self.got.push(item);
            }
            Heard::Direct { from, data, .. } => {
                let (item, rooms) = read(&data, true);
                self.assert_knows(&from, &rooms);
                self.got.push(item);
            }
            Heard::Presence { channel, joined, left } => {
                let names = |list: Vec<_>| list.into_iter().map(|entry: crate::tests::lab::Entry| entry.peer);
                self.presence(&channel, names(joined).collect(), names(left).collect());
            }
            Heard::Closed(code) => self.closed = Some(code),
            Heard::GoingAway(_) | Heard::IceServers(_) | Heard::Pong(_) => panic!("nobody asked for {heard}"),
        }
    }

    fn acknowledged(&mut self, id: &str) {
        assert!(self.asked.remove(id), "a second answer to {id}");
        let room = id.split_once(' ').map(|(_, room)| room.to_owned());
        match (id.chars().next(), room) {
            (Some('s'), Some(room)) => {
                self.places.entry(room).or_default().owed += usize::from(self.visible);
            }
            (Some('u'), Some(room)) => drop(self.places.remove(&room)),
            (Some('d'), _) => self.sends.push(true),
            _ => {}
        }
    }

    /// Section 9.2: a direct that was sent after the sender's snapshot finds its sender known.
    fn assert_knows(&self, from: &str, rooms: &[String]) {
        if from == self.peer || self.may_be_late {
            return;
        }
        for room in rooms {
            let Some(place) = self.places.get(room).filter(|place| place.owed == 0) else { continue };
            let Some(view) = &place.view else { continue };
            assert!(view.contains(from), "w075: {} does not know {from} in {room} yet", self.peer);
        }
    }

    fn presence(&mut self, channel: &str, joined: BTreeSet<String>, left: BTreeSet<String>) {
        let me = &self.peer;
        let place =
            self.places.get_mut(channel).unwrap_or_else(|| panic!("w044: presence of {channel} for {me}"));
        assert!(self.visible, "w085: {me} has no right to presence");
        if place.owed > 0 {
            assert!(left.is_empty(), "w078: {me} gets a delta of {channel} before its snapshot");
            place.owed -= 1;
            place.view = Some(joined);
            return;
        }
        let view =
            place.view.as_mut().unwrap_or_else(|| panic!("w078: no snapshot of {channel} came to {me}"));
        assert!(joined.is_empty() != left.is_empty(), "an empty delta, or one of both kinds");
        for peer in joined {
            assert!(view.insert(peer.clone()), "{me} is told of {peer} in {channel} twice");
        }
        for peer in left {
            assert!(view.remove(&peer), "{me} is told that {peer}, which it does not know, left {channel}");
        }
    }
}

fn read(data: &str, direct: bool) -> (Item, Vec<String>) {
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let number = |name: &str| usize::try_from(data[name].as_u64().unwrap()).unwrap();
    let rooms = data["rooms"].as_array().unwrap().iter().map(|room| room.as_str().unwrap().to_owned());
    (Item { from: number("from"), number: number("number"), direct }, rooms.collect())
}

/// The text of a request: `s`ubscribe, `u`nsubscribe, `p`ublish or `d`irect.
pub(super) fn request(what: char, id: &str, object: &str, data: &str) -> String {
    let body = match what {
        's' => format!(r#""type":"subscribe","channel":{object:?}"#),
        'u' => format!(r#""type":"unsubscribe","channel":{object:?}"#),
        'p' => format!(r#""type":"publish","channel":{object:?},"data":{data}"#),
        _ => format!(r#""type":"send","to":{object:?},"data":{data}"#),
    };
    format!(r#"{{{body},"requestId":{id:?}}}"#)
}
