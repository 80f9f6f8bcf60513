//! A run: messages for one audience that follow each other in one read or mail. They are put together
//! once for all receivers, and each receiver is visited once for all of them.

use std::sync::Arc;

use peerhall_hub::{ConnId, Fanout, Now};
use peerhall_proto::frame::server::Encoded;

use super::Shard;
use crate::ws::encode;

/// Bytes after which a run is handed out, so that no outbox gets more at once than one write takes.
const RUN_BYTES: usize = 64 * 1024;

/// Receivers from which a room is large: its messages are written over several turns, so that others are
/// served in between. Writing to 64 takes half a millisecond.
const LARGE_ROOM: usize = 64;

/// Messages that have not been handed to their receivers yet.
#[derive(Debug, Default)]
pub(super) struct Run {
    to: Option<Arc<[ConnId]>>,
    except: Option<ConnId>,
    frames: Vec<Encoded>,
    bytes: usize,
}

/// When the receivers of a run are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// With everything else that they get in this turn.
    Later,
    /// At once where nothing waits before it, while the connection is at hand.
    Now,
}

impl Run {
    /// Whether a message can be handed out together with those that wait.
    fn takes(&self, fanout: &Fanout) -> bool {
        self.to.as_ref().is_some_and(|to| Arc::ptr_eq(to, &fanout.to))
            && self.except == fanout.except
            && self.bytes < RUN_BYTES
    }

    /// Whether something else for that connection has to wait for the run. The publisher's
    /// acknowledgements do not: it gets none of these messages.
    pub(super) fn stands_before(&self, conn: ConnId) -> bool {
        self.to.is_some() && self.except != Some(conn)
    }

    fn push(&mut self, fanout: Fanout) {
        self.bytes += encode::header_len(fanout.frame.as_str().len()) + fanout.frame.as_str().len();
        self.to = Some(fanout.to);
        self.except = fanout.except;
        self.frames.push(fanout.frame);
    }

    /// All messages as one piece of output.
    fn joined(&self) -> Arc<[u8]> {
        let mut bytes = Vec::with_capacity(self.bytes);
        for frame in &self.frames {
            encode::push_text(&mut bytes, frame.as_str());
        }
        bytes.into()
    }
}

impl Shard {
    /// Adds a message to the run, after handing out a run that it does not belong to.
    pub(super) fn add_to_run(&mut self, fanout: Fanout, now: Now) {
        if !self.run.takes(&fanout) {
            self.hand_out_run(Write::Later, now);
        }
        self.run.push(fanout);
    }

    /// Gives each receiver what the run holds.
    pub(super) fn hand_out_run(&mut self, write: Write, now: Now) {
        let Some(to) = self.run.to.take() else { return };
        let is_large = to.len() > LARGE_ROOM;
        let mut run = std::mem::take(&mut self.run);
        let receivers = to.iter().filter(|conn| Some(**conn) != run.except).copied();
        if let [frame] = run.frames.as_slice() {
            let frame = frame.clone().into_bytes();
            for conn in receivers {
                if let Some(one) = self.conns.get_mut(conn) {
                    one.outbox.push_text(frame.clone(), now.at);
                    if is_large {
                        self.mark_in_crowd(conn);
                    }
                    self.check_outbox(conn, now);
                }
            }
        } else {
            let joined = run.joined();
            for conn in receivers {
                let Some(one) = self.conns.get_mut(conn) else { continue };
                let first = one.outbox.is_empty();
                one.outbox.push_shared(joined.clone(), now.at);
                if is_large {
                    self.mark_in_crowd(conn);
                } else if first && write == Write::Now && one.is_open() {
                    self.flush(conn, now);
                    continue;
                }
                self.check_outbox(conn, now);
            }
        }
        run.frames.clear();
        self.run.frames = run.frames;
    }
}
