//! Finding each other, and losing each other.

use peerhall_core::{IceState, RtcInput, RtcState, Time};

use super::connection::Connection;
use super::{PcId, Task, World};
use crate::actor::ActorId;
use crate::events::Queue;

impl Connection {
    /// Enters `checking`, if there is a generation of ICE that was not tried.
    pub(super) fn starts_checking(&mut self) -> bool {
        let Some((ours, theirs)) = self.generations() else { return false };
        let pair = (ours.to_owned(), theirs.to_owned());
        if self.tried.as_ref() == Some(&pair) {
            return false;
        }
        self.tried = Some(pair);
        // Timers of the generation before do not count.
        self.linked = None;
        self.ice = IceState::Checking;
        self.state = RtcState::Connecting;
        true
    }
}

impl World {
    /// Opens or closes the way between two actors.
    pub(crate) fn set_blocked(
        &mut self,
        now: Time,
        one: ActorId,
        other: ActorId,
        blocked: bool,
        queue: &mut Queue,
    ) {
        let pair = (one.min(other), one.max(other));
        if blocked {
            self.blocked.insert(pair);
        } else {
            self.blocked.remove(&pair);
        }
        self.reconsider_all(now, queue, |owner| owner == one || owner == other);
    }

    /// Opens or closes an actor's way to everybody.
    pub(crate) fn set_isolated(&mut self, now: Time, actor: ActorId, isolated: bool, queue: &mut Queue) {
        if isolated {
            self.isolated.insert(actor);
        } else {
            self.isolated.remove(&actor);
        }
        self.reconsider_all(now, queue, |owner| owner == actor);
    }

    /// Opens all ways.
    pub(crate) fn clear_faults(&mut self, now: Time, queue: &mut Queue) {
        self.blocked.clear();
        self.isolated.clear();
        self.refuses_replace.clear();
        self.refuses_attach.clear();
        self.breaks_answers.clear();
        self.gathers_nothing.clear();
        self.reconsider_all(now, queue, |_| true);
    }

    fn reconsider_all(&mut self, now: Time, queue: &mut Queue, of: impl Fn(ActorId) -> bool) {
        let pcs: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| of(connection.owner))
            .map(|(pc, _)| *pc)
            .collect();
        for pc in pcs {
            self.reconsider(now, pc, queue);
        }
    }

    /// The connection at the other end, if both have found each other.
    pub(super) fn partner(&self, pc: PcId) -> Option<PcId> {
        let connection = self.connections.get(&pc)?;
        let (ours, theirs) = connection.generations()?;
        let other_id = *self.by_ufrag.get(theirs)?;
        let other = self.connections.get(&other_id)?;
        let pair = (connection.owner.min(other.owner), connection.owner.max(other.owner));
        let prints = |one: &Connection, other: &Connection| {
            one.remote.as_ref().is_some_and(|remote| remote.fingerprint == other.fingerprint)
        };
        let passes = !self.blocked.contains(&pair)
            && !self.isolated.contains(&connection.owner)
            && !self.isolated.contains(&other.owner);
        let known = connection.candidates.contains(theirs) || other.candidates.contains(ours);
        let found = !connection.mute.contains(ours) && !other.mute.contains(theirs);
        let agreed = other.generations() == Some((theirs, ours));
        (agreed && passes && known && found && prints(connection, other) && prints(other, connection))
            .then_some(other_id)
    }

    /// Something has changed: what follows for this connection and the one it speaks to.
    pub(super) fn reconsider(&mut self, now: Time, pc: PcId, queue: &mut Queue) {
        let theirs = self.connections.get(&pc).and_then(Connection::generations).map(|(_, theirs)| theirs);
        let other = theirs.and_then(|theirs| self.by_ufrag.get(theirs)).copied();
        for pc in [Some(pc), other].into_iter().flatten() {
            self.reconsider_one(now, pc, queue);
        }
    }

    fn reconsider_one(&mut self, now: Time, pc: PcId, queue: &mut Queue) {
        let linked = self.partner(pc).is_some();
        let timing = self.timing;
        let Some(connection) = self.connections.get_mut(&pc) else { return };
        let has_pairs = connection.has_pairs();
        if connection.linked == Some((linked, has_pairs)) && connection.judged == connection.ice {
            return;
        }
        (connection.linked, connection.judged) = (Some((linked, has_pairs)), connection.ice);
        connection.epoch += 1;
        let epoch = connection.epoch;
        let next = match (linked, connection.ice) {
            (_, IceState::New | IceState::Closed) => None,
            (true, IceState::Connected | IceState::Completed) => None,
            (true, IceState::Checking | IceState::Disconnected) => {
                Some((timing.connect, Task::IceUp(pc, epoch)))
            }
            // Failed is failed, until the next generation.
            (_, IceState::Failed) => None,
            (false, IceState::Connected | IceState::Completed) => {
                Some((timing.disconnect_after, Task::IceDown(pc, epoch)))
            }
            // Where there is nothing to try nothing fails.
            (false, IceState::Checking) if !has_pairs => None,
            (false, IceState::Checking | IceState::Disconnected) => {
                Some((timing.fail_after, Task::IceFail(pc, epoch)))
            }
        };
        if let Some((after, task)) = next {
            self.plan(queue, now + after, task);
        }
    }

    fn is_of(&self, pc: PcId, epoch: u64) -> bool {
        self.connections.get(&pc).is_some_and(|connection| connection.epoch == epoch)
    }

    pub(super) fn ice_up(&mut self, now: Time, pc: PcId, epoch: u64, queue: &mut Queue) {
        if self.is_of(pc, epoch) {
            self.change(pc, IceState::Connected, RtcState::Connected);
            self.reconsider(now, pc, queue);
            self.plan(queue, now, Task::Channels(pc));
        }
    }

    pub(super) fn ice_down(&mut self, now: Time, pc: PcId, epoch: u64, queue: &mut Queue) {
        if self.is_of(pc, epoch) {
            self.change(pc, IceState::Disconnected, RtcState::Disconnected);
            self.reconsider(now, pc, queue);
        }
    }

    pub(super) fn ice_fail(&mut self, pc: PcId, epoch: u64) {
        if self.is_of(pc, epoch) {
            self.change(pc, IceState::Failed, RtcState::Failed);
        }
    }

    fn change(&mut self, pc: PcId, ice: IceState, state: RtcState) {
        let Some(connection) = self.connections.get_mut(&pc) else { return };
        (connection.ice, connection.state) = (ice, state);
        connection.was_connected |= state == RtcState::Connected;
        self.report(pc, RtcInput::Ice(ice));
        self.report(pc, RtcInput::State(state));
    }
}
