//! The test vectors of RFC 5769, against what reads and writes messages for us.

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageIntegrityCredentials, MessageWriteVec,
    ShortTermCredentials,
};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};

use super::*;

/// Section 2.1: a request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, integrity and fingerprint.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
                       002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
                       000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// Section 2.2: the response over IPv4.
const IPV4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
                    002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7\
                    80280004c07d4c96";
/// Section 2.3: the response over IPv6.
const IPV6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
                    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf1\
                    1784c97c8292c275bfe3ed4180280004c8fb0b4c";
/// Section 2.4: a request with long-term credentials.
const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383\
                         e382afe382b900000015001c662f2f3439396b3935346436\
                         4f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700\
                         00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn short_term() -> MessageIntegrityCredentials {
    ShortTermCredentials::new("VOkJxbRl1RmTxUk/WvJxBt".to_owned()).into()
}

#[test]
fn the_request_is_read_and_its_proof_holds() {
    let bytes = bytes(REQUEST);
    let message = Message::from_bytes(&bytes).expect("with a right fingerprint");
    assert!(message.validate_integrity(&short_term()).is_ok());
    let mut changed = bytes.clone();
    changed[30] ^= 1;
    assert!(Message::from_bytes(&changed).is_err(), "a wrong fingerprint");
}

#[test]
fn the_addresses_of_the_responses_are_read_and_written() {
    for (hex, address) in [(IPV4, "192.0.2.1:32853"), (IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let bytes = bytes(hex);
        let message = Message::from_bytes(&bytes).expect("with a right fingerprint");
        assert!(message.validate_integrity(&short_term()).is_ok());
        let transaction = message.transaction_id();
        let mapped = message.attribute::<XorMappedAddress>().unwrap().addr(transaction);
        assert_eq!(mapped, at(address));
        let request = self::bytes(REQUEST);
        let request = Message::from_bytes(&request).unwrap();
        let mut ours = Message::builder_success(&request, MessageWriteVec::new());
        ours.add_attribute(&XorMappedAddress::new(mapped, transaction)).unwrap();
        let ours = ours.finish();
        assert!(bytes.windows(ours.len() - 20).any(|window| *window == ours[20..]), "{address}");
    }
}

#[test]
fn the_long_term_proof_holds_for_the_right_password_only() {
    let bytes = bytes(LONG_TERM);
    let message = Message::from_bytes(&bytes).unwrap();
    // User and password as SASLprep leaves them.
    let key = |password: &str| {
        LongTermKeyCredentials::new("マトリックス".to_owned(), password.to_owned(), "example.org".to_owned())
            .make_key(IntegrityAlgorithm::Sha1)
    };
    assert!(message.validate_integrity_with_key(&key("TheMatrIX")).is_ok());
    assert!(message.validate_integrity_with_key(&key("TheMatrix")).is_err());
}

#[test]
fn the_vectors_get_the_answers_of_a_server() {
    let mut lab = Lab::new();
    let answer = lab.raw(udp("9.9.9.9:1"), &bytes(REQUEST)).expect("an answer");
    assert_eq!(client::Got::read(&answer).code, Some(420), "PRIORITY is for peers, and must be understood");
    let answer = lab.raw(udp("9.9.9.9:1"), &bytes(LONG_TERM)).expect("an answer");
    assert_eq!(client::Got::read(&answer).mapped, Some(at("9.9.9.9:1")), "STUN needs no proof here");
    assert_eq!(lab.raw(udp("9.9.9.9:1"), &bytes(IPV4)), None);
}
