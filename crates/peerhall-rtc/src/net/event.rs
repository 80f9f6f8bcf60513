//! What a network tells its owner.

use std::io;
use std::sync::Arc;

use super::candidate::LocalCandidate;
use super::packets::Packets;
use super::server::ServerError;

/// What a network tells its owner.
#[derive(Debug)]
pub enum NetEvent {
    /// An address to tell the remote.
    Candidate(LocalCandidate),
    /// An address that works no longer: its interface went, or the relay gave it up.
    CandidateLost(LocalCandidate),
    /// Every server has given its candidates or has failed.
    GatheringDone,
    /// Datagrams came.
    Packets(Packets),
    /// A server gives nothing, or nothing any more. The others are not affected.
    Failed {
        /// Its address, as it stands in `ice_servers`.
        server: Arc<str>,
        /// Why.
        reason: ServerFailure,
    },
    /// Addresses of the machine came or went, which is worth an ICE restart at once. New
    /// candidates follow without being asked for.
    Changed,
}

/// Why a server gives no candidate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerFailure {
    /// Its name has no address. Worth a retry when the network changes.
    #[error("the name has no address")]
    NameNotFound,
    /// None of its addresses can be reached from here: the machine has no socket of that family.
    #[error("no route to the server")]
    NoRoute,
    /// No answer within the time. Worth a retry when the network changes.
    #[error("no answer in time")]
    Timeout,
    /// The connection was refused or broke.
    #[error("connection failed ({0:?})")]
    Connection(io::ErrorKind),
    /// TLS was not agreed on, mostly because the certificate is not trusted. Not worth a retry.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// User name or password is wrong, or has expired. Worth a retry only with others.
    #[error("user name or password refused (401)")]
    Unauthorized,
    /// The server does not want this client (403). Not worth a retry.
    #[error("refused by the server's policy (403)")]
    Forbidden,
    /// The user has all the allocations he may have (486). Worth a retry in a minute.
    #[error("allocation quota reached (486)")]
    QuotaReached,
    /// The server is full (508). Worth a retry in a minute.
    #[error("the server has no room (508)")]
    InsufficientCapacity,
    /// The server relays for neither IPv4 nor IPv6 (440).
    #[error("address family not supported (440)")]
    FamilyUnsupported,
    /// The server's idea of what is allocated differs from ours (437), on fresh sockets too.
    #[error("allocation mismatch (437)")]
    AllocationMismatch,
    /// Nonce after nonce is called stale (438).
    #[error("every nonce is called stale (438)")]
    StaleNonce,
    /// The server sends clients in circles (300).
    #[error("too many redirections (300)")]
    Redirected,
    /// It refused with another code.
    #[error("refused with code {0}")]
    Refused(u16),
    /// What it sends is not TURN, or breaks its rules.
    #[error("protocol violation by the server")]
    Protocol,
    /// No STUN message can carry the user name: it is longer than 508 bytes.
    #[error("the user name is too long for STUN")]
    CredentialTooLong,
    /// `stuns:` asks over TLS, which shows the address of a stream and none that UDP could use.
    #[error("a STUN server over TLS gives no candidate")]
    NoCandidates,
}

/// Why a network cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The list of servers has a mistake. Not worth a retry.
    #[error(transparent)]
    Servers(#[from] ServerError),
    /// The system did not tell its addresses or gave no socket.
    #[error("no socket: {0}")]
    Sockets(#[from] io::Error),
}
