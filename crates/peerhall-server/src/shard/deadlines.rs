//! What time does to connections: dead ones are found, slow ones are cut, and a server that stops
//! lets go of all of them.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use peerhall_hub::{ConnId, Ended, Now, PROBE_WITHIN, Tick};
use peerhall_proto::code::CloseCode;

use super::Shard;
use super::conn::{Conn, Phase};
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
                Reason::Probe => shard.expect_answer(conn, now),
                Reason::Outbox => shard.check_age(conn, now),
                Reason::Message => shard.check_message(conn, now),
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

    /// When a connection is pinged next.
    pub(super) fn next_ping(&self, conn: ConnId, now: Now) -> Tick {
        ping_at(now.at, self.admission.config.liveness.ping_every, conn)
    }

    fn ping(&mut self, conn: ConnId, now: Now) {
        let next = self.next_ping(conn, now);
        if !self.conns.get(conn).is_some_and(Conn::is_open) {
            return;
        }
        self.write_ping(conn, now);
        self.timers.add(now.at + self.admission.config.liveness.pong_within, conn, Reason::Pong);
        self.timers.add(next, conn, Reason::Ping);
    }

    fn write_ping(&mut self, conn: ConnId, now: Now) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        let mut frame = Vec::new();
        encode::push_ping(&mut frame, b"");
        one.outbox.push_raw(&frame, now.at);
        // Many are due at once, and none of them is urgent.
        self.mark_in_crowd(conn);
    }

    /// Asks whether a connection is alive, because its peer has come a second time.
    pub(super) fn probe(&mut self, conn: ConnId, now: Now) {
        let Some(one) = self.conns.get_mut(conn).filter(|one| one.is_open()) else { return };
        one.probed = true;
        self.write_ping(conn, now);
        self.timers.add(now.at + PROBE_WITHIN, conn, Reason::Probe);
    }

    fn expect_answer(&mut self, conn: ConnId, now: Now) {
        if self.conns.get(conn).is_some_and(|one| one.is_open() && one.probed) {
            self.give_up_silent(conn, now);
        }
    }

    /// Drops a connection that has said nothing since the ping whose time was up at `due`. An answer
    /// within the millisecond of the ping is one.
    fn expect_pong(&mut self, conn: ConnId, due: Tick, now: Now) {
        let within = self.admission.config.liveness.pong_within;
        let Some(one) = self.conns.get(conn).filter(|one| one.is_open()) else { return };
        if due - one.heard <= within {
            return;
        }
        self.give_up_silent(conn, now);
    }

    fn give_up_silent(&mut self, conn: ConnId, now: Now) {
        self.metrics.silent.fetch_add(1, Relaxed);
        self.end_session(conn, Ended::Lost, now);
        self.carry_out(now);
        if let Some(one) = self.conns.get_mut(conn) {
            one.outbox.drop_unsent();
        }
        self.say_close(conn, CloseCode::GOING_AWAY, "no answer to pings", now);
    }

    fn check_message(&mut self, conn: ConnId, now: Now) {
        let limit = self.admission.config.limits.message_timeout;
        let Some(one) = self.conns.get_mut(conn).filter(|one| one.is_open()) else { return };
        one.message_watched = false;
        let Some(since) = one.message_since else { return };
        if now.at - since < limit {
            one.message_watched = true;
            self.timers.add(since + limit, conn, Reason::Message);
            return;
        }
        self.end_session(conn, Ended::ByServer(CloseCode::POLICY_VIOLATION), now);
        self.carry_out(now);
        self.say_close(conn, CloseCode::POLICY_VIOLATION, "a message took too long", now);
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

/// The moment of the next ping: up to a twentieth of the interval early and never late, so that connections
/// that came together do not stay together; and on a grid of a sixty-fourth of it, so that
/// the shard of an idle crowd wakes twice a second and not for each connection.
fn ping_at(now: Tick, every: Duration, conn: ConnId) -> Tick {
    // A multiplicative hash spreads neighbouring numbers evenly.
    let spread = (conn.index ^ conn.generation.rotate_left(16)).wrapping_mul(0x9E37_79B1) >> 22;
    let due = now + (every - (every / 20).mul_f64(f64::from(spread) / 1024.0));
    let grid = u64::try_from(every.as_millis() / 64).unwrap_or(u64::MAX).max(1);
    Tick((due.0 - due.0 % grid).max(now.0 + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const EVERY: Duration = Duration::from_secs(30);

    fn moments(every: Duration) -> BTreeSet<u64> {
        let now = Tick(123_456);
        (0..10_000)
            .map(|index| ping_at(now, every, ConnId { index, generation: 7 }) - now)
            .map(|span| u64::try_from(span.as_millis()).unwrap())
            .collect()
    }

    #[test]
    fn w111_a_ping_is_never_late_and_little_more_than_a_twentieth_early() {
        let moments = moments(EVERY);
        assert!(*moments.last().unwrap() <= 30_000);
        assert!(*moments.first().unwrap() >= 28_500 - 30_000 / 64);
    }

    #[test]
    fn the_pings_of_a_crowd_are_spread_and_yet_share_their_moments() {
        let count = moments(EVERY).len();
        assert!((3..=5).contains(&count), "{count} moments for 10,000 connections");
    }

    #[test]
    fn the_shortest_interval_still_lies_ahead() {
        assert_eq!(moments(Duration::from_millis(1)).into_iter().collect::<Vec<_>>(), [1]);
    }
}
