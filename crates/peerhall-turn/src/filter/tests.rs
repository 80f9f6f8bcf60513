use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One address at least of every range that must not be reached.
pub(crate) const FORBIDDEN: [&str; 46] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd00::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
];

#[test]
fn t33_no_special_address_is_relayed_to() {
    let filter = PeerFilter::default();
    for address in FORBIDDEN {
        assert!(!filter.permits(ip(address)), "{address}");
    }
}

#[test]
fn the_open_internet_is_relayed_to() {
    let filter = PeerFilter::default();
    let open = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.1",
        "203.0.112.1",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2003::1",
        "2606:4700::1111",
        "2a00:1450::1",
    ];
    for address in open {
        assert!(filter.permits(ip(address)), "{address}");
    }
}

#[test]
fn what_is_named_is_allowed_and_what_is_denied_stays_denied() {
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let filter = PeerFilter {
        allowed: networks(&["192.168.0.0/16", "127.0.0.0/8", "0.0.0.0/0", "::/0"]),
        denied: networks(&["192.168.7.0/24", "8.8.8.8"]),
        own: vec![ip("192.168.1.1"), ip("1.1.1.1")],
    };
    assert!(filter.permits(ip("192.168.1.2")) && filter.permits(ip("127.0.0.1")));
    assert!(filter.permits(ip("192.168.1.1")), "an own address that is named");
    assert!(!filter.permits(ip("192.168.7.1")) && !filter.permits(ip("8.8.8.8")));
    for nobody in ["0.0.0.0", "0.0.0.1", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0"] {
        assert!(!filter.permits(ip(nobody)), "{nobody}");
    }
    // A mapped address is the IPv4 address it stands for.
    assert!(!filter.permits(ip("::ffff:192.168.7.1")));
}

#[test]
fn own_addresses_are_not_relayed_to() {
    let filter = PeerFilter { own: vec![ip("9.9.9.9"), ip("2606:4700::1")], ..PeerFilter::default() };
    assert!(!filter.permits(ip("9.9.9.9")) && !filter.permits(ip("2606:4700::1")));
    assert!(filter.permits(ip("9.9.9.10")));
}

#[test]
fn ports_of_services_are_not_relayed_to() {
    assert!(
        !PeerFilter::permits_port(0) && !PeerFilter::permits_port(53) && !PeerFilter::permits_port(1_023)
    );
    assert!(PeerFilter::permits_port(1_024) && PeerFilter::permits_port(65_535));
}
