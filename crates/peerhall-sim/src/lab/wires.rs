//! The way between clients and server.

use std::time::Duration;

use peerhall_core::{CloseCode, SocketId};
use peerhall_hub::{Ended, PROBE_WITHIN};
use serde_json::{Value, json};

use super::{Lab, Tamper};
use crate::actor::ActorId;
use crate::events::Event;
use crate::network::{Dialling, Down, Up, Weather, Wire, WireId};
use crate::server::{ServerOut, ServerState};

/// How long a server waits for a sign of life (wire protocol, section 14: a ping every 30 s, 15 s for the
/// answer).
const SERVER_PATIENCE: Duration = Duration::from_secs(45);

impl Lab {
    /// Somebody opens a socket.
    pub(super) fn dial(&mut self, id: ActorId, socket: SocketId, url: String) {
        let wire_id = WireId(self.wires.len());
        let mut wire = Wire::new(id, socket);
        let actor = &mut self.actors[id.0];
        let dialling = actor.dialling.unwrap_or(self.dialling);
        wire.mute = dialling == Dialling::Mute;
        self.wires.push(wire);
        actor.wires.push(wire_id);
        actor.sockets_opened += 1;
        match dialling {
            Dialling::Works | Dialling::Mute => self.up(wire_id, Up::Open(url)),
            Dialling::Refused(http_status) => {
                self.wires[wire_id.0].server_done = true;
                let code = CloseCode(1006);
                self.down(wire_id, Down::Closed { code, reason: String::new(), http_status });
            }
            Dialling::Hangs => self.wires[wire_id.0].server_done = true,
            Dialling::Impossible => {
                self.wires[wire_id.0].server_done = true;
                self.queue.plan(self.now, Event::Down(wire_id, Down::ConstructionFailed));
            }
        }
    }

    pub(super) fn send_up(&mut self, id: ActorId, socket: SocketId, frame: &Value) {
        let open = |wire: &&WireId| self.wires[wire.0].socket == socket;
        match self.actors[id.0].wires.iter().find(open).copied() {
            Some(wire) if !self.wires[wire.0].client_closing => self.up(wire, Up::Text(frame.to_string())),
            Some(_) | None => {
                let line = format!("{} sends on {socket:?}, which is not open", self.actors[id.0].name);
                self.broken.push(line);
            }
        }
    }

    pub(super) fn close_wire(&mut self, id: ActorId, socket: SocketId, code: CloseCode, reason: &str) {
        let of = |wire: &&WireId| self.wires[wire.0].socket == socket;
        let Some(wire_id) = self.actors[id.0].wires.iter().find(of).copied() else { return };
        let wire = &mut self.wires[wire_id.0];
        if std::mem::replace(&mut wire.client_closing, true) {
            return;
        }
        wire.close_reason = reason.to_owned();
        if wire.opened {
            self.up(wire_id, Up::Close(code));
        } else {
            // Closed before it was open: the platform reports an abnormal end.
            let down = Down::Closed { code: CloseCode(1006), reason: String::new(), http_status: None };
            self.queue.plan(self.now, Event::Down(wire_id, down));
            wire.broken = true;
            self.queue.plan(self.now, Event::Up(wire_id, Up::Lost));
        }
    }

    pub(super) fn weather_of(&self, id: ActorId) -> Weather {
        self.actors[id.0].weather.unwrap_or(self.weather)
    }

    pub(super) fn up(&mut self, id: WireId, up: Up) {
        let weather = self.weather_of(self.wires[id.0].actor);
        let wire = &mut self.wires[id.0];
        let at = wire.up_at(self.now, weather, &mut self.rng);
        self.queue.plan(at, Event::Up(id, up));
    }

    pub(super) fn down(&mut self, id: WireId, down: Down) {
        let weather = self.weather_of(self.wires[id.0].actor);
        let wire = &mut self.wires[id.0];
        if wire.client_done {
            return;
        }
        let at = wire.down_at(self.now, weather, &mut self.rng);
        self.queue.plan(at, Event::Down(id, down));
    }

    pub(super) fn arrive_up(&mut self, id: WireId, up: Up) {
        let wire = &self.wires[id.0];
        if wire.server_done {
            return;
        }
        // What was under way when the connection stalled is stuck with the rest.
        if wire.stalled && !matches!(up, Up::Lost) {
            return self.wires[id.0].held_up.push_back(up);
        }
        match up {
            Up::Open(url) => self.accept(id, &url),
            Up::Text(text) => self.text_arrives(id, &text),
            Up::Close(code) => {
                self.server_loses(id, Ended::ByClient(Some(code)));
                let reason = self.wires[id.0].close_reason.clone();
                self.down(id, Down::Closed { code, reason, http_status: None });
            }
            Up::Lost => {
                if wire.stalled || wire.broken {
                    self.server_loses(id, Ended::Lost);
                }
            }
        }
    }

    fn accept(&mut self, id: WireId, url: &str) {
        let wire = &mut self.wires[id.0];
        if wire.broken || wire.mute {
            wire.opened |= wire.mute;
            return if wire.mute {
                self.down(id, Down::Opened)
            };
        }
        let refused =
            |http_status| Down::Closed { code: CloseCode(1006), reason: String::new(), http_status };
        match self.server.state {
            ServerState::Up => {}
            ServerState::Draining => {
                wire.server_done = true;
                return self.down(id, refused(Some(503)));
            }
            ServerState::Down => {
                wire.server_done = true;
                return self.down(id, refused(None));
            }
        }
        self.down(id, Down::Opened);
        match self.server.open(self.now, id, url) {
            Ok(conn) => self.wires[id.0].conn = Some(conn),
            Err(code) => {
                self.wires[id.0].server_done = true;
                self.down(id, Down::Closed { code, reason: "refused".to_owned(), http_status: None });
            }
        }
        self.flush_server();
        self.plan_turn(self.now);
    }

    fn text_arrives(&mut self, id: WireId, text: &str) {
        if self.wires[id.0].broken {
            return;
        }
        let Some(conn) = self.wires[id.0].conn else { return };
        if let Some(mut inspector) = self.on_up.take() {
            let frame = serde_json::from_str(text).unwrap_or(Value::Null);
            let verdict = inspector(self.wires[id.0].actor, &frame);
            self.on_up = Some(inspector);
            let instead = match verdict {
                Tamper::Pass => None,
                Tamper::Drop => Some(Vec::new()),
                Tamper::Refuse(code) => {
                    Some(vec![json!({"type": "error", "code": code, "message": "tampered with",
                        "requestId": frame.get("requestId").cloned().unwrap_or_default()})])
                }
                Tamper::Instead(frames) => Some(frames),
            };
            if let Some(frames) = instead {
                for frame in frames {
                    self.down(id, Down::Text(frame.to_string().into()));
                }
                return;
            }
        }
        self.server.text(self.now, conn, text);
        self.flush_server();
        self.plan_turn(self.now);
    }

    fn server_loses(&mut self, id: WireId, ended: Ended) {
        let wire = &mut self.wires[id.0];
        wire.server_done = true;
        if let Some(conn) = wire.conn {
            self.server.closed(self.now, conn, ended);
            self.flush_server();
            self.plan_turn(self.now);
        }
    }

    /// Carries out what the server wants.
    pub(super) fn flush_server(&mut self) {
        let mut outs = self.server.take();
        // The hub goes through hash maps, and the same seed is to give the same run: what goes to different clients
        // at one moment has no order of its own, nor do the entries of a list.
        outs.sort_by_key(ServerOut::wire);
        for out in outs {
            match out {
                ServerOut::Text(wire, text) => self.text_down(wire, sorted(text)),
                ServerOut::Close(wire, code, reason) => {
                    self.wires[wire.0].server_done = true;
                    self.down(wire, Down::Closed { code, reason: reason.to_owned(), http_status: None });
                }
                ServerOut::Probe(wire, conn) => {
                    if self.wires[wire.0].stalled || self.wires[wire.0].broken {
                        self.wires[wire.0].broken = true;
                        self.queue.plan(self.now + PROBE_WITHIN, Event::Up(wire, Up::Lost));
                    } else {
                        self.server.answered(self.now, conn);
                        self.plan_turn(self.now);
                    }
                }
            }
        }
    }

    fn text_down(&mut self, wire: WireId, text: Box<str>) {
        let Some(mut inspector) = self.on_down.take() else { return self.down(wire, Down::Text(text)) };
        let frame = serde_json::from_str(&text).unwrap_or(Value::Null);
        let verdict = inspector(self.wires[wire.0].actor, &frame);
        self.on_down = Some(inspector);
        match verdict {
            Tamper::Pass => self.down(wire, Down::Text(text)),
            Tamper::Drop | Tamper::Refuse(_) => {}
            Tamper::Instead(frames) => {
                for frame in frames {
                    self.down(wire, Down::Text(frame.to_string().into()));
                }
            }
        }
    }

    pub(super) fn arrive_down(&mut self, id: WireId, down: Down) {
        let now = self.now;
        let wire = &mut self.wires[id.0];
        if wire.client_done {
            return;
        }
        let (actor, socket) = (wire.actor, wire.socket);
        let ends = matches!(down, Down::Closed { .. } | Down::ConstructionFailed);
        if wire.stalled && !(ends && wire.client_closing) {
            return wire.held_down.push_back(down);
        }
        if wire.broken && !ends {
            return;
        }
        let mind = &mut self.actors[actor.0].mind;
        match down {
            Down::Opened => {
                wire.opened = true;
                mind.socket_opened(now, socket);
            }
            Down::Text(text) => mind.socket_text(now, socket, &text),
            Down::Closed { code, reason, http_status } => {
                wire.client_done = true;
                mind.socket_closed(now, socket, code, &reason, http_status);
            }
            Down::ConstructionFailed => {
                wire.client_done = true;
                mind.socket_failed(now, socket, "the platform says no to ws://h/v1?key=pk_live_lab");
            }
        }
        if ends {
            self.actors[actor.0].wires.retain(|known| *known != id);
        }
        self.drain(actor);
    }

    /// A stalled connection is given up by the server when it has been silent for too long.
    pub(super) fn plan_server_patience(&mut self, id: WireId) {
        self.queue.plan(self.now + SERVER_PATIENCE, Event::Up(id, Up::Lost));
    }
}

/// A frame whose lists of members are in the order of their ids.
fn sorted(text: Box<str>) -> Box<str> {
    if !text.contains(r#""peerId""#) || !text.contains('[') {
        return text;
    }
    let Ok(Value::Object(mut frame)) = serde_json::from_str(&text) else { return text };
    for list in frame.values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_cached_key(|entry| entry["peerId"].as_str().map(str::to_owned));
    }
    Value::Object(frame).to_string().into()
}
