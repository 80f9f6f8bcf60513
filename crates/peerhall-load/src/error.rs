//! Why a measurement could not be made.

use std::io;
use std::path::PathBuf;

/// Why a measurement could not be made: one sentence with the next step.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The URL of the server.
    #[error("{0}; give one such as ws://127.0.0.1:7788/v1?key=pk_live_…")]
    Url(String),
    /// The operating system refused something.
    #[error("cannot {what}: {cause}; check the limits of this process")]
    System {
        /// What was wanted.
        what: &'static str,
        /// What it said.
        cause: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {}: {cause}; check that it is installed", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// A server did not answer.
    #[error("the server at {0} does not answer; see its own output")]
    Silent(String),
    /// Some connections did not come about.
    #[error(
        "{failed} of {wanted} connections failed, the last one so: {last}; check the descriptor limits of both sides and the server's log"
    )]
    Connections {
        /// How many failed.
        failed: usize,
        /// How many were wanted.
        wanted: usize,
        /// Why.
        last: String,
    },
    /// Nothing came for a long time.
    #[error("nothing has happened for {seconds} s while {what}{}; see the server's log", complaint(last))]
    Stuck {
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
        /// What the server complained about last.
        last: Option<String>,
    },
    /// The store of our own server.
    #[error(transparent)]
    Store(#[from] peerhall_server::store::StoreError),
    /// A figure could not be handed on.
    #[error("{0}")]
    Output(String),
    /// A program of a comparison failed.
    #[error("{0}; see what it printed")]
    Program(String),
    /// A credential for our own server.
    #[error("cannot make a credential: {0}; try again")]
    Credential(String),
}

impl LoadError {
    /// Says what was wanted of the operating system.
    pub fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::System { what, cause }
    }
}

fn complaint(last: &Option<String>) -> String {
    last.as_ref().map_or_else(String::new, |last| format!(" (the server said {last})"))
}
