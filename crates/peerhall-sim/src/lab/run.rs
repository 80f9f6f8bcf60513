//! The clock, and what happens when.

use std::time::Duration;

use peerhall_core::{RtcInput, Time};

use super::Lab;
use crate::actor::ActorId;
use crate::events::Event;
use crate::labels::Heard;
use crate::rtc::{Parcel, Report};
use crate::seen::What;

/// A mind that wants to be woken this often at one moment has gone mad.
const MAX_SPINS: u32 = 50;

impl Lab {
    /// Lets this much time pass.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some((at, event)) = self.queue.next(until) {
            self.now = at;
            self.happen(event);
        }
        self.now = until;
    }

    /// Lets time pass until something holds, at most this long. Tells whether it came to hold.
    pub fn run_until(&mut self, limit: Duration, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let until = self.now + limit;
        loop {
            if holds(self) {
                return true;
            }
            let Some((at, event)) = self.queue.next(until) else {
                self.now = until;
                return holds(self);
            };
            self.now = at;
            self.happen(event);
        }
    }

    /// Lets the next thing happen, however far away it is. `false` when nothing is planned.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.queue.next_at() else { return false };
        if let Some((at, event)) = self.queue.next(at) {
            self.now = at;
            self.happen(event);
        }
        true
    }

    fn happen(&mut self, event: Event) {
        self.events += 1;
        match event {
            Event::Wake(actor) => self.wake(actor),
            Event::ServerTurn => self.server_turn(),
            Event::Up(wire, up) => self.arrive_up(wire, up),
            Event::Down(wire, down) => self.arrive_down(wire, down),
            Event::Token(actor, id, token) => {
                let now = self.now;
                self.actors[actor.0].mind.token(now, id, token);
                self.drain(actor);
            }
            Event::Rtc(task) => {
                self.world.run(self.now, task, &mut self.queue);
                self.deliver_reports();
            }
        }
    }

    fn wake(&mut self, id: ActorId) {
        let now = self.now;
        let actor = &mut self.actors[id.0];
        actor.wakes_at = None;
        if actor.deadline().is_some_and(|deadline| deadline <= now) {
            actor.handle_timeout(now);
            let spins = actor.deadline().is_some_and(|deadline| deadline <= now);
            actor.spins = if spins { actor.spins + 1 } else { 0 };
            if actor.spins > MAX_SPINS {
                let line = format!("{} wants to be woken again and again at {now:?}", actor.name);
                self.broken.push(line);
                return;
            }
        }
        self.drain(id);
    }

    /// Plans the moment at which an actor wants to be woken.
    pub(super) fn plan_wake(&mut self, id: ActorId) {
        let actor = &mut self.actors[id.0];
        let Some(deadline) = actor.deadline() else { return };
        if actor.spins > MAX_SPINS {
            return;
        }
        let at = deadline.max(self.now);
        if actor.wakes_at.is_none_or(|planned| at < planned) {
            actor.wakes_at = Some(at);
            self.queue.plan(at, Event::Wake(id));
        }
    }

    fn server_turn(&mut self) {
        if self.turn_at.is_some_and(|at| at <= self.now) {
            self.turn_at = None;
        }
        self.server.end_turn(self.now);
        self.flush_server();
        if let Some(at) = self.server.deadline() {
            self.plan_turn(at.max(self.now));
        }
    }

    pub(super) fn plan_turn(&mut self, at: Time) {
        if self.turn_at.is_none_or(|planned| at < planned) {
            self.turn_at = Some(at);
            self.queue.plan(at, Event::ServerTurn);
        }
    }

    /// Tells everybody what happened to their connections.
    pub(super) fn deliver_reports(&mut self) {
        loop {
            let reports = self.world.take_reports();
            if reports.is_empty() {
                return;
            }
            for report in reports {
                match report {
                    Report::Input(actor, link, input) => {
                        self.note_answer(actor, link, &input);
                        let now = self.now;
                        self.actors[actor.0].mind.rtc(now, link, input);
                        self.drain_one(actor);
                    }
                    Report::Opened(actor, channel) => {
                        if !self.labelled(actor, channel, Heard::Opened) {
                            let name = self.world.channel_name(channel);
                            let label = name.map(|name| name.label.clone()).unwrap_or_default();
                            self.see(actor, What::ChannelOpened(channel, label));
                        }
                    }
                    Report::Message(actor, channel, Parcel::Text(text)) => {
                        self.see(actor, What::ChannelMessage(channel, text));
                    }
                    Report::Message(actor, channel, Parcel::Bytes(bytes)) => {
                        self.labelled(actor, channel, Heard::Bytes(bytes));
                    }
                    Report::Message(_, _, Parcel::End) => {}
                    Report::Drained(actor, channel) => {
                        self.labelled(actor, channel, Heard::Drained);
                    }
                    Report::Closed(actor, channel) => {
                        if !self.labelled(actor, channel, Heard::Closed) {
                            self.see(actor, What::ChannelClosed(channel));
                        }
                    }
                }
            }
        }
    }

    fn note_answer(&mut self, actor: ActorId, link: peerhall_core::LinkId, input: &RtcInput) {
        let answers = matches!(
            input,
            RtcInput::OfferCreated(_)
                | RtcInput::AnswerCreated(_)
                | RtcInput::LocalSet(_)
                | RtcInput::RemoteSet(_)
        );
        if answers && let Some(calls) = self.actors[actor.0].links.get_mut(&link) {
            *calls = calls.saturating_sub(1);
        }
    }
}
