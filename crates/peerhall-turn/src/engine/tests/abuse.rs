//! What must not be possible: threats 33 to 36.

use proptest::prelude::*;
use stun_types::attribute::{Nonce, Realm, Software, Username};
use stun_types::message::{Message, MessageWriteVec};
use stun_types::prelude::{AttributeStaticType as _, MessageWrite as _, MessageWriteExt as _};
use turn_types::attribute::{RequestedTransport, XorPeerAddress};
use turn_types::message::{ALLOCATE, REFRESH, SEND};

use super::*;
use crate::filter::tests::FORBIDDEN;

const HERE: &str = "9.9.9.9:4000";
const PEER: &str = "8.8.8.8:5000";

fn nonce(lab: &mut Lab, client: Client) -> String {
    let challenge = lab.raw(client, &Asked::allocate().unsigned()).expect("a challenge");
    Got::read(&challenge).nonce.expect("a nonce")
}

fn both(lab: &mut Lab, client: Client) {
    use turn_types::{AddressFamily, attribute::AdditionalAddressFamily};
    let asked = Asked::allocate().with(&AdditionalAddressFamily::new(AddressFamily::IPV6));
    assert_eq!(lab.ask(client, &alice(), asked).code, None);
}

#[test]
fn t33_no_special_address_gets_a_permission_a_channel_or_a_payload() {
    let mut lab = Lab::new();
    let stream = Client { from: at(HERE), transport: Transport::Stream(1) };
    both(&mut lab, stream);
    for (number, address) in (0x4000..).zip(FORBIDDEN) {
        let peer = SocketAddr::new(ip(address), 5_000).to_string();
        assert_eq!(lab.permit(stream, &peer), Some(403), "{address}");
        assert_eq!(lab.bind(stream, number, &peer), Some(403), "{address}");
        assert_eq!(lab.send(stream, &peer, b"x"), None, "{address}");
        assert_eq!(lab.channel(stream, number, b"x"), None, "{address}");
    }
    assert!(lab.world.to_peers.is_empty());
}

#[test]
fn t33_of_our_own_address_only_open_relay_ports_are_reached() {
    let own = PeerFilter { own: vec![ip("9.0.0.1"), ip("9.0.0.2")], ..PeerFilter::default() };
    let mut lab = Lab::with(|_| {}, own);
    let relayed = lab.allocate(udp(HERE));
    let other = lab.allocate(udp("9.9.9.9:4001"));
    assert_eq!(lab.permit(udp(HERE), "9.0.0.2:5000"), Some(403), "another address of this machine");
    assert_eq!(lab.permit(udp(HERE), &other.to_string()), None);
    for service in ["9.0.0.1:3478", "9.0.0.1:7788", "9.0.0.1:53", "9.0.0.1:0"] {
        assert_eq!(lab.bind(udp(HERE), 0x4000, service), Some(403), "{service}");
        assert_eq!(lab.send(udp(HERE), service, b"x"), None, "{service}");
    }
    assert!(lab.send(udp(HERE), &other.to_string(), b"x").is_some());
    assert_eq!(lab.bind(udp(HERE), 0x4000, &other.to_string()), None);
    let gone = Asked::refresh(0);
    assert_eq!(lab.ask(udp("9.9.9.9:4001"), &alice(), gone).code, None);
    assert_eq!(lab.channel(udp(HERE), 0x4000, b"x"), None, "the port is closed");
    assert_eq!(lab.dropped(Dropped::Forbidden), 5);
    assert_ne!(relayed, other);
}

#[test]
fn t33_ports_of_services_are_not_reached() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    assert_eq!(lab.permit(udp(HERE), PEER), None);
    for port in [0, 25, 53, 123, 1_023] {
        let peer = format!("8.8.8.8:{port}");
        assert_eq!(lab.bind(udp(HERE), 0x4000, &peer), Some(403));
        assert_eq!(lab.send(udp(HERE), &peer, b"x"), None);
    }
}

#[test]
fn t33_a_permission_does_not_outlast_a_stricter_filter() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    assert_eq!(lab.bind(udp(HERE), 0x4000, PEER), None);
    assert!(lab.channel(udp(HERE), 0x4000, b"x").is_some());
    lab.engine.set_filter(PeerFilter { own: vec![ip("8.8.8.8")], ..PeerFilter::default() });
    assert_eq!(lab.channel(udp(HERE), 0x4000, b"x"), None);
    assert_eq!(lab.send(udp(HERE), PEER, b"x"), None);
}

#[test]
fn t34_whoever_has_proven_nothing_gets_at_most_three_times_what_he_sent() {
    let mut lab = Lab::new();
    let stale = "0".repeat(24);
    let unsigned = [
        Asked::binding().unsigned(),
        Asked::binding().with_fingerprint().unsigned(),
        Asked::binding().with_raw(0x7fff, &[]).unsigned(),
        // The smallest that is challenged.
        Asked::new(REFRESH).unsigned(),
        Asked::allocate().unsigned(),
        Asked::allocate().with_fingerprint().unsigned(),
        Asked::new(ALLOCATE).with(&RequestedTransport::new(6)).unsigned(),
        Asked::refresh(600).unsigned(),
        Asked::allocate().signed(&alice(), "wrong", &stale).0,
        Asked::allocate().signed_as("x", "wrong", "x", &stale).0,
    ];
    for from in [HERE, "[2606:4700::9]:4000"] {
        for request in &unsigned {
            let answer = lab.raw(udp(from), request).expect("an answer");
            let ratio = answer.len() as f64 / request.len() as f64;
            assert!(ratio <= 3.0, "{} bytes for {}", answer.len(), request.len());
            let message = Message::from_bytes(&answer).unwrap();
            assert!(!message.has_attribute(Software::TYPE), "nobody is told what runs here");
        }
    }
}

#[test]
fn t34_a_source_is_answered_so_often_and_a_client_with_an_allocation_always() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    let answered = |lab: &mut Lab, from: &str| {
        (0..1_000).filter(|_| lab.raw(udp(from), &Asked::allocate().unsigned()).is_some()).count()
    };
    assert!(answered(&mut lab, "9.9.9.9:4001") < 50, "its address has been answered before");
    assert_eq!(lab.engine.counted().throttled, 1_000 - 49);
    assert_eq!(answered(&mut lab, HERE), 1_000);
    lab.pass(secs(1));
    assert_eq!(answered(&mut lab, "9.9.9.9:4001"), 10);
    let stream = Client { from: at("9.9.9.9:4002"), transport: Transport::Stream(7) };
    let over_tcp = (0..100).filter(|_| lab.raw(stream, &Asked::binding().unsigned()).is_some()).count();
    assert_eq!(over_tcp, 100, "whoever has a connection has not forged its address");
}

#[test]
fn t34_sixty_thousand_sources_leave_nothing_behind() {
    let mut lab = Lab::new();
    for n in 0..60_000_u32 {
        let from = SocketAddr::new(IpAddr::from((0x0a00_0000 + n * 3).to_be_bytes()), 4_000);
        let client = Client { from, transport: Transport::Datagrams { listener: 0, local: None } };
        for request in [Asked::allocate().unsigned(), Asked::refresh(600).unsigned()] {
            lab.engine.receive(lab.now, client, &request, &mut lab.world);
        }
        lab.world.to_clients.clear();
    }
    let engine = &lab.engine;
    assert_eq!((engine.clients.capacity(), engine.due.capacity(), engine.allocations.len()), (0, 0, 0));
    assert_eq!(engine.common.reservations().capacity(), 0);
    assert!(lab.world.open.is_empty());
}

#[test]
fn a_nonce_is_checked_for_age_and_address_and_renewed() {
    let mut lab = Lab::new();
    let old = nonce(&mut lab, udp(HERE));
    let ask = |lab: &mut Lab, client, nonce: &str| {
        let (request, key) = Asked::allocate().signed(&alice(), SECRET, nonce);
        Got::proven(&lab.raw(client, &request).expect("an answer"), &key)
    };
    let stolen = ask(&mut lab, udp("9.9.9.9:4001"), &old);
    assert_eq!(stolen.code, Some(438));
    lab.pass(secs(3_601));
    let stale = ask(&mut lab, udp(HERE), &old);
    assert_eq!((stale.code, stale.realm.as_deref()), (Some(438), Some("peerhall")));
    assert_eq!(ask(&mut lab, udp(HERE), &stale.nonce.expect("a new one")).code, None);
    assert_eq!(lab.engine.counted().refused(Refusal::StaleNonce), 2);
}

#[test]
fn only_a_living_user_with_the_right_password_is_let_in() {
    let mut lab = Lab::new();
    let expired = RelayUser { expires_at: UNIX, ..alice() };
    let cases = [
        (alice().to_string(), "wrong", "peerhall"),
        (expired.to_string(), SECRET, "peerhall"),
        (alice().to_string(), SECRET, "another realm"),
        ("alice".to_owned(), SECRET, "peerhall"),
        (format!("{}:alice", UNIX + 86_400), SECRET, "peerhall"),
        (format!("0{}", alice()), SECRET, "peerhall"),
    ];
    for (username, secret, realm) in cases {
        let nonce = nonce(&mut lab, udp(HERE));
        let (request, _) = Asked::allocate().signed_as(&username, secret, realm, &nonce);
        let got = Got::read(&lab.raw(udp(HERE), &request).expect("an answer"));
        assert_eq!(got.code, Some(401), "{username} {realm}");
        assert!(got.nonce.is_some(), "a new challenge");
    }
    assert!(lab.world.open.is_empty());
}

#[test]
fn a_proof_without_a_name_a_realm_or_a_nonce_is_a_bad_request() {
    let mut lab = Lab::new();
    let nonce = nonce(&mut lab, udp(HERE));
    let (whole, _) = Asked::allocate().signed(&alice(), SECRET, &nonce);
    for missing in [Username::TYPE, Realm::TYPE, Nonce::TYPE] {
        let message = Message::from_bytes(&whole).unwrap();
        let mut without =
            Message::builder(message.get_type(), message.transaction_id(), MessageWriteVec::new());
        for (_, attribute) in message.iter_attributes() {
            let kind = attribute.header.get_type();
            if kind != missing && kind != stun_types::attribute::MessageIntegrity::TYPE {
                without.add_attribute(&attribute).unwrap();
            }
        }
        let key = stun_types::message::ShortTermCredentials::new("any".to_owned()).make_key();
        let algorithm = stun_types::message::IntegrityAlgorithm::Sha1;
        without.add_message_integrity_with_key(&key, algorithm).unwrap();
        let answer = lab.raw(udp(HERE), &without.finish()).expect("an answer");
        assert_eq!(Got::read(&answer).code, Some(400), "{missing}");
    }
}

#[test]
fn a_request_that_was_changed_on_the_way_proves_nothing() {
    let mut lab = Lab::new();
    let nonce = nonce(&mut lab, udp(HERE));
    let (request, _) = Asked::allocate().signed(&alice(), SECRET, &nonce);
    let mut changed = request.clone();
    changed[24] = 6;
    let answer = lab.raw(udp(HERE), &changed).expect("an answer");
    assert_eq!(Got::read(&answer).code, Some(401), "REQUESTED-TRANSPORT is another one");
}

#[test]
fn an_allocation_obeys_its_user_only() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    for asked in [Asked::refresh(0), Asked::permission(&[at(PEER)]), Asked::channel(0x4000, at(PEER))] {
        assert_eq!(lab.ask(udp(HERE), &user("mallory"), asked).code, Some(441));
    }
    assert_eq!(lab.world.open.len(), 1);
}

#[test]
fn t35_ports_of_a_user_and_of_an_app_are_bounded() {
    let mut lab = Lab::with(
        quotas(|quotas| {
            quotas.ports_per_user = count(2);
            quotas.ports_per_app = Some(count(3));
        }),
        PeerFilter::default(),
    );
    let mut ask =
        |port: u16, who: &str| lab.ask(udp(&format!("9.9.9.9:{port}")), &user(who), Asked::allocate()).code;
    assert_eq!((ask(1, "alice"), ask(2, "alice"), ask(3, "alice")), (None, None, Some(486)));
    assert_eq!((ask(4, "bob"), ask(5, "carol")), (None, Some(486)));
    let other = RelayUser { app: "other".parse().unwrap(), ..alice() };
    assert_eq!(lab.ask(udp("9.9.9.9:6"), &other, Asked::allocate()).code, None);
}

#[test]
fn a_kick_ends_the_allocations_of_a_peer_and_makes_its_credentials_worthless() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    assert_eq!(lab.ask(udp("9.9.9.9:1"), &user("bob"), Asked::allocate()).code, None);
    let alice = alice();
    lab.engine.common.accounts.revoke(&alice.app, &alice.peer, UNIX * 1_000 + 5, UNIX + 90_000);
    assert_eq!(lab.engine.revoke(&alice.app, &alice.peer, &mut lab.world), 1);
    assert_eq!(lab.world.open.len(), 1, "bob is still relayed");
    let nonce = nonce(&mut lab, udp(HERE));
    let (again, _) = Asked::allocate().signed(&alice, SECRET, &nonce);
    assert_eq!(Got::read(&lab.raw(udp(HERE), &again).unwrap()).code, Some(401));
    let anew = RelayUser { issued_at_ms: UNIX * 1_000 + 6, ..alice };
    assert_eq!(lab.ask(udp(HERE), &anew, Asked::allocate()).code, None, "a kick is no ban");
}

#[test]
fn a_call_outlasts_its_user_name_by_twelve_hours_and_no_more() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    let mut refreshed = 0_u64;
    loop {
        lab.pass(secs(500));
        let challenge = lab.raw(udp(HERE), &Asked::refresh(600).unsigned()).unwrap();
        let nonce = Got::read(&challenge).nonce.unwrap();
        let (request, _) = Asked::refresh(600).signed(&alice(), SECRET, &nonce);
        match Got::read(&lab.raw(udp(HERE), &request).unwrap()).code {
            None => refreshed += 500,
            code => break assert_eq!(code, Some(401)),
        }
    }
    let limit = 86_400 + 12 * 3_600;
    assert!((limit - 500..limit).contains(&refreshed), "{refreshed}");
    lab.pass(secs(600));
    assert!(lab.world.open.is_empty());
}

#[test]
fn while_a_secret_is_replaced_both_are_good() {
    let start = Instant::now();
    let secrets = ["new", SECRET].map(|secret| TurnSecret::new(secret).unwrap());
    let ipv4 = Some(RelayAddress::plain(ip("9.0.0.1")));
    let options = EngineOptions { ipv4, ..EngineOptions::default() };
    let common = Common::new(options, secrets.into(), &[7; 32], start);
    let engine = Engine::new(common, PeerFilter::default(), 1, start);
    let now = Now { at: start, unix_secs: UNIX };
    let mut lab = Lab { engine, world: World::default(), now, start };
    lab.allocate(udp(HERE));
    let client = udp("9.9.9.9:1");
    let nonce = nonce(&mut lab, client);
    let (request, key) = Asked::allocate().signed(&alice(), "new", &nonce);
    assert_eq!(Got::proven(&lab.raw(client, &request).unwrap(), &key).code, None);
}

#[test]
fn no_secret_is_in_debug_texts() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    let text = format!("{:?}", lab.engine);
    assert!(!text.contains(SECRET) && !text.contains("7, 7, 7"), "{text}");
}

proptest! {
    #[test]
    fn t36_no_bytes_do_harm(
        head in prop::array::uniform20(any::<u8>()), body in prop::collection::vec(any::<u8>(), 0..200), stun: bool,
    ) {
        let mut lab = Lab::new();
        lab.allocate(udp(HERE));
        prop_assert_eq!(lab.bind(udp(HERE), 0x4000, PEER), None);
        let mut bytes = [&head[..], &body].concat();
        if stun {
            bytes[0] &= 0x01;
            bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            let length = u16::try_from(body.len() / 4 * 4).expect("short");
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes.truncate(20 + usize::from(length));
        }
        for from in [HERE, "9.9.9.8:1"] {
            lab.engine.receive(lab.now, udp(from), &bytes, &mut lab.world);
        }
        lab.world.to_peers.clear();
        lab.world.to_clients.clear();
        prop_assert!(lab.channel(udp(HERE), 0x4000, b"x").is_some(), "the allocation is still there");
    }

    #[test]
    fn t36_an_indication_reaches_no_one_it_may_not(peer in any::<[u8; 4]>(), port: u16, raw in any::<[u8; 16]>()) {
        let mut lab = Lab::new();
        both(&mut lab, udp(HERE));
        for peer in [IpAddr::from(peer), IpAddr::from(raw)] {
            let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
            let transaction = message.transaction_id();
            message.add_attribute(&XorPeerAddress::new(SocketAddr::new(peer, port), transaction)).unwrap();
            message.add_attribute(&turn_types::attribute::Data::new(b"x")).unwrap();
            prop_assert_eq!(lab.raw(udp(HERE), &message.finish()), None);
        }
        prop_assert!(lab.world.to_peers.is_empty());
    }
}
