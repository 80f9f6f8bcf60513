//! Why a command did not do what was asked.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use peerhall_auth::pattern::PatternSetError;
use peerhall_auth::random::NoRandomness;
use peerhall_auth::token::{Member, MintError, Problem};
use peerhall_load::LoadError;
use peerhall_server::StartError;
use peerhall_server::config::ConfigError;
use peerhall_server::store::StoreError;

/// What a command ends with.
pub(crate) type Outcome = Result<(), Failure>;

/// Why a command did not do what was asked: one sentence with the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments do not fit the command.
    #[error("{0}")]
    Usage(String),
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The token may not be made.
    #[error("{}", minting(.0))]
    Mint(#[from] MintError),
    /// The patterns of a key are too many.
    #[error("--channels: {0}; give 1 to 100 patterns")]
    Patterns(#[from] PatternSetError),
    /// The operating system gave no random bytes.
    #[error("{0}; try again")]
    NoRandomness(#[from] NoRandomness),
    /// What was to be printed did not reach its reader.
    #[error("cannot write to standard output: {0}; check what reads it")]
    Output(#[source] io::Error),
    /// A load could not be put on the server.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The server did not deliver everything.
    #[error("{0} deliveries, answers or connections were lost; the report above says where")]
    Lost(u64),
    /// The options of a client do not fit.
    #[error("{0}")]
    Client(#[from] peerhall::SetupError),
    /// A channel could not be joined.
    #[error("cannot join: {0}; check --url and the credential")]
    Join(#[from] peerhall::JoinError),
    /// Checks of a server found something that does not work.
    #[error("{0} of the checks found what does not work; each red line above names its cure")]
    Unwell(usize),
    /// The peer ended by itself.
    #[error("the peer ended: {0}")]
    Ended(String),
    /// A file cannot be read or written.
    #[error("{}: {source}; check the path, its permissions and the free space", path.display())]
    File {
        /// This one.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Files are missing at the end.
    #[error("{0} files did not arrive as they were sent; run the same command again for the rest")]
    Incomplete(usize),
    /// Stopped before everything was done.
    #[error("stopped before everything arrived; run the same command again to go on")]
    GivenUp,
    /// The operating system gave no random bytes for a code.
    #[error("there is no randomness for a code: {0}; try again")]
    NoSecret(String),
    /// No threads.
    #[error("cannot start: {0}; check the limits of this process")]
    Runtime(#[source] io::Error),
    /// SIGTERM and SIGINT cannot be waited for.
    #[error("cannot wait for signals: {0}; check the limits of this process")]
    Signals(#[source] io::Error),
}

impl Failure {
    /// 2 for arguments that do not fit, as usual, and 1 for everything else.
    pub(crate) fn status(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::Usage(_)) { 2 } else { 1 })
    }
}

/// The words of the REST API in those of the command line.
fn minting(error: &MintError) -> String {
    match error {
        MintError::InvalidRequest { field, why: Problem::Lifetime { .. } } => {
            format!("{}: a token lives for at least 1s; give a length of time such as 1h", flag(*field))
        }
        MintError::InvalidRequest { field, why } => {
            format!("{}: {why}; see `peerhall token mint --help`", flag(*field))
        }
        MintError::ChannelReserved { .. } => {
            format!("{error}; choose a channel that does not start with _metered/, _internal/ or _system/")
        }
        MintError::ActionNotPermitted { .. } | MintError::ChannelNotAuthorized { .. } => {
            format!("{error}; `peerhall key list` shows what the key may grant")
        }
        MintError::NotASigningKey => format!("{error}; `peerhall key list` shows the keys"),
        // The enum is open; its texts say what is wrong.
        _ => format!("{error}; see `peerhall token mint --help`"),
    }
}

const fn flag(member: Member) -> &'static str {
    match member {
        Member::PeerId => "--sub",
        Member::Channels => "--channels",
        Member::Permissions => "--permissions",
        Member::ExpiresInSec => "--expires",
        Member::Metadata => "--metadata",
        Member::PeerMetadata => "--peer-metadata",
    }
}
