//! What goes wrong, and what is mended.

use std::time::Duration;

use peerhall_core::{CloseCode, LinkId, Time};
use peerhall_hub::Ended;
use serde_json::Value;

use super::{Lab, Tamper};
use crate::actor::ActorId;
use crate::events::Event;
use crate::network::{Dialling, Down, Up, Weather, WireId};
use crate::server::ServerState;

impl Lab {
    /// Breaks somebody's sockets: both sides hear of it, and what was under way is lost.
    pub fn cut(&mut self, actor: ActorId) {
        for wire in self.actors[actor.0].wires.clone() {
            self.break_wire(wire, CloseCode(1006), self.now);
        }
    }

    fn break_wire(&mut self, id: WireId, code: CloseCode, client_at: Time) {
        let wire = &mut self.wires[id.0];
        wire.broken = true;
        wire.stalled = false;
        self.queue.plan(
            client_at,
            Event::Down(id, Down::Closed { code, reason: String::new(), http_status: None }),
        );
        self.queue.plan(self.now, Event::Up(id, Up::Lost));
    }

    /// Nothing gets through on somebody's sockets any more, and nobody says so. The server gives up after
    /// 45 s of silence.
    pub fn stall(&mut self, actor: ActorId) {
        for wire in self.actors[actor.0].wires.clone() {
            if !std::mem::replace(&mut self.wires[wire.0].stalled, true) {
                self.plan_server_patience(wire);
            }
        }
    }

    /// What was stuck gets through after all.
    pub fn resume(&mut self, actor: ActorId) {
        for id in self.actors[actor.0].wires.clone() {
            let wire = &mut self.wires[id.0];
            if !std::mem::replace(&mut wire.stalled, false) {
                continue;
            }
            let (ups, downs) = (std::mem::take(&mut wire.held_up), std::mem::take(&mut wire.held_down));
            if wire.server_done {
                // The server has given it up, and says so to whatever comes.
                self.break_wire(id, CloseCode(1006), self.now);
                continue;
            }
            // Before what is still under way.
            ups.into_iter().for_each(|up| self.arrive_up(id, up));
            downs.into_iter().for_each(|down| self.arrive_down(id, down));
        }
    }

    /// The server closes somebody's connection with this code.
    pub fn close_by_server(&mut self, actor: ActorId, code: CloseCode, reason: &str) {
        for id in self.actors[actor.0].wires.clone() {
            let wire = &mut self.wires[id.0];
            wire.server_done = true;
            if let Some(conn) = wire.conn {
                self.server.closed(self.now, conn, Ended::ByServer(code));
            }
            self.down(id, Down::Closed { code, reason: reason.to_owned(), http_status: None });
        }
        self.flush_server();
        self.plan_turn(self.now);
    }

    /// An administrator ends all connections of a peer (4020). Tells how many there were.
    pub fn kick(&mut self, peer: &str) -> usize {
        let count = self.server.kick(self.now, peer);
        self.flush_server();
        self.plan_turn(self.now);
        count
    }

    /// The server's process dies. Clients hear of it at once.
    pub fn crash(&mut self) {
        for wire in self.server.crash() {
            self.wires[wire.0].server_done = true;
            let at = self.now + self.weather_of(self.wires[wire.0].actor).latency;
            self.break_wire(wire, CloseCode(1006), at);
        }
        self.turn_at = None;
    }

    /// The server tells everybody to stay away for so long, closes all sockets with 1001, and ends.
    pub fn drain_server(&mut self, retry_after: Duration) {
        let open = self.server.drain(retry_after);
        self.flush_server();
        for (conn, wire) in open {
            self.wires[wire.0].server_done = true;
            let code = CloseCode::GOING_AWAY;
            self.down(wire, Down::Closed { code, reason: "server stops".to_owned(), http_status: None });
            self.server.closed(self.now, conn, Ended::Drained);
        }
        self.flush_server();
        self.server.crash();
        self.turn_at = None;
    }

    /// A new process of the server, with what the old one wrote down.
    pub fn start_server(&mut self) {
        if self.server.state == ServerState::Down {
            self.server.start(self.now);
            self.flush_server();
            self.plan_turn(self.now);
        }
    }

    /// Whether the server is there.
    #[must_use]
    pub fn server_state(&self) -> ServerState {
        self.server.state
    }

    /// How messages travel from now on.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// How somebody's messages travel from now on; `None`: like everybody's.
    pub fn set_weather_of(&mut self, actor: ActorId, weather: Option<Weather>) {
        self.actors[actor.0].weather = weather;
    }

    /// What becomes of everybody's new sockets from now on.
    pub fn set_dialling(&mut self, dialling: Dialling) {
        self.dialling = dialling;
    }

    /// What becomes of somebody's new sockets from now on; `None`: like everybody's.
    pub fn set_dialling_of(&mut self, actor: ActorId, dialling: Option<Dialling>) {
        self.actors[actor.0].dialling = dialling;
    }

    /// Looks at every frame that reaches the server, and decides what becomes of it.
    pub fn on_up(&mut self, inspector: impl FnMut(ActorId, &Value) -> Tamper + 'static) {
        self.on_up = Some(Box::new(inspector));
    }

    /// Looks at every frame that leaves the server, and decides what becomes of it.
    pub fn on_down(&mut self, inspector: impl FnMut(ActorId, &Value) -> Tamper + 'static) {
        self.on_down = Some(Box::new(inspector));
    }

    /// Lets frames pass again.
    pub fn stop_tampering(&mut self) {
        self.on_up = None;
        self.on_down = None;
    }

    /// Sends a frame to somebody that the server knows nothing of.
    pub fn inject(&mut self, actor: ActorId, frame: &str) {
        for wire in self.actors[actor.0].wires.clone() {
            self.down(wire, Down::Text(frame.into()));
        }
    }

    /// Opens (`false`) or closes the way of media between two.
    pub fn block_media(&mut self, one: ActorId, other: ActorId, blocked: bool) {
        self.world.set_blocked(self.now, one, other, blocked, &mut self.queue);
        self.deliver_reports();
    }

    /// Opens (`false`) or closes somebody's way of media to everybody.
    pub fn isolate_media(&mut self, actor: ActorId, isolated: bool) {
        self.world.set_isolated(self.now, actor, isolated, &mut self.queue);
        self.deliver_reports();
    }

    /// Whether `replaceTrack` fails on a connection.
    pub fn refuse_replace(&mut self, actor: ActorId, link: LinkId, refuses: bool) {
        if refuses {
            self.world.refuses_replace.insert((actor, link));
        } else {
            self.world.refuses_replace.remove(&(actor, link));
        }
    }

    /// Whether `addTrack` fails for somebody.
    pub fn refuse_attach(&mut self, actor: ActorId, refuses: bool) {
        if refuses {
            self.world.refuses_attach.insert(actor);
        } else {
            self.world.refuses_attach.remove(&actor);
        }
    }

    /// How many of somebody's next own answers are refused. A connection that has refused one refuses every call
    /// after that, as Chromium's does when it cannot get over an offer that it took back.
    pub fn break_answers(&mut self, actor: ActorId, count: usize) {
        self.world.breaks_answers.insert(actor, count);
    }

    /// For how many of somebody's next generations of ICE nothing is gathered, not even their end, and nothing fails:
    /// Chromium may do so that took an offer back while it gathered.
    pub fn gather_nothing(&mut self, actor: ActorId, count: usize) {
        self.world.gathers_nothing.insert(actor, count);
    }

    /// Ends all faults: the server is up, sockets open, frames pass, media passes, tokens come.
    pub fn end_faults(&mut self) {
        self.stop_tampering();
        self.dialling = Dialling::Works;
        self.start_server();
        for id in 0..self.actors.len() {
            self.actors[id].dialling = None;
            self.actors[id].weather = None;
            self.actors[id].tokens.answer = crate::tokens::TokenAnswer::Token;
            self.resume(ActorId(id));
        }
        self.world.clear_faults(self.now, &mut self.queue);
        self.deliver_reports();
    }
}
