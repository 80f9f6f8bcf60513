//! What time does to connections: dead ones are found, slow ones are cut, and a server that stops
//! lets go of all of them.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use peerhall_hub::{ConnId, Ended, Now, Tick};
use peerhall_proto::code::CloseCode;

use super::Shard;
use super::conn::Phase;
use crate::timers::Reason;
use crate::ws::{encode, handshake};

impl Shard {
    pub(super) fn check_deadlines(&mut self, now: Now) {
        while let Some((due, conn, reason)) = self.timers.take_due(now.at) {
            if self.conns.get(conn).is_none() {
                continue;
            }
            self.isolated(conn, now, |shard| match reason {
                Reason::Handshake => shard.give_up_handshake(conn, now),
                Reason::Ping => shard.ping(conn, now),
                Reason::Pong => shard.expect_pong(conn, due, now),
                Reason::Outbox => shard.check_age(conn, now),
                Reason::Close => shard.forget(conn),
                Reason::Drain => shard.let_go(conn, now),
            });
        }
    }

    fn give_up_handshake(&mut self, conn: ConnId, now: Now) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        match one.phase {
            Phase::Handshake(_) => {
                one.outbox.push_raw(&handshake::response(408, &[], ""), now.at);
                one.phase = Phase::Finishing;
                self.timers.add(now.at + super::conn::CLOSE_GRACE, conn, Reason::Close);
                self.mark_dirty(conn);
            }
            // An HTTP answer that nobody takes.
            Phase::Finishing => self.forget(conn),
            Phase::Open | Phase::Closing => {}
        }
    }

    /// Span to a connection's next ping: up to a tenth less than configured, so that connections that
    /// came together do not stay together.
    pub(super) fn ping_interval(&self, conn: ConnId) -> Duration {
        let every = self.admission.config.liveness.ping_every;
        let tenth = every / 10;
        // A multiplicative hash spreads neighbouring numbers evenly.
        let spread = (conn.index ^ conn.generation.rotate_left(16)).wrapping_mul(0x9E37_79B1) >> 22;
        every - tenth.mul_f64(f64::from(spread) / 1024.0)
    }

    fn ping(&mut self, conn: ConnId, now: Now) {
        let every = self.ping_interval(conn);
        let Some(one) = self.conns.get_mut(conn).filter(|one| one.is_open()) else { return };
        let mut frame = Vec::new();
        encode::push_ping(&mut frame, b"");
        one.outbox.push_raw(&frame, now.at);
        self.mark_dirty(conn);
        self.timers.add(now.at + self.admission.config.liveness.pong_within, conn, Reason::Pong);
        self.timers.add(now.at + every, conn, Reason::Ping);
    }

    /// Drops a connection that has said nothing since the ping whose time was up at `due`. An answer
    /// within the millisecond of the ping is one.
    fn expect_pong(&mut self, conn: ConnId, due: Tick, now: Now) {
        let within = self.admission.config.liveness.pong_within;
        let Some(one) = self.conns.get(conn).filter(|one| one.is_open()) else { return };
        if due - one.heard <= within {
            return;
        }
        self.metrics.silent.fetch_add(1, Relaxed);
        self.end_session(conn, Ended::Lost, now);
        self.carry_out(now);
        if let Some(one) = self.conns.get_mut(conn) {
            one.outbox.drop_unsent();
        }
        self.say_close(conn, CloseCode::GOING_AWAY, "no answer to pings", now);
    }

    fn check_age(&mut self, conn: ConnId, now: Now) {
        let limit = self.admission.config.limits.outbox_age;
        let Some(one) = self.conns.get_mut(conn) else { return };
        one.watched = false;
        if one.outbox.is_empty() {
            return;
        }
        let age = one.outbox.age(now.at);
        if age < limit {
            one.watched = true;
            self.timers.add(now.at + (limit - age), conn, Reason::Outbox);
        } else if one.is_open() {
            self.cut_slow_reader(conn, now);
        }
    }

    /// Refuses newcomers, says goodbye and spreads the closes over a window that grows with the
    /// number of connections (wire protocol, section 15).
    pub(super) fn begin_drain(&mut self, now: Now) {
        if std::mem::replace(&mut self.draining, true) {
            return;
        }
        let drain = self.admission.config.drain.clone();
        let retry_after_ms = u64::try_from(drain.retry_after.as_millis()).unwrap_or(u64::MAX);
        self.hub.announce_shutdown(retry_after_ms);
        self.carry_out(now);
        let conns = self.conns.ids();
        let window = drain.window(conns.len() * self.exchange.shards());
        let count = u32::try_from(conns.len()).unwrap_or(u32::MAX).max(1);
        for (position, conn) in (0_u32..).zip(conns) {
            self.timers.add(now.at + window * position / count, conn, Reason::Drain);
        }
    }

    fn let_go(&mut self, conn: ConnId, now: Now) {
        let Some(one) = self.conns.get(conn) else { return };
        match one.phase {
            Phase::Open => {
                self.end_session(conn, Ended::Drained, now);
                self.say_close(conn, CloseCode::GOING_AWAY, "server stops", now);
            }
            Phase::Handshake(_) => self.forget(conn),
            Phase::Closing | Phase::Finishing => {}
        }
    }
}
