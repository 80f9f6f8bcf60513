//! What must hold.

use std::collections::HashMap;

use peerhall_core::{PeerState, RemoteKey};
use peerhall_sim::{ActorId, Lab};

use crate::life::Person;

/// Most that a mind may hold in these small worlds, as the length of its `Debug` text.
const MAX_WEIGHT: usize = 200_000;

#[derive(Default)]
pub(crate) struct Checks {
    /// How everybody called everybody else last.
    keys: HashMap<(ActorId, String), RemoteKey>,
}

impl Checks {
    /// At every moment.
    pub(crate) fn always(&mut self, lab: &Lab, people: &[Person]) -> Result<(), String> {
        if let Some(line) = lab.broken().first() {
            return Err(line.clone());
        }
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
