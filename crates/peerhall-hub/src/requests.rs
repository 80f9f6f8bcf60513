//! What a client says: whether it may say so much, what it is, and the answer.

use peerhall_proto::code::{CloseCode, ErrorCode};
use peerhall_proto::frame::client::{ClientFrame, Request, Subscribe};
use peerhall_proto::frame::decode::{Envelope, Refusal};
use peerhall_proto::frame::server::{Ack, ErrorFrame, Pong, ServerFrame};
use peerhall_proto::ids::RequestId;

use crate::effect::ConnId;
use crate::hub::{Hub, Refused};
use crate::time::Now;

impl Hub {
    /// A text message came from a client.
    pub fn text(&mut self, conn: ConnId, text: &str, now: Now) {
        if !self.charge(conn, now) {
            return;
        }
        self.stats.frames_in += 1;
        let depth = self.config.max_data_depth;
        match Envelope::parse(text).and_then(|envelope| envelope.decode(depth)) {
            Ok(request) => self.request(conn, request, now),
            Err(refusal) => self.refuse(conn, refusal),
        }
    }

    /// A binary message came from a client; the protocol has none (D19).
    pub fn binary(&mut self, conn: ConnId, now: Now) {
        if self.charge(conn, now) {
            self.stats.frames_in += 1;
            let message = "binary messages are not part of the protocol";
            self.refuse(conn, Refusal { code: ErrorCode::MalformedMessage, message, request_id: None });
        }
    }

    /// A WebSocket ping came from a client. It costs what a message costs, so that nobody keeps the
    /// server busy with answers. Returns whether it is answered.
    pub fn ping(&mut self, conn: ConnId, now: Now) -> bool {
        self.charge(conn, now)
    }

    fn request(&mut self, conn: ConnId, request: Request<'_>, now: Now) {
        let id = request.request_id;
        let outcome = match request.frame {
            ClientFrame::Ping => {
                let pong = ServerFrame::Pong(Pong { request_id: id });
                self.send(conn, pong.encode());
                return;
            }
            ClientFrame::Subscribe(frame) => return self.subscribe(conn, &frame, id, now),
            ClientFrame::Unsubscribe(frame) => {
                self.unsubscribe(conn, &frame.channel, now);
                Ok(())
            }
            ClientFrame::Publish(frame) => self.publish(conn, &frame),
            ClientFrame::Send(frame) => self.send_direct(conn, &frame, now),
        };
        self.answer(conn, outcome, id);
    }

    fn subscribe(&mut self, conn: ConnId, frame: &Subscribe, id: Option<RequestId>, now: Now) {
        match self.become_member(conn, frame) {
            Err(refused) => self.answer(conn, Err(refused), id),
            Ok(place) => {
                self.answer(conn, Ok(()), id);
                self.owe_snapshot(conn, place, now);
            }
        }
    }

    fn answer(&mut self, conn: ConnId, outcome: Result<(), Refused>, request_id: Option<RequestId>) {
        match outcome {
            Ok(()) => {
                if let Some(request_id) = request_id {
                    self.send(conn, ServerFrame::Ack(Ack { request_id }).encode());
                }
            }
            Err((code, message)) => self.refuse(conn, Refusal { code, message, request_id }),
        }
    }

    fn refuse(&mut self, conn: ConnId, refusal: Refusal) {
        self.stats.errors += 1;
        let frame = ErrorFrame {
            code: refusal.code,
            message: refusal.message.into(),
            request_id: refusal.request_id,
        };
        self.send(conn, ServerFrame::Error(frame).encode());
    }

    /// Takes a token for one message; closes the connection when it has none left.
    fn charge(&mut self, conn: ConnId, now: Now) -> bool {
        let (rate, burst) = (self.config.frames_per_second, self.config.frame_burst);
        let Some(session) = self.session_mut(conn) else { return false };
        let granted = session.bucket.take(rate, burst, now.at);
        if !granted {
            self.close(conn, CloseCode::OVER_MESSAGE_RATE, "too many messages", now);
        }
        granted
    }
}
