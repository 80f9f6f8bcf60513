//! Requests to STUN servers: when they are sent again, and what a binding response says.

mod transaction;

use std::net::SocketAddr;
use std::time::Instant;

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{BINDING, Message, MessageClass, MessageWriteVec, TransactionId};
use stun_types::prelude::MessageWrite as _;

pub(super) use transaction::{Due, Link, Transaction};

/// Bytes of a STUN header.
const HEADER: usize = 20;

/// Bytes 4 to 7 of every STUN message (RFC 8489 section 5).
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// The transaction of a response, read without parsing the rest: most packets that look like STUN
/// are ICE's and none of ours. `None` for everything that is no STUN response.
pub(super) fn response_transaction(datagram: &[u8]) -> Option<TransactionId> {
    let header: &[u8; HEADER] = datagram.first_chunk()?;
    let [kind, _, _, _, c0, c1, c2, c3, id @ ..] = header;
    // The two highest bits are 0 in STUN, and the lowest bit of this byte is 1 in responses.
    let is_response = kind & 0xc1 == 0x01;
    if !is_response || [*c0, *c1, *c2, *c3] != MAGIC_COOKIE {
        return None;
    }
    Some(id.iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte)).into())
}

/// A binding request for the address that the server sees.
pub(super) fn binding(now: Instant) -> Transaction {
    let request = Message::builder_request(BINDING, MessageWriteVec::with_capacity(HEADER));
    Transaction::new(request.finish(), Link::Datagrams, now)
}

/// The address that a binding response tells, `None` when it tells none.
pub(super) fn mapped_address(datagram: &[u8]) -> Option<SocketAddr> {
    let message = Message::from_bytes(datagram).ok()?;
    if !message.has_class(MessageClass::Success) || !message.has_method(BINDING) {
        return None;
    }
    let attribute = message.attribute::<XorMappedAddress>().ok()?;
    Some(attribute.addr(message.transaction_id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.2: a binding response for 192.0.2.1:32853 over IPv4.
    const RFC_5769_2_2: [u8; 80] = [
        0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa,
        0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f,
        0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08, 0x00,
        0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53,
        0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
    ];

    #[test]
    fn a_binding_response_tells_the_address() {
        let expected = "192.0.2.1:32853".parse().ok();
        assert_eq!(mapped_address(&RFC_5769_2_2), expected);
        assert_eq!(response_transaction(&RFC_5769_2_2), Some(0xb7e7_a701_bc34_d686_fa87_dfae_u128.into()));
    }

    #[test]
    fn a_request_is_found_by_its_response_only() {
        let mut transaction = binding(Instant::now());
        let request = transaction.message().to_vec();
        assert_eq!(response_transaction(&request), None, "a request is no response");
        let mut response = request;
        response[0] |= 0x01;
        assert_eq!(response_transaction(&response), Some(transaction.id()));
        assert!(matches!(transaction.poll(Instant::now()), Due::Send));
    }

    #[test]
    fn cut_or_changed_responses_tell_nothing() {
        for length in 0..RFC_5769_2_2.len() {
            assert_eq!(mapped_address(&RFC_5769_2_2[..length]), None, "{length} bytes");
        }
        let mut other_cookie = RFC_5769_2_2;
        other_cookie[4] ^= 1;
        assert_eq!(response_transaction(&other_cookie), None);
    }
}
