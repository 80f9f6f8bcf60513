//! SIGTERM and Ctrl-C: the first asks the server to stop, the second ends the process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// The wish that a server stops.
#[derive(Debug)]
pub(crate) struct StopSignal(Signals);

impl StopSignal {
    /// Starts listening. From here on the first signal no longer ends the process.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // In this order the first signal finds the flag down and the second finds it up.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                .map_err(Failure::Signals)?;
        }
        Signals::new([SIGTERM, SIGINT]).map(Self).map_err(Failure::Signals)
    }

    /// Blocks until the first signal.
    pub(crate) fn wait(mut self) {
        self.0.forever().next();
    }
}
