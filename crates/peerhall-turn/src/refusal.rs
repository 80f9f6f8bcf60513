//! Why a request is refused.

/// The error codes that this server answers with (RFC 8489 section 14.8, RFC 8656 section 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// 400: an attribute is missing, malformed or contradicts another.
    BadRequest,
    /// 401: no proof, a wrong one, or a user name that is none, has expired or was revoked.
    Unauthorized,
    /// 403: the peer's address is one that is not relayed to.
    Forbidden,
    /// 420: an attribute that has to be understood is not.
    UnknownAttribute,
    /// 437: there is no allocation for this 5-tuple, or there is one already.
    AllocationMismatch,
    /// 438: the nonce is too old, or of another address.
    StaleNonce,
    /// 440: no relay has an address of that family.
    FamilyUnsupported,
    /// 441: the allocation belongs to somebody else.
    WrongCredentials,
    /// 442: only UDP is relayed.
    TransportUnsupported,
    /// 443: the peer's address is of another family than the allocation.
    FamilyMismatch,
    /// 486: the user or the app has as many relay ports as it may.
    QuotaReached,
    /// 508: no free port, no descriptor, or a table is full.
    InsufficientCapacity,
}

impl Refusal {
    /// All of them, by ascending code.
    pub const ALL: [Self; 12] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::UnknownAttribute,
        Self::AllocationMismatch,
        Self::StaleNonce,
        Self::FamilyUnsupported,
        Self::WrongCredentials,
        Self::TransportUnsupported,
        Self::FamilyMismatch,
        Self::QuotaReached,
        Self::InsufficientCapacity,
    ];

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::UnknownAttribute => 420,
            Self::AllocationMismatch => 437,
            Self::StaleNonce => 438,
            Self::FamilyUnsupported => 440,
            Self::WrongCredentials => 441,
            Self::TransportUnsupported => 442,
            Self::FamilyMismatch => 443,
            Self::QuotaReached => 486,
            Self::InsufficientCapacity => 508,
        }
    }

    /// Whether the answer carries a new nonce and the realm.
    pub(crate) const fn is_challenge(self) -> bool {
        matches!(self, Self::Unauthorized | Self::StaleNonce)
    }
}
