//! The life of an allocation (RFC 8656 sections 6 to 8).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::client::Ended;
use super::message::{Family, Request};
use crate::net::event::ServerFailure;
use crate::net::stun::{Link, Transaction};

/// How long before its end an allocation is refreshed: time for a request to be lost seven times,
/// and some.
const REFRESH_MARGIN: Duration = Duration::from_secs(60);

/// Where an allocation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allocation {
    Asked,
    Held { relayed: SocketAddr, refresh_at: Instant },
    Releasing,
    Ended,
}

impl Allocation {
    pub(super) fn held(relayed: SocketAddr, lifetime: Duration, now: Instant) -> Self {
        Self::Held { relayed, refresh_at: now + refresh_after(lifetime) }
    }

    pub(super) fn relayed(self) -> Option<SocketAddr> {
        match self {
            Self::Held { relayed, .. } => Some(relayed),
            Self::Asked | Self::Releasing | Self::Ended => None,
        }
    }

    /// Whether it is time; if so, the next time is far away until the answer says when.
    pub(super) fn wants_refresh(&mut self, now: Instant) -> bool {
        match self {
            Self::Held { refresh_at, .. } if *refresh_at <= now => {
                *refresh_at = now + Duration::from_secs(3_600);
                true
            }
            Self::Held { .. } | Self::Asked | Self::Releasing | Self::Ended => false,
        }
    }

    pub(super) fn refreshed(&mut self, lifetime: Duration, now: Instant) {
        if let Self::Held { refresh_at, .. } = self {
            *refresh_at = now + refresh_after(lifetime);
        }
    }
}

/// A minute before the end, or at three quarters of a life shorter than four minutes. Servers give
/// an hour at most (RFC 8656 section 7.2), whatever they say.
fn refresh_after(lifetime: Duration) -> Duration {
    let lifetime = lifetime.clamp(Duration::from_secs(4), Duration::from_secs(3_600));
    lifetime - REFRESH_MARGIN.min(lifetime / 4)
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) request: Request,
    pub(super) transaction: Transaction,
    /// Whether it carries a proof, so that its answer must.
    pub(super) signed: bool,
    /// How many nonces of it were called stale before.
    pub(super) stale: u8,
}

impl Pending {
    pub(super) fn new(
        request: Request,
        message: Vec<u8>,
        link: Link,
        signed: bool,
        stale: u8,
        now: Instant,
    ) -> Self {
        Self { request, transaction: Transaction::new(message, link, now), signed, stale }
    }
}

/// What follows when an allocation was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Ask(Family),
    End(Ended),
}

impl Next {
    pub(super) fn after_refused_allocation(family: Family, code: u16, alternate: Option<SocketAddr>) -> Self {
        match (code, family, alternate) {
            // The server relays for IPv6 only.
            (440, Family::Default, _) => Self::Ask(Family::Ipv6),
            (300, _, Some(server)) => Self::End(Ended::OtherServer(server)),
            (437, _, _) => Self::End(Ended::OtherSocket),
            (code, _, _) => Self::End(Ended::Failed(ServerFailure::from_code(code))),
        }
    }
}

impl ServerFailure {
    /// What an error code of STUN or TURN means (RFC 8489 section 14.8, RFC 8656 section 19).
    pub(super) fn from_code(code: u16) -> Self {
        match code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            437 => Self::AllocationMismatch,
            438 => Self::StaleNonce,
            440 | 443 => Self::FamilyUnsupported,
            486 => Self::QuotaReached,
            508 => Self::InsufficientCapacity,
            code => Self::Refused(code),
        }
    }
}
