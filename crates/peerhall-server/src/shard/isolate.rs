//! A fault of our own while one connection is served costs that connection and nobody else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;

use peerhall_hub::{ConnId, Ended, Now};
use peerhall_proto::code::CloseCode;

use super::{READ_BYTES, Shard};

impl Shard {
    /// Does something for one connection. If it panics, the connection is closed with 1011, which
    /// clients answer by coming back, and the hub forgets it as it does any lost one.
    pub(super) fn isolated(&mut self, conn: ConnId, now: Now, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            self.after_fault(conn, now);
        }
    }

    fn after_fault(&mut self, conn: ConnId, now: Now) {
        tracing::error!(connection = conn.index, "a fault in the server ends one connection");
        self.metrics.faults.fetch_add(1, Relaxed);
        // The buffer is taken out of the shard while messages are borrowed from it.
        if self.read_buf.len() != READ_BYTES {
            self.read_buf = vec![0; READ_BYTES];
        }
        let was_open = self.conns.get(conn).is_some_and(super::conn::Conn::is_open);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            self.end_session(conn, Ended::ByServer(CloseCode::SERVER_FAULT), now);
            self.carry_out(now);
        }));
        if was_open && ended.is_ok() {
            self.say_close(conn, CloseCode::SERVER_FAULT, "fault in the server", now);
        } else {
            self.forget(conn);
        }
    }
}
