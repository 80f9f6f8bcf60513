//! Payloads: sections 11 and 12.

use super::client::{channel_data, data_indication, send_indication};
use super::*;

const HERE: &str = "9.9.9.9:4000";
const PEER: &str = "8.8.8.8:5000";

fn bound() -> Lab {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    assert_eq!(lab.bind(udp(HERE), 0x4000, PEER), None);
    lab
}

#[test]
fn channel_data_goes_to_the_peer_and_comes_back_in_the_channel() {
    let mut lab = bound();
    assert_eq!(lab.channel(udp(HERE), 0x4000, b"there"), Some((at(PEER), b"there".to_vec())));
    assert_eq!(lab.arrive(PEER, b"back"), Some(b"\x40\x00\x00\x04back".to_vec()));
    assert_eq!(lab.channel(udp(HERE), 0x4000, b""), Some((at(PEER), Vec::new())), "an empty datagram is one");
    let counted = lab.engine.counted();
    assert_eq!((counted.packets_to_peers, counted.bytes_to_peers), (2, 5));
    assert_eq!((counted.packets_to_clients, counted.bytes_to_clients), (1, 4));
    let [alice] = lab.engine.common.accounts.peers(&alice().app).try_into().unwrap();
    assert_eq!((alice.bytes_to_peers, alice.bytes_to_clients), (5, 4));
}

#[test]
fn padding_of_a_datagram_is_no_payload_and_a_short_one_is_malformed() {
    let mut lab = bound();
    let mut padded = channel_data(0x4000, b"five!");
    padded.extend([0; 3]);
    assert_eq!(lab.raw(udp(HERE), &padded), None);
    assert_eq!(lab.world.to_peers.pop().map(|(_, _, bytes)| bytes), Some(b"five!".to_vec()));
    for short in [&b"\x40"[..], b"\x40\x00\x00", b"\x40\x00\x00\x06five!"] {
        assert_eq!(lab.raw(udp(HERE), short), None);
    }
    assert_eq!((lab.world.to_peers.len(), lab.dropped(Dropped::Malformed)), (0, 3));
}

#[test]
fn without_a_channel_payloads_travel_in_indications() {
    let mut lab = Lab::new();
    let relayed = lab.allocate(udp(HERE));
    assert_eq!(lab.permit(udp(HERE), PEER), None);
    assert_eq!(lab.send(udp(HERE), PEER, b"there"), Some((at(PEER), b"there".to_vec())));
    assert_eq!(lab.world.open.values().next().map(|(_, port)| *port), Some(relayed.port()));
    let back = lab.arrive(PEER, b"back").expect("relayed");
    assert_eq!(data_indication(&back), (at(PEER), b"back".to_vec()));
}

#[test]
fn a_channel_of_another_peer_port_does_not_carry() {
    let mut lab = bound();
    let back = lab.arrive("8.8.8.8:5001", b"x").expect("the permission is for the address");
    assert_eq!(data_indication(&back), (at("8.8.8.8:5001"), b"x".to_vec()));
}

#[test]
fn payloads_of_strangers_go_nowhere() {
    let mut lab = bound();
    assert_eq!(lab.channel(udp("9.9.9.9:4001"), 0x4000, b"x"), None, "another client");
    assert_eq!(lab.channel(udp(HERE), 0x4001, b"x"), None, "another channel");
    assert_eq!(lab.send(udp("9.9.9.9:4001"), PEER, b"x"), None);
    assert_eq!(lab.send(udp(HERE), "8.8.4.4:5000", b"x"), None, "no permission");
    assert_eq!(lab.dropped(Dropped::NoAllocation), 2);
    assert_eq!(lab.dropped(Dropped::NoPermission), 2);
}

#[test]
fn an_incomplete_indication_is_no_payload() {
    let mut lab = bound();
    let whole = send_indication(at(PEER), b"payload");
    for length in 1..whole.len() {
        assert_eq!(lab.raw(udp(HERE), &whole[..length]), None);
    }
    assert!(lab.world.to_peers.is_empty());
}

#[test]
fn peers_of_both_families_are_reached_from_their_own_port() {
    use turn_types::{AddressFamily, attribute::AdditionalAddressFamily};
    let mut lab = Lab::new();
    let both = Asked::allocate().with(&AdditionalAddressFamily::new(AddressFamily::IPV6));
    lab.ask(udp(HERE), &alice(), both);
    let peers = [PEER, "[2606:4700::9]:5000"];
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::permission(&peers.map(at))).code, None);
    for peer in peers {
        assert!(lab.send(udp(HERE), peer, b"x").is_some(), "{peer}");
    }
    let families: Vec<Family> = lab.world.open.values().map(|(family, _)| *family).collect();
    assert_eq!(families.len(), 2);
}

#[test]
fn two_clients_meet_through_their_relays_although_the_address_is_our_own() {
    // Behind a NAT that forwards whole addresses: announced is not bound.
    let mut lab = Lab::with(
        |options| {
            options.ipv4 = Some(RelayAddress { bound: ip("10.0.0.1"), announced: ip("9.0.0.1") });
        },
        PeerFilter { own: vec![ip("10.0.0.1"), ip("9.0.0.1")], ..PeerFilter::default() },
    );
    let (here, there) = (udp(HERE), udp("9.9.9.8:4000"));
    let one = lab.allocate(here);
    let two = lab.allocate(there);
    assert_eq!(lab.bind(here, 0x4000, &two.to_string()), None);
    let (to, payload) = lab.channel(here, 0x4000, b"hello").expect("relayed");
    assert_eq!(to, SocketAddr::new(ip("10.0.0.1"), two.port()), "inside, the address is the bound one");
    // It comes in from the bound address of the first relay, and is known by the announced one.
    assert_eq!(lab.permit(there, &one.to_string()), None);
    let relay = lab.world.open.iter().find(|(_, (_, port))| *port == two.port()).map(|(relay, _)| *relay);
    let from = SocketAddr::new(ip("10.0.0.1"), one.port());
    lab.engine.receive_from_peer(lab.now, relay.unwrap(), from, &payload, &mut lab.world);
    let (_, bytes) = lab.world.to_clients.pop().expect("relayed");
    assert_eq!(data_indication(&bytes), (one, b"hello".to_vec()));
}

#[test]
fn bandwidth_that_is_used_up_drops_payloads_and_keeps_the_allocation() {
    let rate = quotas(|quotas| quotas.user_bytes_per_second = std::num::NonZeroU64::new(10_000));
    let mut lab = Lab::with(rate, PeerFilter::default());
    lab.allocate(udp(HERE));
    assert_eq!(lab.bind(udp(HERE), 0x4000, PEER), None);
    let sent = (0..20).filter(|_| lab.channel(udp(HERE), 0x4000, &[0; 1_000]).is_some()).count();
    assert_eq!((sent, lab.dropped(Dropped::OverRate)), (10, 10));
    assert_eq!(lab.arrive(PEER, &[0; 1_000]), None, "both directions share it");
    lab.pass(secs(1));
    assert!(lab.arrive(PEER, &[0; 1_000]).is_some());
}
