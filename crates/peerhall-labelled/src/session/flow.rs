//! What goes out next: one message of each lane in turn, so that a large one on one label leaves the others
//! their share.

use std::time::Duration;

use super::Session;
use crate::event::{Event, Output};
use crate::options::CHUNK;

impl Session {
    /// Something has changed: what may be sent, asked for or told now is found once the driver takes outputs. What
    /// one turn of the driver brings together goes out together.
    pub(super) fn flush(&mut self, now: Duration) {
        self.now = now;
        self.unsettled = true;
    }

    /// Asks for bytes, or sends what may be sent and tells how far messages are; whether there may be outputs now.
    pub(super) fn settle(&mut self) -> bool {
        if !self.unsettled {
            return false;
        }
        self.plan_probe(self.now);
        // A driver that has them in memory gives them before anything goes out.
        if self.fetch() {
            return true;
        }
        while self.send_round() {
            if self.fetch() {
                return true;
            }
        }
        self.unsettled = false;
        self.tell_progress();
        true
    }

    /// One message of each lane; returns whether there was any.
    fn send_round(&mut self) -> bool {
        let count = self.lanes.len();
        let mut sent = false;
        for step in 0..count {
            let index = (self.turn + step) % count;
            sent |= self.send_one(index);
        }
        // Whoever was first is last in the next round.
        self.turn = self.turn.checked_add(1).filter(|turn| *turn < count).unwrap_or(0);
        sent
    }

    /// One message of a lane: a frame, or several that are whole.
    fn send_one(&mut self, index: usize) -> bool {
        let Some(lane) = self.lanes.get_mut(index) else { return false };
        let Some(mut frame) = lane.next_frame(self.now) else { return false };
        let mut message = Vec::new();
        loop {
            frame.write(&mut message);
            let room = CHUNK.saturating_sub(message.len());
            let next = frame.tells_length().then(|| lane.next_whole(self.now, room)).flatten();
            match next {
                Some(next) => frame = next,
                None => break,
            }
        }
        self.put(index, message.into());
        true
    }

    /// Asks for the bytes of messages whose turn is near; returns whether there were any to ask for.
    fn fetch(&mut self) -> bool {
        let mut asked = false;
        for lane in &mut self.lanes {
            for (transfer, bytes) in lane.wants() {
                self.out.push_back(Output::Want { transfer, bytes });
                asked = true;
            }
        }
        asked
    }

    fn tell_progress(&mut self) {
        let now = self.now;
        for lane in &mut self.lanes {
            for message in lane.open_mut() {
                if message.tells_at().is_some_and(|at| now >= at) {
                    let (transfer, progress) = (message.id, message.progress(now, false));
                    self.out.push_back(Output::Event(Event::Progress { transfer, progress }));
                }
            }
        }
    }
}
