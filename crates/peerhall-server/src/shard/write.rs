//! What goes out: effects become queued frames, queues become writes, and connections end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use peerhall_hub::{ConnId, Effect, Ended, IceRenewal, Now};
use peerhall_proto::code::CloseCode;

use super::Shard;
use super::conn::{self, Conn, Phase};
use super::run::Write;
use super::table::Table;
use crate::timers::Reason;

/// Bytes from which a connection has much to write: the list of a large room, or a backlog.
const LARGE: usize = 4 * 1024;

/// What a turn spends on connections with much to write, and again on the receivers of messages to large
/// rooms; some are always written. A thousand that enter a room together get fifty megabytes, a message to
/// ten thousand takes thirty milliseconds, and nobody else should wait until they have them.
const LONG_WRITES_WITHIN: Duration = Duration::from_micros(500);

/// Receivers of messages to large rooms that are written between two looks at the clock.
const CROWD_STEP: usize = 16;

impl Shard {
    /// Does what the hub wants done. Sockets are written later, in one go.
    pub(super) fn carry_out(&mut self, now: Now) {
        let mut effects = std::mem::take(&mut self.effects);
        self.hub.take_effects(&mut effects);
        for effect in effects.drain(..) {
            if !self.taps.is_empty() {
                self.show(&effect, now);
            }
            match effect {
                Effect::Fanout(fanout) => self.add_to_run(*fanout, now),
                Effect::Send { conn, frame } => {
                    if self.run.stands_before(conn) {
                        self.hand_out_run(Write::Later, now);
                    }
                    if let Some(one) = self.conns.get_mut(conn) {
                        one.outbox.push_text(frame.into_bytes(), now.at);
                        self.check_outbox(conn, now);
                    }
                }
                Effect::Close { conn, code, reason } => {
                    self.hand_out_run(Write::Later, now);
                    self.say_close(conn, code, reason, now);
                }
                Effect::Probe(conn) => self.probe(conn, now),
                Effect::Post { to, note } => self.exchange.post(self.id, to, &note),
                Effect::Renew(due) => self.renew(&due, now),
                Effect::Remember(event) => {
                    if let Some(members) = &mut self.members {
                        members.record(&event, now);
                    }
                }
            }
        }
        self.effects = effects;
        self.hand_out_run(Write::Now, now);
    }

    fn show(&mut self, effect: &Effect, now: Now) {
        match effect {
            Effect::Fanout(fanout) => self.taps.fanning_out(fanout, now),
            Effect::Send { conn, frame } => self.taps.sending(*conn, frame, now),
            Effect::Close { .. }
            | Effect::Probe(_)
            | Effect::Post { .. }
            | Effect::Renew(_)
            | Effect::Remember(_) => {}
        }
    }

    /// Other ICE servers for a connection. What the hub then wants sent goes out with the next effects.
    fn renew(&mut self, due: &IceRenewal, now: Now) {
        if let Some((list, after_ms)) = self.admission.renew(due, now) {
            self.hub.renew(due.conn, &list, after_ms, now);
            self.restless = true;
        }
    }

    /// A slow reader is cut before its queue outgrows its bound; a fast one only looks slow until its
    /// socket has been written.
    pub(super) fn check_outbox(&mut self, conn: ConnId, now: Now) {
        self.mark_dirty(conn);
        let limit = self.admission.config.limits.outbox_bytes;
        let over =
            |conns: &Table| conns.get(conn).is_some_and(|one| one.is_open() && one.outbox.bytes() > limit);
        if over(&self.conns) {
            self.flush(conn, now);
            if over(&self.conns) {
                self.cut_slow_reader(conn, now);
            }
        }
    }

    pub(super) fn cut_slow_reader(&mut self, conn: ConnId, now: Now) {
        self.metrics.slow_consumers.fetch_add(1, Relaxed);
        self.end_session(conn, Ended::ByServer(CloseCode::POLICY_VIOLATION), now);
        if let Some(one) = self.conns.get_mut(conn) {
            one.outbox.drop_unsent();
        }
        self.say_close(conn, CloseCode::POLICY_VIOLATION, "reads too slowly", now);
    }

    /// Tells the hub that a connection is over, if it knew it.
    pub(super) fn end_session(&mut self, conn: ConnId, ended: Ended, now: Now) {
        if self.conns.get(conn).is_some_and(Conn::is_open) {
            self.hub.closed(conn, ended, now);
            self.restless = true;
        }
    }

    /// Queues a close frame; the socket ends when it has been sent and answered, or after a grace.
    pub(super) fn say_close(&mut self, conn: ConnId, code: CloseCode, reason: &'static str, now: Now) {
        if !self.taps.is_empty() {
            self.taps.closing(conn, code, reason, now);
        }
        let Some(one) = self.conns.get_mut(conn) else { return };
        if matches!(one.phase, Phase::Closing) {
            return;
        }
        let mut frame = Vec::new();
        crate::ws::encode::push_close(&mut frame, code.0, reason);
        one.outbox.push_raw(&frame, now.at);
        one.phase = Phase::Closing;
        self.timers.add(now.at + conn::CLOSE_GRACE, conn, Reason::Close);
        self.metrics.closes.count(code);
        self.mark_dirty(conn);
    }

    pub(super) fn mark_dirty(&mut self, conn: ConnId) {
        if let Some(one) = self.conns.get_mut(conn)
            && !one.dirty
        {
            one.dirty = true;
            self.dirty.push(conn.index);
        }
    }

    /// Queues a connection to be written when its turn among the receivers of large rooms comes.
    pub(super) fn mark_in_crowd(&mut self, conn: ConnId) {
        if let Some(one) = self.conns.get_mut(conn)
            && !one.dirty
        {
            one.dirty = true;
            self.crowd.push_back(conn.index);
        }
    }

    /// Writes what this turn has to say, once what must outlive a crash is in the log of members.
    pub(super) fn flush_dirty(&mut self, now: Now) {
        self.flush_little(now);
        self.flush_large(now);
        self.flush_crowd(now);
    }

    /// Writes the connections with little to write; those with much go on waiting.
    pub(super) fn flush_little(&mut self, now: Now) {
        if let Some(members) = &mut self.members {
            members.end_turn(now);
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        for place in dirty.drain(..) {
            let Some(conn) = self.conns.id_at(place) else { continue };
            if self.conns.get(conn).is_some_and(|one| one.outbox.bytes() >= LARGE) {
                self.large.push_back(place);
            } else {
                self.flush(conn, now);
            }
        }
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
    }

    /// Writes the connections with much to write, until others should have their turn.
    fn flush_large(&mut self, now: Now) {
        let begin = Instant::now();
        while let Some(place) = self.large.pop_front() {
            if let Some(conn) = self.conns.id_at(place) {
                self.flush(conn, now);
            }
            if begin.elapsed() > LONG_WRITES_WITHIN {
                return;
            }
        }
    }

    /// Writes receivers of large rooms in the order in which they were reached, until others should have
    /// their turn.
    fn flush_crowd(&mut self, now: Now) {
        let begin = Instant::now();
        while !self.crowd.is_empty() && begin.elapsed() < LONG_WRITES_WITHIN {
            for _ in 0..CROWD_STEP {
                let Some(place) = self.crowd.pop_front() else { return };
                if let Some(conn) = self.conns.id_at(place) {
                    self.flush(conn, now);
                }
            }
        }
    }

    /// Writes what waits for one connection, once.
    pub(super) fn flush(&mut self, conn: ConnId, now: Now) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        one.dirty = false;
        let waited = one.outbox.bytes();
        let outcome = one.flush(&mut self.write_buf);
        self.bytes_out += waited.saturating_sub(one.outbox.bytes()) as u64;
        match outcome {
            Err(_) => self.lost(conn, now),
            Ok(conn::AfterFlush::Nothing) => self.count_backlog(conn, 0),
            Ok(conn::AfterFlush::Blocked) => {
                let left = one.outbox.bytes();
                if !one.watched {
                    one.watched = true;
                    let age = self.admission.config.limits.outbox_age;
                    self.timers.add(now.at + age, conn, Reason::Outbox);
                }
                self.count_backlog(conn, left);
                if self.backlog > self.max_backlog && self.conns.get(conn).is_some_and(Conn::is_open) {
                    self.cut_slow_reader(conn, now);
                }
            }
            Ok(conn::AfterFlush::Finished) => self.forget(conn),
        }
    }

    /// Keeps the sum of what waits for readers that do not take it at once.
    fn count_backlog(&mut self, conn: ConnId, left: usize) {
        if let Some(one) = self.conns.get_mut(conn) {
            let before = std::mem::replace(&mut one.backlog, left);
            self.backlog = self.backlog.saturating_sub(before).saturating_add(left);
        }
    }

    /// The socket broke or ended without a close frame.
    pub(super) fn lost(&mut self, conn: ConnId, now: Now) {
        self.end_session(conn, Ended::Lost, now);
        self.forget(conn);
    }

    /// Drops a connection and its socket.
    pub(super) fn forget(&mut self, conn: ConnId) {
        if !self.taps.is_empty() {
            self.taps.ended(conn);
        }
        if let Some(mut one) = self.conns.remove(conn) {
            self.backlog = self.backlog.saturating_sub(one.backlog);
            drop(self.poll.registry().deregister(one.stream.socket_mut()));
            self.metrics.sockets.fetch_sub(1, Relaxed);
        }
    }
}
