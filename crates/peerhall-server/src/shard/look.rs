//! Looking at a shard through the console: lists on demand, and taps on single connections. Without a
//! tap, a frame costs one test for an empty list and nothing else.

use std::time::Instant;

use peerhall_hub::{ConnId, Fanout, Now};
use peerhall_proto::code::CloseCode;
use peerhall_proto::frame::server::Encoded;

use super::Shard;
use crate::exchange::{Direction, FrameSeen, FrameText, Look, Tap};

/// Taps on one shard at the same time.
const MAX_TAPS: usize = 8;

/// The connections of a shard that somebody looks at.
#[derive(Debug, Default)]
pub(super) struct Taps(Vec<(ConnId, Tap)>);

/// When a turn began, and what had been delivered by then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    begun: Instant,
    deliveries: u64,
}

impl Taps {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn show(&mut self, conn: ConnId, now: Now, what: impl Fn() -> FrameSeen) {
        for (_, tap) in self.0.iter_mut().filter(|(tapped, _)| *tapped == conn) {
            tap.show(now.unix_ms, what());
        }
        self.0.retain(|(_, tap)| !tap.is_closed());
    }

    /// A text message came.
    pub(super) fn text_came(&mut self, conn: ConnId, text: &str, now: Now) {
        self.show(conn, now, || FrameSeen::Text(Direction::In, FrameText::Copied(text.into())));
    }

    /// A binary message came.
    pub(super) fn binary_came(&mut self, conn: ConnId, bytes: usize, now: Now) {
        self.show(conn, now, || FrameSeen::Binary(bytes));
    }

    /// A frame goes to one connection.
    pub(super) fn sending(&mut self, conn: ConnId, frame: &Encoded, now: Now) {
        self.show(conn, now, || FrameSeen::Text(Direction::Out, FrameText::Shared(frame.clone())));
    }

    /// A message goes to many.
    pub(super) fn fanning_out(&mut self, fanout: &Fanout, now: Now) {
        let tapped: Vec<ConnId> = self.0.iter().map(|(conn, _)| *conn).collect();
        for conn in tapped {
            if fanout.receivers().any(|receiver| receiver == conn) {
                self.sending(conn, &fanout.frame, now);
            }
        }
    }

    /// The server closes a connection, which is then over.
    pub(super) fn closing(&mut self, conn: ConnId, code: CloseCode, reason: &'static str, now: Now) {
        self.show(conn, now, || FrameSeen::Closed(code, reason));
        self.ended(conn);
    }

    /// A connection is over; its viewers see the end of the pipe.
    pub(super) fn ended(&mut self, conn: ConnId) {
        self.0.retain(|(tapped, _)| *tapped != conn);
    }
}

impl Shard {
    /// Answers a question of the console. Whoever asked may have stopped waiting.
    pub(super) fn look(&mut self, look: Look, now: Now) {
        match look {
            Look::Connections { app, text, limit, reply } => {
                let _ = reply.send(self.hub.survey_connections(&app, &text, limit, now));
            }
            Look::Rooms { app, limit, reply } => {
                let _ = reply.send((self.hub.survey_rooms(&app, limit), self.hub.pairs(&app, now)));
            }
            Look::WatchPairs(watched) => self.hub.watch_pairs(watched),
            Look::Tap { app, conn, tap, reply } => {
                self.taps.0.retain(|(_, tap)| !tap.is_closed());
                let fits = self.taps.0.len() < MAX_TAPS && self.hub.belongs_to(conn, &app);
                if fits {
                    self.taps.0.push((conn, tap));
                }
                let _ = reply.send(fits);
            }
        }
    }

    /// Begins to measure a turn, if somebody looks.
    pub(super) fn meter(&self) -> Option<Meter> {
        let deliveries = || self.hub.stats().deliveries;
        self.all_metrics.is_watched().then(|| Meter { begun: Instant::now(), deliveries: deliveries() })
    }

    /// Ends the measurement of a turn: everything that was delivered in it took as long as it did.
    pub(super) fn measure(&self, meter: Option<Meter>) {
        let Some(meter) = meter else { return };
        let delivered = self.hub.stats().deliveries.saturating_sub(meter.deliveries);
        if delivered > 0 {
            self.metrics.fanout.record(meter.begun.elapsed(), delivered);
        }
    }
}
