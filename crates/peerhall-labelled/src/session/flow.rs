//! What goes out next: one frame of each lane in turn, so that a large message on one label leaves the
//! others their share.

use std::time::Duration;

use super::Session;
use crate::event::{Event, Output};

impl Session {
    /// Sends what may be sent, asks for bytes, and tells how far messages are.
    pub(super) fn flush(&mut self, now: Duration) {
        self.now = now;
        self.plan_probe(now);
        self.fetch();
        while self.send_round(now) {
            self.fetch();
        }
        self.tell_progress(now);
    }

    /// One frame of each lane; returns whether there was any.
    fn send_round(&mut self, now: Duration) -> bool {
        let count = self.lanes.len();
        let mut sent = false;
        for step in 0..count {
            let index = (self.turn + step) % count;
            let frame = self.lanes.get_mut(index).and_then(|lane| lane.next_frame(now));
            if let Some(frame) = frame {
                self.transmit(index, &frame);
                sent = true;
            }
        }
        // Whoever was first is last in the next round.
        self.turn = self.turn.checked_add(1).filter(|turn| *turn < count).unwrap_or(0);
        sent
    }

    fn fetch(&mut self) {
        for lane in &mut self.lanes {
            for (transfer, bytes) in lane.wants() {
                self.out.push_back(Output::Want { transfer, bytes });
            }
        }
    }

    fn tell_progress(&mut self, now: Duration) {
        for lane in &mut self.lanes {
            let begun = lane.begun().count();
            for message in lane.outgoing.iter_mut().take(begun).filter(|message| message.moved) {
                let (transfer, progress) = (message.id, message.progress(now, false));
                self.out.push_back(Output::Event(Event::Progress { transfer, progress }));
            }
        }
    }
}
