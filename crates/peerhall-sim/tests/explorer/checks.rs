//! What must hold.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use peerhall_core::{PeerState, RemoteKey, Time};
use peerhall_sim::{ActorId, Lab};

use crate::life::Person;

/// Most that a mind may hold in these small worlds, as the length of its `Debug` text.
const MAX_WEIGHT: usize = 200_000;

/// Who saw whom go, and when.
type Departures = Rc<RefCell<Vec<(Time, ActorId, String)>>>;

/// Whoever was in the room this shortly before a departure was told is within the server's 15 s of
/// patience, whatever happened in between.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often is looked.
pub(crate) const STEP: Duration = Duration::from_millis(500);

pub(crate) struct Checks {
    /// Whether the server knows after a crash who was there.
    remembers: bool,
    /// Since when the server has had everybody in the room, absences within its patience left out, and
    /// when it was so last.
    present: HashMap<ActorId, (Time, Time)>,
    /// When somebody's socket was seen stalled last: what it hears then is old.
    stalled: HashMap<ActorId, Time>,
    departures: Departures,
    /// How everybody called everybody else last.
    keys: HashMap<(ActorId, String), RemoteKey>,
}

impl Checks {
    pub(crate) fn new(remembers: bool) -> Self {
        Self {
            remembers,
            present: HashMap::new(),
            stalled: HashMap::new(),
            departures: Departures::default(),
            keys: HashMap::new(),
        }
    }

    pub(crate) fn departures(&self) -> Departures {
        self.departures.clone()
    }

    /// Nobody is called gone who was there a moment ago and wants to be there, by somebody of whom the
    /// same holds.
    fn nobody_goes_by_mistake(&mut self, lab: &Lab, people: &[Person]) -> Result<(), String> {
        for (at, witness, id) in self.departures.take() {
            let recently = |who: ActorId| {
                self.present
                    .get(&who)
                    .is_some_and(|(since, last)| at - *last < PATIENCE && at - *since > PATIENCE)
            };
            let stays = |person: &&Person| {
                let alive = person.foreign
                    || matches!(lab.state(person.id), PeerState::Joined | PeerState::Reconnecting);
                alive && !person.leaves && !person.doomed && recently(person.id)
            };
            let gone = people.iter().find(|person| own_id(lab, person) == id).filter(stays);
            let hears_late = self.stalled.get(&witness).is_some_and(|last| at - *last < STEP * 2);
            let witness = people.iter().find(|person| person.id == witness && !hears_late).filter(stays);
            if let (Some(gone), Some(witness), true) = (gone, witness, self.remembers) {
                return Err(format!("{} calls {} gone at {:?}", witness.name, gone.name, at.since_start()));
            }
        }
        for person in people {
            if lab.is_stalled(person.id) {
                self.stalled.insert(person.id, lab.now());
            }
            if lab.members(person.room).contains(&own_id(lab, person)) {
                let now = lab.now();
                let (since, last) = self.present.entry(person.id).or_insert((now, now));
                if now - *last > PATIENCE {
                    *since = now;
                }
                *last = now;
            }
        }
        Ok(())
    }

    /// At every moment.
    pub(crate) fn always(&mut self, lab: &Lab, people: &[Person]) -> Result<(), String> {
        if let Some(line) = lab.broken().first() {
            return Err(line.clone());
        }
        self.nobody_goes_by_mistake(lab, people)?;
        for person in people.iter().filter(|person| !person.foreign) {
            let mut present = HashMap::new();
            for remote in lab.core(person.id).remotes() {
                let id = remote.id.to_string();
                if id == person.name {
                    return Err(format!("{} meets itself", person.name));
                }
                if present.insert(id.clone(), remote.key).is_some() {
                    return Err(format!("{} has {id} twice", person.name));
                }
            }
            for (id, key) in &present {
                let known = self.keys.insert((person.id, id.clone()), *key);
                if known.is_some_and(|known| known.0 > key.0) {
                    return Err(format!("{} calls {id} by an old key", person.name));
                }
            }
            let closed = lab.state(person.id) == PeerState::Closed;
            if closed && !present.is_empty() {
                return Err(format!("{} is closed and has remote peers", person.name));
            }
        }
        Ok(())
    }

    /// Once faults have ended, and a while has passed.
    pub(crate) fn at_rest(&mut self, lab: &Lab, people: &[Person]) -> Result<(), String> {
        for person in people.iter().filter(|person| !person.foreign) {
            let state = lab.state(person.id);
            match state {
                PeerState::Joined | PeerState::Closed | PeerState::Idle => {}
                PeerState::Joining | PeerState::Reconnecting | PeerState::Leaving => {
                    return Err(format!("{} is still {state}", person.name));
                }
            }
            if state == PeerState::Joined {
                self.presence_agrees(lab, person)?;
                all_connected(lab, person, people)?;
            }
            let weight = lab.weight(person.id);
            if weight > MAX_WEIGHT {
                return Err(format!("{} holds {weight} bytes", person.name));
            }
        }
        Ok(())
    }

    fn presence_agrees(&self, lab: &Lab, person: &Person) -> Result<(), String> {
        let own = lab.core(person.id).peer_id().map(ToString::to_string).unwrap_or_default();
        let members = lab.members(person.room);
        let expected: Vec<_> = members.iter().filter(|id| **id != own).cloned().collect();
        let present = lab.remotes(person.id);
        if !members.contains(&own) {
            return Err(format!("{} is joined, and the server does not know it", person.name));
        }
        if present != expected {
            return Err(format!("{} sees {present:?}, the server says {expected:?}", person.name));
        }
        Ok(())
    }

    /// When everybody has left.
    pub(crate) fn at_the_end(&mut self, lab: &Lab, people: &[Person]) -> Result<(), String> {
        for person in people.iter().filter(|person| !person.foreign) {
            if lab.state(person.id) != PeerState::Closed {
                return Err(format!("{} does not close", person.name));
            }
            let unanswered = lab.unanswered(person.id);
            if !unanswered.is_empty() {
                return Err(format!("{} never answers {unanswered:?}", person.name));
            }
        }
        Ok(())
    }
}

fn own_id(lab: &Lab, person: &Person) -> String {
    if person.foreign {
        return person.name.clone();
    }
    lab.core(person.id).peer_id().map(ToString::to_string).unwrap_or_default()
}

/// Whoever has something to send is connected to everybody in the room.
fn all_connected(lab: &Lab, person: &Person, people: &[Person]) -> Result<(), String> {
    for other in people.iter().filter(|other| other.id != person.id && other.room == person.room) {
        let other_is_there = other.foreign || lab.state(other.id) == PeerState::Joined;
        let id = if other.foreign {
            other.name.clone()
        } else {
            lab.core(other.id).peer_id().map(ToString::to_string).unwrap_or_default()
        };
        let (Some(remote), true) = (lab.remote(person.id, &id), other_is_there) else { continue };
        let own = lab.core(person.id).peer_id().map(ToString::to_string).unwrap_or_default();
        if lab.negotiates(person.id, &id) && !lab.is_connected(person.id, &id) {
            return Err(format!(
                "{} is not connected to {id}, but {}: {}",
                person.name,
                remote.state,
                lab.describe(person.id, &id)
            ));
        }
        if lab.negotiates(person.id, &id) && !lab.is_connected(other.id, &own) {
            return Err(format!(
                "{id} is not connected to {}: {}",
                person.name,
                lab.describe(other.id, &own)
            ));
        }
    }
    Ok(())
}
