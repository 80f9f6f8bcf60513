//! Which peers are relayed to. Whoever may use a relay speaks with its address, so whatever trusts an
//! address must not be reachable through it (CVE-2018-4058, CVE-2020-26262, CVE-2026-27624).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::network::Network;

/// Lowest port of a peer: below are services, such as DNS and SMTP, that no peer connection uses.
const MIN_PEER_PORT: u16 = 1_024;

/// Which peer addresses are relayed to. The default relays to addresses of the open internet only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerFilter {
    /// Ranges that are relayed to although they would not be, such as the network of an office. Never
    /// unspecified, multicast or broadcast addresses. Default none.
    pub allowed: Vec<Network>,
    /// Ranges that are never relayed to, whatever else is said. Default none.
    pub denied: Vec<Network>,
    /// Addresses of this machine; beside them only open relay ports are relayed to. `allowed` wins.
    pub own: Vec<IpAddr>,
}

impl PeerFilter {
    /// Whether a peer at `address` may be relayed to at all.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let within = |networks: &[Network]| networks.iter().any(|network| network.contains(address));
        if self.denied.iter().any(|network| network.contains(address)) || is_nobody(address) {
            return false;
        }
        within(&self.allowed) || (is_open_internet(address) && !self.own.contains(&address))
    }

    /// Whether a peer may have that port.
    #[must_use]
    pub const fn permits_port(port: u16) -> bool {
        port >= MIN_PEER_PORT
    }
}

/// Addresses that no peer has: unspecified, multicast, broadcast.
fn is_nobody(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => ip.octets().first() == Some(&0) || ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast(),
    }
}

fn is_open_internet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => is_open_ipv4(ip),
        IpAddr::V6(ip) => is_open_ipv6(ip),
    }
}

/// Not in a special-purpose range (RFC 6890 and the registry of IANA).
fn is_open_ipv4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match (a, b) {
        // "This network", private, loopback, multicast, reserved and broadcast.
        (0 | 10 | 127 | 224..=255, _) => true,
        // Shared by the customers of a carrier (RFC 6598).
        (100, 64..=127) => true,
        // Link-local, the metadata service of cloud machines with it.
        (169, 254) => true,
        (172, 16..=31) => true,
        // IETF protocols and documentation; 6to4 relays.
        (192, 0) => matches!(c, 0 | 2),
        (192, 88) => c == 99,
        (192, 168) => true,
        // Benchmarks between networks (RFC 2544).
        (198, 18 | 19) => true,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        (_, _) => false,
    };
    !special
}

/// Global unicast, without the ranges in which an IPv4 address hides.
fn is_open_ipv6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // All that is handed out is in 2000::/3. Outside are ::, ::1, IPv4-compatible and IPv4-mapped
    // addresses, 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64), fc00::/7, fe80::/10, fec0::/10 and multicast.
    let special = match a {
        0x2000..=0x3fff => match (a, b) {
            // Teredo and the rest of the IETF's protocol assignments (2001::/23).
            (0x2001, 0..=0x1ff) => true,
            // Documentation.
            (0x2001, 0xdb8) | (0x3fff, 0..=0xfff) => true,
            // 6to4, which is IPv4.
            (0x2002, _) => true,
            (_, _) => false,
        },
        _ => true,
    };
    !special
}

#[cfg(test)]
pub(crate) mod tests;
