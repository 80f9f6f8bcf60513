//! STUN (RFC 8489).

use super::*;

#[test]
fn a_binding_request_is_answered_with_the_address_it_came_from() {
    let mut lab = Lab::new();
    for from in ["9.9.9.9:4000", "[2606:4700::9]:4000"] {
        let answer = lab.raw(udp(from), &Asked::binding().unsigned()).unwrap();
        let got = Got::read(&answer);
        assert_eq!((got.code, got.mapped, got.has_fingerprint), (None, Some(at(from)), false));
    }
    assert_eq!(lab.engine.counted().bindings, 2);
    assert_eq!(lab.engine.counted().allocations, 0);
}

#[test]
fn a_fingerprint_is_answered_with_a_fingerprint() {
    let answer = Lab::new().raw(udp("9.9.9.9:1"), &Asked::binding().with_fingerprint().unsigned()).unwrap();
    assert!(Got::read(&answer).has_fingerprint);
}

#[test]
fn what_has_to_be_understood_and_is_not_is_named() {
    // RFC 8489 section 6.3.1. CHANGE-REQUEST asks for what a server with one address cannot do.
    let asked = Asked::binding().with_raw(0x0003, &[0, 0, 0, 6]).with_raw(0x8fff, &[1]);
    let got = Got::read(&Lab::new().raw(udp("9.9.9.9:1"), &asked.unsigned()).unwrap());
    assert_eq!(got.code, Some(420));
    let unknown = got.unknown.expect("a list");
    assert!(unknown.has_attribute(0x0003.into()) && !unknown.has_attribute(0x8fff.into()));
}

#[test]
fn t36_what_is_no_stun_is_not_answered() {
    let mut lab = Lab::new();
    let request = Asked::binding().with_fingerprint().unsigned();
    let mut wrong = vec![Vec::new(), vec![0], vec![0xff; 100], b"GET / HTTP/1.1\r\n\r\n".to_vec()];
    // Cut anywhere, and with any byte changed but those that say that there is a fingerprint.
    wrong.extend((1..request.len()).map(|length| request[..length].to_vec()));
    wrong.extend((4..20).chain(22..request.len()).map(|place| {
        let mut changed = request.clone();
        changed[place] ^= 0x41;
        changed
    }));
    // Answers and indications are not for a server.
    for kind in [[0x01, 0x01], [0x01, 0x11], [0x00, 0x11]] {
        let mut other = Asked::binding().unsigned();
        other[..2].copy_from_slice(&kind);
        wrong.push(other);
    }
    for bytes in wrong {
        assert_eq!(lab.raw(udp("9.9.9.9:1"), &bytes), None, "{bytes:02x?}");
    }
}
