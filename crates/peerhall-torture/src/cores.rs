//! Which cores the server and what presses on it run on: attackers of the real world have machines of their own, and
//! one that shares the server's core shows how a system divides its cores, and not what the server does.

use std::io;
use std::process::{Child, Command};
use std::thread;

use peerhall_load::machine;

use crate::failed::Failed;

/// The server's.
const SERVERS: usize = 0;

/// Does what presses on a server on every core but one. On a machine of one core, both share it.
///
/// # Errors
///
/// Those of the work.
pub(crate) fn beside_the_server<T: Send>(
    work: impl FnOnce() -> Result<T, Failed> + Send,
) -> Result<T, Failed> {
    let kept_off = || {
        machine::keep_off_core(SERVERS);
        work()
    };
    thread::scope(|scope| {
        let done = scope.spawn(kept_off).join();
        done.unwrap_or_else(|_| Err(Failed::new("what presses on the server panicked")))
    })
}

/// Starts a server on that one core and no other.
///
/// # Errors
///
/// When it cannot be started.
pub(crate) fn start_on_one(command: &mut Command) -> io::Result<Child> {
    // A process runs where the thread was that started it.
    let pinned = || {
        machine::pin_to_core(SERVERS);
        command.spawn()
    };
    thread::scope(|scope| {
        let started = scope.spawn(pinned).join();
        started.unwrap_or_else(|_| Err(io::Error::other("the starting thread panicked")))
    })
}
