//! What goes through the server, for want of a connection.

use std::sync::Arc;
use std::time::Duration;

use peerhall_labelled::{DirectError, Way};

use super::{PeerShared, State};
use crate::error::PeerSendError;

impl PeerShared {
    /// Which way messages go.
    pub(in crate::labelled) fn way(&self) -> Way {
        self.state().session.way()
    }

    /// Hands a text to the server. The order of texts is that of the calls.
    pub(super) fn post(self: &Arc<Self>, state: &mut State, now: Duration, number: u64, text: String) {
        match self.remote.carry(text) {
            Ok(answer) => {
                let shared = Arc::downgrade(self);
                tokio::spawn(async move {
                    let result = answer.await.map_err(|error| lost(&error));
                    if let Some(shared) = shared.upgrade() {
                        shared.call(|session, now| session.direct_done(now, number, result));
                    }
                });
            }
            Err(error) => state.session.direct_done(now, number, Err(lost(&error))),
        }
    }
}

/// What a text that the server did not take means for what goes through it.
fn lost(error: &PeerSendError) -> DirectError {
    match error {
        PeerSendError::Send(error) if error.is_over_quota() => DirectError::OverQuota,
        PeerSendError::Send(_) | PeerSendError::Payload(_) | PeerSendError::Stopped => DirectError::Lost,
    }
}
