//! Questions and answers of mDNS.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, TYPE};

/// One label and `.local`, in small letters. `Debug` shows nothing: the name stands for an address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct LocalName(String);

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) ip: IpAddr,
    pub(super) ttl: Duration,
}

impl LocalName {
    /// Takes the names that browsers make, and those of machines: letters, digits and hyphens.
    /// Longer names would let a remote have us ask the network for anything.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let name = text.to_ascii_lowercase();
        let label = name.strip_suffix(".local")?;
        let fits = (1..=63).contains(&label.len());
        let usable = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (fits && usable).then_some(Self(name))
    }

    /// One message for each family: a browser reads no message with two questions.
    pub(super) fn questions(&self) -> Vec<Vec<u8>> {
        [TYPE::A, TYPE::AAAA].into_iter().filter_map(|kind| self.question(kind)).collect()
    }

    fn question(&self, kind: TYPE) -> Option<Vec<u8>> {
        // Number 0, as all of multicast DNS (RFC 6762 section 18.1).
        let mut packet = Packet::new_query(0);
        let name = Name::new(&self.0).ok()?;
        packet.questions.push(Question::new(name, kind.into(), CLASS::IN.into(), false));
        packet.build_bytes_vec().ok()
    }

    /// The address of this name, if the message says it.
    pub(super) fn answer_in(&self, message: &[u8]) -> Option<Answer> {
        let packet = Packet::parse(message).ok()?;
        if !packet.has_flags(PacketFlag::RESPONSE) {
            return None;
        }
        packet.answers.iter().chain(&packet.additional_records).find_map(|record| {
            let ip = if let RData::A(record) = &record.rdata {
                IpAddr::V4(record.address.into())
            } else if let RData::AAAA(record) = &record.rdata {
                IpAddr::V6(record.address.into())
            } else {
                return None;
            };
            let named = record.name.to_string().eq_ignore_ascii_case(&self.0);
            // A life of nothing takes an address back.
            let ttl = Duration::from_secs(u64::from(record.ttl));
            (named && record.ttl > 0 && is_usable(ip)).then_some(Answer { ip, ttl })
        })
    }
}

impl fmt::Debug for LocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalName(<redacted>)")
    }
}

/// Whether a packet can be sent there. A link-local IPv6 address needs the number of an interface,
/// which the answer does not have.
fn is_usable(ip: IpAddr) -> bool {
    let scoped = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    !scoped && !ip.is_unspecified() && !ip.is_multicast()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use simple_dns::rdata::{A, AAAA, TXT};
    use simple_dns::{QCLASS, QTYPE, ResourceRecord};

    use super::*;

    const NAME: &str = "b4f2c1de-5a0b-4c63-9a3e-0d8f5e6a7b1c.local";

    fn name() -> LocalName {
        LocalName::parse(NAME).expect("a browser's name")
    }

    fn message(records: Vec<(&'static str, u32, RData<'static>)>) -> Vec<u8> {
        let mut packet = Packet::new_reply(0);
        for (name, ttl, rdata) in records {
            let name = Name::new(name).expect("a name");
            packet.answers.push(ResourceRecord::new(name, CLASS::IN, ttl, rdata).with_cache_flush(true));
        }
        packet.build_bytes_vec().expect("a message")
    }

    fn a(last: u8) -> RData<'static> {
        RData::A(A { address: u32::from_be_bytes([192, 0, 2, last]) })
    }

    fn aaaa(text: &str) -> RData<'static> {
        let ip: std::net::Ipv6Addr = text.parse().expect("an address");
        RData::AAAA(AAAA { address: ip.into() })
    }

    #[test]
    fn each_question_stands_alone_and_asks_for_a_multicast_answer() {
        let kinds: Vec<_> = name()
            .questions()
            .iter()
            .map(|question| {
                let packet = Packet::parse(question).expect("our own message");
                assert_eq!((packet.id(), packet.questions.len()), (0, 1));
                let question = &packet.questions[0];
                assert_eq!((question.qname.to_string().as_str(), question.unicast_response), (NAME, false));
                assert_eq!(question.qclass, QCLASS::CLASS(CLASS::IN));
                question.qtype
            })
            .collect();
        assert_eq!(kinds, [QTYPE::TYPE(TYPE::A), QTYPE::TYPE(TYPE::AAAA)]);
    }

    #[test]
    fn the_first_usable_address_of_the_name_is_taken() {
        let answer = message(vec![
            ("other.local", 120, a(1)),
            (NAME, 120, RData::TXT(TXT::new())),
            (NAME, 0, a(2)),
            (NAME, 120, aaaa("fe80::1")),
            (NAME, 60, aaaa("2001:db8::3")),
            (NAME, 120, a(4)),
        ]);
        let ip = "2001:db8::3".parse().expect("an address");
        assert_eq!(name().answer_in(&answer), Some(Answer { ip, ttl: Duration::from_secs(60) }));
    }

    #[test]
    fn names_are_compared_without_case() {
        let upper = "B4F2C1DE-5A0B-4C63-9A3E-0D8F5E6A7B1C.LOCAL";
        assert!(name().answer_in(&message(vec![(upper, 120, a(1))])).is_some());
        assert_eq!(LocalName::parse(upper), Some(name()));
    }

    #[test]
    fn a_question_is_no_answer() {
        assert!(name().questions().iter().all(|question| name().answer_in(question).is_none()));
    }

    #[test]
    fn other_names_are_asked_of_nobody() {
        for text in
            ["", "local", ".local", "example.org", "a.b.local", "printer._tcp.local", "a b.local", "ä.local"]
        {
            assert_eq!(LocalName::parse(text), None, "{text}");
        }
        assert_eq!(LocalName::parse(&format!("{}.local", "x".repeat(64))), None);
    }

    proptest! {
        #[test]
        fn no_message_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), response: bool) {
            let mut bytes = bytes;
            if let Some(flags) = bytes.get_mut(2) && response {
                *flags |= 0x80;
            }
            let _ = name().answer_in(&bytes);
        }

        #[test]
        fn no_changed_message_does_harm(at in 0_usize..200, value: u8) {
            let mut bytes = message(vec![(NAME, 120, a(1)), (NAME, 120, aaaa("2001:db8::3"))]);
            let length = bytes.len();
            bytes[at % length] = value;
            let _ = name().answer_in(&bytes);
        }
    }
}
