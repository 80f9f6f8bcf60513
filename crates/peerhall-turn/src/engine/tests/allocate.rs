//! Allocations: sections 5 to 7.

use turn_types::AddressFamily;
use turn_types::attribute::{
    AdditionalAddressFamily, DontFragment, EvenPort, Lifetime, RequestedAddressFamily, RequestedTransport,
    ReservationToken,
};
use turn_types::message::ALLOCATE;

use super::*;

const HERE: &str = "9.9.9.9:4000";

#[test]
fn an_allocation_is_asked_for_challenged_and_granted() {
    let mut lab = Lab::new();
    let challenge = Got::read(&lab.raw(udp(HERE), &Asked::allocate().unsigned()).unwrap());
    assert_eq!((challenge.code, challenge.realm.as_deref()), (Some(401), Some("peerhall")));
    let got = lab.ask(udp(HERE), &alice(), Asked::allocate());
    assert_eq!(got.relayed, [at("9.0.0.1:50001")]);
    assert_eq!((got.code, got.lifetime, got.mapped), (None, Some(600), Some(at(HERE))));
    let counted = lab.engine.counted();
    assert_eq!((counted.allocations, counted.ports, counted.allocated), (1, 1, 1));
}

#[test]
fn a_lost_answer_is_given_again_and_another_request_refused() {
    let mut lab = Lab::new();
    let challenge = lab.raw(udp(HERE), &Asked::allocate().unsigned()).unwrap();
    let nonce = Got::read(&challenge).nonce.unwrap();
    let (request, _) = Asked::allocate().signed(&alice(), SECRET, &nonce);
    let first = lab.raw(udp(HERE), &request).unwrap();
    assert_eq!(lab.raw(udp(HERE), &request), Some(first), "byte for byte");
    assert_eq!(lab.world.open.len(), 1, "and no second port");
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::allocate()).code, Some(437));
    assert_eq!(lab.ask(udp("9.9.9.9:4001"), &alice(), Asked::allocate()).code, None, "another 5-tuple");
}

#[test]
fn each_mistake_has_its_code() {
    let udp_transport = || Asked::allocate();
    let family = |family| RequestedAddressFamily::new(family);
    let (v4, v6) = (AddressFamily::IPV4, AddressFamily::IPV6);
    let cases = [
        (Asked::new(ALLOCATE), 400, "no REQUESTED-TRANSPORT"),
        (Asked::new(ALLOCATE).with_raw(0x0019, &[17]), 400, "half a REQUESTED-TRANSPORT"),
        (Asked::new(ALLOCATE).with(&RequestedTransport::new(RequestedTransport::TCP)), 442, "TCP"),
        (udp_transport().with_raw(0x7fff, &[]), 420, "an unknown attribute"),
        (udp_transport().with_raw(0x000d, &[1]), 400, "half a LIFETIME"),
        (udp_transport().with_raw(0x0017, &[9, 0, 0, 0]), 440, "a family that does not exist"),
        (udp_transport().with(&family(v4)).with(&AdditionalAddressFamily::new(v6)), 400, "both families"),
        (udp_transport().with_raw(0x8000, &[1, 0, 0, 0]), 400, "IPv4 as the second"),
        (
            udp_transport().with(&ReservationToken::new(1)).with(&EvenPort::new(false)),
            400,
            "token and parity",
        ),
        (udp_transport().with(&ReservationToken::new(1)).with(&family(v4)), 400, "token and family"),
        (
            udp_transport().with(&EvenPort::new(true)).with(&AdditionalAddressFamily::new(v6)),
            400,
            "a reservation for two families",
        ),
        (udp_transport().with(&ReservationToken::new(1)), 508, "a token that was never given"),
    ];
    for (asked, code, what) in cases {
        let mut lab = Lab::new();
        assert_eq!(lab.ask(udp(HERE), &alice(), asked).code, Some(code), "{what}");
        assert!(lab.world.open.is_empty(), "{what}: no port stays open");
        assert!(lab.engine.common.accounts.peers(&alice().app).is_empty(), "{what}: no quota is used");
    }
}

#[test]
fn a_lifetime_is_between_ten_minutes_and_an_hour() {
    for (wanted, given) in [(1, 600), (600, 600), (1_000, 1_000), (3_600, 3_600), (u32::MAX, 3_600)] {
        let mut lab = Lab::new();
        let got = lab.ask(udp(HERE), &alice(), Asked::allocate().with(&Lifetime::new(wanted)));
        assert_eq!(got.lifetime, Some(given));
        lab.pass(secs(u64::from(given) - 1));
        assert_eq!(lab.world.open.len(), 1);
        lab.pass(secs(1));
        assert!(lab.world.open.is_empty(), "it ended by itself");
    }
}

#[test]
fn a_family_is_chosen_and_the_default_is_ipv4() {
    let mut lab = Lab::new();
    let asked = Asked::allocate().with(&RequestedAddressFamily::new(AddressFamily::IPV6));
    let got = lab.ask(udp(HERE), &alice(), asked.clone());
    assert_eq!(got.relayed, [at("[2606:4700::1]:50001")]);
    let mut lab = Lab::with(|options| options.ipv6 = None, PeerFilter::default());
    assert_eq!(lab.ask(udp(HERE), &alice(), asked).code, Some(440));
    let mut lab = Lab::with(|options| options.ipv4 = None, PeerFilter::default());
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::allocate()).code, Some(440));
}

#[test]
fn both_families_are_given_or_the_one_that_is_missing_is_named() {
    let asked = Asked::allocate().with(&AdditionalAddressFamily::new(AddressFamily::IPV6));
    let mut lab = Lab::new();
    let got = lab.ask(udp(HERE), &alice(), asked.clone());
    assert_eq!(got.relayed, [at("9.0.0.1:50001"), at("[2606:4700::1]:50002")]);
    assert_eq!(got.lacks, None);
    let mut lab = Lab::with(|options| options.ipv6 = None, PeerFilter::default());
    let got = lab.ask(udp(HERE), &alice(), asked);
    assert_eq!((got.relayed.len(), got.lacks), (1, Some((AddressFamily::IPV6, 440))));
    let ports: Vec<u32> = lab.engine.common.accounts.apps().iter().map(|app| app.ports).collect();
    assert_eq!(ports, [1], "what was not given does not count");
}

#[test]
fn an_even_port_can_be_asked_for() {
    let mut lab = Lab::new();
    let got = lab.ask(udp(HERE), &alice(), Asked::allocate().with(&EvenPort::new(false)));
    assert_eq!((got.relayed, got.token), (vec![at("9.0.0.1:50002")], None));
}

#[test]
fn a_reserved_port_is_the_next_one_and_for_its_user_only() {
    let mut lab = Lab::new();
    let got = lab.ask(udp(HERE), &alice(), Asked::allocate().with(&EvenPort::new(true)));
    let token = got.token.expect("a token");
    assert_eq!((lab.world.open.len(), lab.world.kept.len()), (1, 1));
    let redeem = || Asked::allocate().with(&ReservationToken::new(token));
    assert_eq!(lab.ask(udp("9.9.9.9:4002"), &user("mallory"), redeem()).code, Some(508));
    let got = lab.ask(udp("9.9.9.9:4001"), &alice(), redeem());
    assert_eq!(got.relayed, [at("9.0.0.1:50003")]);
    assert_eq!(lab.ask(udp("9.9.9.9:4003"), &alice(), redeem()).code, Some(508), "a token is good once");
    lab.pass(secs(601));
    assert!(lab.world.open.is_empty());
}

#[test]
fn a_reservation_that_nobody_takes_ends_after_thirty_seconds() {
    let mut lab = Lab::new();
    let got = lab.ask(udp(HERE), &alice(), Asked::allocate().with(&EvenPort::new(true)));
    lab.pass(secs(30));
    assert_eq!((lab.world.open.len(), lab.world.kept.len()), (1, 0));
    let late = Asked::allocate().with(&ReservationToken::new(got.token.unwrap()));
    assert_eq!(lab.ask(udp("9.9.9.9:4001"), &alice(), late).code, Some(508));
    assert_eq!(lab.engine.common.accounts.apps().first().map(|app| app.ports), Some(1));
}

#[test]
fn a_kick_takes_reserved_ports_too() {
    let mut lab = Lab::new();
    lab.ask(udp(HERE), &alice(), Asked::allocate().with(&EvenPort::new(true)));
    assert_eq!(lab.engine.revoke(&alice().app, &alice().peer, &mut lab.world), 1);
    assert!(lab.world.open.is_empty() && lab.world.kept.is_empty());
    assert!(lab.engine.common.accounts.peers(&alice().app).is_empty());
}

#[test]
fn a_datagram_that_must_not_be_cut_is_no_obstacle() {
    let mut lab = Lab::new();
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::allocate().with(&DontFragment::new())).code, None);
}

#[test]
fn without_a_free_port_there_is_no_allocation() {
    let mut lab = Lab::new();
    lab.world.exhausted = true;
    for asked in [
        Asked::allocate(),
        Asked::allocate().with(&EvenPort::new(true)),
        Asked::allocate().with(&AdditionalAddressFamily::new(AddressFamily::IPV6)),
    ] {
        assert_eq!(lab.ask(udp(HERE), &alice(), asked).code, Some(508));
    }
    lab.world.exhausted = false;
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::allocate()).code, None, "nothing was used up");
}

#[test]
fn a_stream_that_ends_takes_its_allocation_along() {
    let mut lab = Lab::new();
    let stream = Client { from: at(HERE), transport: Transport::Stream(1) };
    lab.allocate(stream);
    lab.allocate(udp(HERE));
    assert!(lab.engine.serves(stream));
    lab.engine.client_gone(stream, &mut lab.world);
    assert!(!lab.engine.serves(stream) && lab.engine.serves(udp(HERE)));
    assert_eq!(lab.world.open.len(), 1);
}

#[test]
fn ten_thousand_allocations_come_and_go_and_leave_little_memory() {
    let mut lab = Lab::with(
        quotas(|quotas| {
            quotas.ports_per_user = count(10_000);
            quotas.ports = count(10_000);
        }),
        PeerFilter::default(),
    );
    let client = |n: u16| Client {
        from: SocketAddr::new(ip("9.9.9.9"), n),
        transport: Transport::Stream(u64::from(n)),
    };
    for n in 0..10_000 {
        lab.allocate(client(n));
    }
    assert_eq!(lab.ask(client(10_000), &alice(), Asked::allocate()).code, Some(508));
    lab.pass(secs(601));
    assert!(lab.world.open.is_empty());
    let engine = &lab.engine;
    assert!(engine.clients.capacity() < 1_000 && engine.due.capacity() < 1_000);
    assert_eq!(engine.counted().allocations, 0);
}
