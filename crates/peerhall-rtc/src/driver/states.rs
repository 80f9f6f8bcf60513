//! What browsers call the states of ICE and of the connection, from what the engine says.
//!
//! The engine knows no `failed`: a path may always come back if a candidate does. Owners need an end
//! to hoping, so the time for it is kept here.

use std::time::{Duration, Instant};

use str0m::IceConnectionState;

use crate::event::{ConnectionState, IceState};

/// States of one connection and when they run out.
#[derive(Debug)]
pub(super) struct States {
    pub(super) ice: IceState,
    encrypted: bool,
    /// Whether the engine looks for no path: it has one, and only sees to it that it works.
    pub(super) settled: bool,
    fails_at: Option<Instant>,
    connect_timeout: Duration,
    failed_timeout: Duration,
}

impl States {
    pub(super) fn new(connect_timeout: Duration, failed_timeout: Duration) -> Self {
        Self {
            ice: IceState::New,
            encrypted: false,
            settled: false,
            fails_at: None,
            connect_timeout,
            failed_timeout,
        }
    }

    /// Descriptions have been exchanged, or credentials renewed: looking for a path starts anew.
    pub(super) fn started(&mut self, now: Instant) {
        self.settled = false;
        if !matches!(self.ice, IceState::Connected | IceState::Completed | IceState::Closed) {
            self.ice = IceState::Checking;
            self.fails_at = Some(now + self.connect_timeout);
        }
    }

    /// The engine's ICE moved on.
    pub(super) fn ice(&mut self, state: IceConnectionState, now: Instant) {
        self.settled = matches!(state, IceConnectionState::Connected | IceConnectionState::Completed);
        match state {
            IceConnectionState::New => {}
            IceConnectionState::Checking => {
                // Before there is an exchange it is checking nothing, and after a failure only a
                // restart, which comes through `started`, begins anew.
                if matches!(self.ice, IceState::Disconnected) {
                    self.ice = IceState::Checking;
                }
            }
            IceConnectionState::Connected => self.found(IceState::Connected),
            IceConnectionState::Completed => self.found(IceState::Completed),
            IceConnectionState::Disconnected => {
                // Without a path so far the time for connecting goes on running.
                if matches!(self.ice, IceState::Connected | IceState::Completed) {
                    self.ice = IceState::Disconnected;
                    self.fails_at = Some(now + self.failed_timeout);
                }
            }
        }
    }

    /// Path and encryption are both there.
    pub(super) fn encrypted(&mut self) {
        self.encrypted = true;
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.fails_at.is_some_and(|at| at <= now) {
            self.fails_at = None;
            self.ice = IceState::Failed;
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.fails_at
    }

    pub(super) fn close(&mut self) {
        self.ice = IceState::Closed;
        self.fails_at = None;
    }

    /// What the connection is, all taken together.
    pub(super) fn overall(&self) -> ConnectionState {
        match self.ice {
            IceState::New => ConnectionState::New,
            IceState::Connected | IceState::Completed if self.encrypted => ConnectionState::Connected,
            IceState::Checking | IceState::Connected | IceState::Completed => ConnectionState::Connecting,
            IceState::Disconnected => ConnectionState::Disconnected,
            IceState::Failed => ConnectionState::Failed,
            IceState::Closed => ConnectionState::Closed,
        }
    }

    fn found(&mut self, state: IceState) {
        if self.ice != IceState::Closed {
            self.ice = state;
            self.fails_at = None;
        }
    }
}
