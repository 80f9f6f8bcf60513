//! Requests and indications of TURN (RFC 8656 section 18), built and read.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use stun_types::attribute::{AlternateServer, ErrorCode, XorMappedAddress};
use stun_types::message::{Message, MessageClass, MessageWriteVec, Method, StunWriteError};
use stun_types::prelude::{AttributeStaticType as _, MessageWrite as _, MessageWriteExt as _};
use turn_types::AddressFamily;
use turn_types::attribute::{
    ChannelNumber, Data, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress,
    XorRelayedAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA, REFRESH, SEND};

use super::auth::Auth;
use crate::net::server::TurnCredential;

/// Lifetime of an allocation whose response names none (RFC 8656 section 3.2).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);

/// Which addresses an allocation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// What the server does unless asked: IPv4.
    Default,
    /// IPv6, for servers without IPv4.
    Ipv6,
}

/// A request, as often as it has to be built: every nonce makes another message of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Allocate(Family),
    /// Keeps the allocation.
    Refresh,
    /// Gives it back.
    Release,
    Permission(IpAddr),
    Channel {
        number: u16,
        peer: SocketAddr,
    },
}

impl Request {
    /// The message, signed if the server has said how.
    pub(super) fn build(
        self,
        credential: &TurnCredential,
        auth: Option<&Auth>,
    ) -> Result<Vec<u8>, StunWriteError> {
        let mut message = Message::builder_request(self.method(), MessageWriteVec::new());
        let transaction = message.transaction_id();
        match self {
            Self::Allocate(family) => {
                message.add_attribute(&RequestedTransport::new(RequestedTransport::UDP))?;
                if family == Family::Ipv6 {
                    message.add_attribute(&RequestedAddressFamily::new(AddressFamily::IPV6))?;
                }
            }
            Self::Refresh => {}
            Self::Release => message.add_attribute(&Lifetime::new(0))?,
            Self::Permission(ip) => {
                // The port of a permission means nothing.
                message.add_attribute(&XorPeerAddress::new(SocketAddr::new(ip, 0), transaction))?;
            }
            Self::Channel { number, peer } => {
                message.add_attribute(&ChannelNumber::new(number))?;
                message.add_attribute(&XorPeerAddress::new(peer, transaction))?;
            }
        }
        if let Some(auth) = auth {
            auth.sign(&mut message, credential)?;
        }
        Ok(message.finish())
    }

    fn method(self) -> Method {
        match self {
            Self::Allocate(_) => ALLOCATE,
            Self::Refresh | Self::Release => REFRESH,
            Self::Permission(_) => CREATE_PERMISSION,
            Self::Channel { .. } => CHANNEL_BIND,
        }
    }
}

/// Payload for a peer without a channel.
pub(super) fn send_indication(peer: SocketAddr, payload: &[u8]) -> Result<Vec<u8>, StunWriteError> {
    let mut message = Message::builder_indication(
        SEND,
        MessageWriteVec::with_capacity(payload.len().next_multiple_of(4) + 48),
    );
    let transaction = message.transaction_id();
    message.add_attribute(&XorPeerAddress::new(peer, transaction))?;
    message.add_attribute(&Data::new(payload))?;
    Ok(message.finish())
}

/// Who sent a payload without a channel, and where in the message it stands.
pub(super) fn data_indication(message: &Message<'_>) -> Option<(SocketAddr, Range<usize>)> {
    if !message.has_class(MessageClass::Indication) || !message.has_method(DATA) {
        return None;
    }
    let peer = message.attribute::<XorPeerAddress>().ok()?.addr(message.transaction_id());
    let (offset, data) = message.raw_attribute_and_offset(Data::TYPE)?;
    let start = offset + ATTRIBUTE_HEADER;
    Some((peer, start..start + usize::from(data.header.length())))
}

/// Type and length of an attribute.
const ATTRIBUTE_HEADER: usize = 4;

/// What the response to an Allocate grants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Granted {
    pub(super) relayed: SocketAddr,
    pub(super) mapped: Option<SocketAddr>,
    pub(super) lifetime: Duration,
}

/// What the response to an Allocate grants, or `None` when it lacks a usable address.
pub(super) fn granted(response: &Message<'_>) -> Option<Granted> {
    let transaction = response.transaction_id();
    // coturn puts 0.0.0.0:0 before an address of IPv6.
    let relayed = (0..MAX_RELAYED).map_while(|n| response.nth_attribute::<XorRelayedAddress>(n).ok());
    let relayed = relayed.map(|relayed| relayed.addr(transaction)).find(is_usable)?;
    let mapped = response.attribute::<XorMappedAddress>().ok().map(|mapped| mapped.addr(transaction));
    Some(Granted { relayed, mapped, lifetime: lifetime(response) })
}

/// One for each family (RFC 8656 section 7.3).
const MAX_RELAYED: usize = 2;

fn is_usable(relayed: &SocketAddr) -> bool {
    !relayed.ip().is_unspecified() && !relayed.ip().is_multicast() && relayed.port() != 0
}

/// How long the allocation lives from now on.
pub(super) fn lifetime(response: &Message<'_>) -> Duration {
    let lifetime = response.attribute::<Lifetime>().ok();
    lifetime.map_or(DEFAULT_LIFETIME, |lifetime| Duration::from_secs(u64::from(lifetime.seconds())))
}

/// The code of an error response.
pub(super) fn error_code(response: &Message<'_>) -> Option<u16> {
    response.attribute::<ErrorCode>().ok().map(|error| error.code())
}

/// Where an error response with code 300 sends the client.
pub(super) fn alternate_server(response: &Message<'_>) -> Option<SocketAddr> {
    response.attribute::<AlternateServer>().ok().map(|alternate| alternate.server())
}
