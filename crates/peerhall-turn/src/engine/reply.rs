//! Answers, from what was decided to bytes.

use std::net::SocketAddr;

use stun_types::attribute::{
    AttributeType, ErrorCode, Fingerprint, MessageIntegrity, Nonce, Realm, UnknownAttributes, Username,
    XorMappedAddress,
};
use stun_types::message::{IntegrityAlgorithm, Message, MessageWriteVec, StunWriteError};
use stun_types::prelude::{AttributeFromRaw, AttributeStaticType, MessageWrite as _, MessageWriteExt as _};
use turn_types::attribute::{
    AdditionalAddressFamily, ChannelNumber, Data, DontFragment, EvenPort, Lifetime, RequestedAddressFamily,
    RequestedTransport, ReservationToken, XorPeerAddress,
};

use super::outside::Client;
use super::proof::Proof;
use crate::refusal::Refusal;

/// Attributes that a request may have. Those from 0x8000 on may be ignored, and are.
const KNOWN: [AttributeType; 15] = [
    Username::TYPE,
    Realm::TYPE,
    Nonce::TYPE,
    MessageIntegrity::TYPE,
    Fingerprint::TYPE,
    ChannelNumber::TYPE,
    Lifetime::TYPE,
    XorPeerAddress::TYPE,
    Data::TYPE,
    RequestedAddressFamily::TYPE,
    AdditionalAddressFamily::TYPE,
    EvenPort::TYPE,
    RequestedTransport::TYPE,
    DontFragment::TYPE,
    ReservationToken::TYPE,
];

/// Most attributes that an answer calls unknown; it must not grow beyond its request.
const MAX_UNKNOWN: usize = 8;

/// A success response without its proof, or why there is none.
pub(super) type Made = Result<MessageWriteVec, Fault>;

/// Why there is no success response.
#[derive(Debug)]
pub(super) enum Fault {
    /// The request is refused.
    Refused(Refusal),
    /// A response could not be put together, which would be a defect; nothing is answered.
    Unwritable,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StunWriteError> for Fault {
    fn from(_: StunWriteError) -> Self {
        Self::Unwritable
    }
}

/// What a request is answered with, and who sent it if that was proven.
pub(super) struct Answer {
    pub(super) made: Made,
    pub(super) proof: Option<Proof>,
}

impl Answer {
    pub(super) fn into_bytes(
        self,
        request: &Message<'_>,
        client: Client,
        realm: &str,
        nonce: impl FnOnce(SocketAddr) -> String,
    ) -> Option<Vec<u8>> {
        let written = match self.made {
            Ok(response) => Ok(response),
            Err(Fault::Refused(refusal)) => refused(request, refusal, || (realm, nonce(client.from))),
            Err(Fault::Unwritable) => return None,
        };
        let finished = written.and_then(|mut response| {
            if let Some(proof) = &self.proof {
                response.add_message_integrity_with_key(&proof.key, IntegrityAlgorithm::Sha1)?;
            }
            if request.has_attribute(Fingerprint::TYPE) {
                response.add_fingerprint()?;
            }
            Ok(response.finish())
        });
        finished.ok()
    }
}

/// No reason phrase: the code says it, and the source may be forged.
fn refused<'r>(
    request: &Message<'_>,
    refusal: Refusal,
    challenge: impl FnOnce() -> (&'r str, String),
) -> Result<MessageWriteVec, StunWriteError> {
    let mut response = Message::builder_error(request, MessageWriteVec::new());
    response.add_attribute(&ErrorCode::new(refusal.code(), "")?)?;
    if refusal.is_challenge() {
        let (realm, nonce) = challenge();
        response.add_attribute(&Realm::new(realm)?)?;
        response.add_attribute(&Nonce::new(&nonce)?)?;
    }
    if refusal == Refusal::UnknownAttribute {
        let unknown: Vec<AttributeType> = unknown(request).take(MAX_UNKNOWN).collect();
        response.add_attribute(&UnknownAttributes::new(&unknown))?;
    }
    Ok(response)
}

/// The answer to a binding request (RFC 8489 section 6.3.1): the client's address as it is seen here.
pub(super) fn binding(request: &Message<'_>, client: Client) -> Made {
    let mut response = Message::builder_success(request, MessageWriteVec::new());
    response.add_attribute(&XorMappedAddress::new(client.from, request.transaction_id()))?;
    Ok(response)
}

/// Whether a request has attributes that have to be understood and are not.
pub(super) fn has_unknown(request: &Message<'_>) -> bool {
    unknown(request).next().is_some()
}

fn unknown<'m>(request: &'m Message<'_>) -> impl Iterator<Item = AttributeType> + use<'m> {
    let kinds = request.iter_attributes().map(|(_, attribute)| attribute.header.get_type());
    kinds.filter(|kind| kind.comprehension_required() && !KNOWN.contains(kind))
}

/// An attribute that need not be there, but must be whole if it is.
pub(super) fn optional<'m, A>(message: &'m Message<'m>, malformed: Refusal) -> Result<Option<A>, Refusal>
where
    A: AttributeStaticType + AttributeFromRaw<'m>,
{
    if !message.has_attribute(A::TYPE) {
        return Ok(None);
    }
    message.attribute::<A>().map(Some).map_err(|_| malformed)
}

/// An attribute that must be there.
pub(super) fn required<'m, A>(message: &'m Message<'m>) -> Result<A, Refusal>
where
    A: AttributeStaticType + AttributeFromRaw<'m>,
{
    message.attribute::<A>().map_err(|_| Refusal::BadRequest)
}
