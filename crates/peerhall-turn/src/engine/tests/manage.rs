//! Refresh, permissions and channels: sections 8 to 10 and 12.

use turn_types::AddressFamily;
use turn_types::attribute::{AdditionalAddressFamily, ChannelNumber, RequestedAddressFamily};
use turn_types::message::{CHANNEL_BIND, CONNECT, CREATE_PERMISSION};

use super::*;

const HERE: &str = "9.9.9.9:4000";
const PEER: &str = "8.8.8.8:5000";

#[test]
fn a_refresh_keeps_an_allocation_and_zero_gives_it_back() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    for _ in 0..12 {
        lab.pass(secs(500));
        let got = lab.ask(udp(HERE), &alice(), Asked::refresh(600));
        assert_eq!((got.code, got.lifetime), (None, Some(600)));
    }
    let got = lab.ask(udp(HERE), &alice(), Asked::refresh(0));
    assert_eq!((got.code, got.lifetime), (None, Some(0)));
    assert!(lab.world.open.is_empty());
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::refresh(0)).code, Some(437));
    assert!(lab.engine.common.accounts.peers(&alice().app).is_empty());
}

#[test]
fn a_shorter_life_ends_earlier() {
    let mut lab = Lab::new();
    lab.ask(udp(HERE), &alice(), Asked::allocate().with(&turn_types::attribute::Lifetime::new(3_600)));
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::refresh(600)).code, None);
    lab.pass(secs(599));
    assert_eq!(lab.world.open.len(), 1);
    lab.pass(secs(1));
    assert!(lab.world.open.is_empty());
}

#[test]
fn refreshing_without_end_takes_no_memory() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    for n in 0..1_000 {
        assert_eq!(lab.ask(udp(HERE), &alice(), Asked::refresh([600, 3_600][n % 2])).code, None);
        lab.pass(secs(1));
    }
    assert!(lab.engine.due.len() <= 4, "{}", lab.engine.due.len());
}

#[test]
fn one_family_of_two_can_be_given_back() {
    let mut lab = Lab::new();
    let both = Asked::allocate().with(&AdditionalAddressFamily::new(AddressFamily::IPV6));
    lab.ask(udp(HERE), &alice(), both);
    let ipv6 = || RequestedAddressFamily::new(AddressFamily::IPV6);
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::refresh(0).with(&ipv6())).code, None);
    assert_eq!(lab.world.open.len(), 1);
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::refresh(600).with(&ipv6())).code, Some(443));
    assert_eq!(lab.permit(udp(HERE), "[2606:4700::9]:1"), Some(443));
    assert_eq!(lab.permit(udp(HERE), PEER), None);
    assert_eq!(lab.engine.common.accounts.apps().first().map(|app| app.ports), Some(1));
}

#[test]
fn without_an_allocation_there_is_nothing_to_keep() {
    let mut lab = Lab::new();
    for asked in [Asked::refresh(600), Asked::permission(&[at(PEER)]), Asked::channel(0x4000, at(PEER))] {
        assert_eq!(lab.ask(udp(HERE), &alice(), asked).code, Some(437));
    }
}

#[test]
fn an_unknown_method_is_a_bad_request() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::new(CONNECT)).code, Some(400), "RFC 6062 is left out");
}

#[test]
fn a_permission_lets_an_address_in_for_five_minutes() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    assert_eq!(lab.arrive(PEER, b"before"), None);
    assert_eq!(lab.permit(udp(HERE), PEER), None);
    lab.pass(secs(299));
    assert!(lab.arrive(PEER, b"within").is_some());
    assert!(lab.arrive("8.8.8.8:6000", b"another port").is_some());
    assert_eq!(lab.arrive("8.8.4.4:5000", b"another address"), None);
    lab.pass(secs(1));
    assert_eq!(lab.arrive(PEER, b"after"), None);
    assert_eq!(lab.send(udp(HERE), PEER, b"out"), None);
    assert_eq!(lab.dropped(Dropped::NoPermission), 4);
}

#[test]
fn permissions_come_together_or_not_at_all() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    let mixed = Asked::permission(&[at(PEER), at("127.0.0.1:1")]);
    assert_eq!(lab.ask(udp(HERE), &alice(), mixed).code, Some(403));
    assert_eq!(lab.arrive(PEER, b"x"), None);
    let families = Asked::permission(&[at(PEER), at("[2606:4700::9]:1")]);
    assert_eq!(lab.ask(udp(HERE), &alice(), families).code, Some(443));
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::new(CREATE_PERMISSION)).code, Some(400), "nobody named");
    let half = Asked::new(CREATE_PERMISSION).with_raw(0x0012, &[0, 1, 0]);
    assert_eq!(lab.ask(udp(HERE), &alice(), half).code, Some(400));
    assert_eq!(lab.ask(udp(HERE), &alice(), Asked::permission(&[at(PEER), at("8.8.4.4:1")])).code, None);
    assert!(lab.arrive(PEER, b"x").is_some() && lab.arrive("8.8.4.4:9", b"x").is_some());
}

#[test]
fn a_channel_has_one_peer_and_a_peer_one_channel() {
    let mut lab = Lab::new();
    lab.allocate(udp(HERE));
    assert_eq!(lab.bind(udp(HERE), 0x4000, PEER), None);
    assert_eq!(lab.bind(udp(HERE), 0x4000, PEER), None, "refreshed");
    assert_eq!(lab.bind(udp(HERE), 0x4000, "8.8.4.4:5000"), Some(400));
    assert_eq!(lab.bind(udp(HERE), 0x4001, PEER), Some(400));
    assert_eq!(lab.bind(udp(HERE), 0x7ffe, "8.8.8.8:5001"), None, "a client of RFC 5766");
    assert!(lab.channel(udp(HERE), 0x7ffe, b"x").is_some());
    for number in [0, 0x3fff, 0x7fff, 0x8000, 0xffff] {
        assert_eq!(lab.bind(udp(HERE), number, "1.1.1.1:5000"), Some(400), "{number:x}");
    }
    let incomplete = Asked::new(CHANNEL_BIND).with(&ChannelNumber::new(0x4003));
    assert_eq!(lab.ask(udp(HERE), &alice(), incomplete).code, Some(400));
    assert_eq!(lab.bind(udp(HERE), 0x4003, "[2606:4700::9]:1024"), Some(443));
}

#[test]
fn a_channel_ends_after_ten_minutes_and_its_permission_after_five() {
    let mut lab = Lab::new();
    lab.ask(udp(HERE), &alice(), Asked::allocate().with(&turn_types::attribute::Lifetime::new(3_600)));
    assert_eq!(lab.bind(udp(HERE), 0x4000, PEER), None);
    lab.pass(secs(301));
    assert_eq!(lab.arrive(PEER, b"in"), None, "the client did not renew the permission");
    assert!(lab.channel(udp(HERE), 0x4000, b"out").is_some());
    lab.pass(secs(300));
    assert_eq!(lab.channel(udp(HERE), 0x4000, b"out"), None);
    assert_eq!(lab.bind(udp(HERE), 0x4001, PEER), None, "and the peer may have another one");
}

#[test]
fn t35_permissions_and_channels_of_one_allocation_are_bounded() {
    let mut lab = Lab::new();
    let stream = Client { from: at(HERE), transport: Transport::Stream(1) };
    lab.allocate(stream);
    let codes: Vec<_> = (0..80).map(|n| lab.permit(stream, &format!("8.8.8.{n}:5000"))).collect();
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 64);
    assert_eq!(codes.last(), Some(&Some(508)));
    lab.pass(secs(301));
    let codes: Vec<_> =
        (0..80).map(|n| lab.bind(stream, 0x4000 + n, &format!("8.8.4.4:{}", 5_000 + n))).collect();
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 64, "what lapsed makes room");
    assert_eq!(codes.last(), Some(&Some(508)));
}
