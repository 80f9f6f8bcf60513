//! Which addresses of this machine get a socket.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};

use super::config::{Allow, Loopback, NetworkConfig};

/// Most addresses that get a socket. Every one is a candidate, and candidates of two sides are
/// paired with each other, so a machine with a hundred container bridges must not offer them all.
pub(super) const MAX_ADDRESSES: usize = 16;

/// An address of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The address itself.
    pub(super) ip: IpAddr,
    /// Name of the interface it belongs to.
    pub(super) interface: String,
    /// Number of the interface, which link-local IPv6 addresses need; 0 when the system gives none.
    pub(super) index: u32,
}

impl Address {
    /// Where a socket binds for any free port.
    pub(super) fn any_port(&self) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddrV4::new(ip, 0).into(),
            IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, 0, 0, self.index).into(),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, 0, 0, 0).into(),
        }
    }
}

/// The addresses that a network with this configuration uses now.
pub(super) fn usable(config: &NetworkConfig) -> io::Result<Vec<Address>> {
    let all = if_addrs::get_if_addrs()?.into_iter().filter(if_addrs::Interface::is_oper_up);
    let all = all.map(|interface| Address {
        ip: interface.ip(),
        index: interface.index.unwrap_or(0),
        interface: interface.name,
    });
    Ok(select(all.collect(), config))
}

/// How wanted an address is; lower classes are used only when no higher one exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Loopback,
    LinkLocal,
    Global,
}

fn class(ip: IpAddr) -> Option<Class> {
    let (loopback, link_local, never) = match ip {
        IpAddr::V4(ip) => (ip.is_loopback(), ip.is_link_local(), ip.is_broadcast()),
        IpAddr::V6(ip) => (ip.is_loopback(), ip.is_unicast_link_local(), ip.to_ipv4_mapped().is_some()),
    };
    if never || ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    Some(match (loopback, link_local) {
        (true, _) => Class::Loopback,
        (false, true) => Class::LinkLocal,
        (false, false) => Class::Global,
    })
}

fn select(all: Vec<Address>, config: &NetworkConfig) -> Vec<Address> {
    let allowed = all.into_iter().filter(|address| is_allowed(address, &config.allow));
    let classed: Vec<_> = allowed.filter_map(|address| Some((class(address.ip)?, address))).collect();
    let best = classed.iter().map(|(class, _)| *class).max();
    let loopback_too = config.loopback == Loopback::Always;
    let mut chosen: Vec<Address> = Vec::new();
    for (class, address) in classed {
        let wanted = Some(class) == best || (class == Class::Loopback && loopback_too);
        if wanted && !chosen.iter().any(|other| other.ip == address.ip) {
            chosen.push(address);
        }
    }
    chosen.truncate(MAX_ADDRESSES);
    chosen
}

fn is_allowed(address: &Address, allow: &[Allow]) -> bool {
    allow.is_empty()
        || allow.iter().any(|allow| match allow {
            Allow::Interface(name) => *name == address.interface,
            Allow::Address(ip) => *ip == address.ip,
        })
}

/// The address of this machine from which packets to `remote` leave, or `None` without a route.
/// Asks the routing table by connecting a UDP socket, which sends nothing.
pub(super) fn route_to(remote: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = match remote {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
    };
    let probe = UdpSocket::bind(any).ok()?;
    probe.connect(remote).ok()?;
    Some(probe.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(addresses: &[&str]) -> Vec<Address> {
        let parse = |text: &&str| Address {
            ip: text.parse().expect("an address"),
            interface: if text.starts_with("127") || *text == "::1" { "lo" } else { "eth0" }.to_owned(),
            index: 2,
        };
        addresses.iter().map(parse).collect()
    }

    fn chosen(addresses: &[&str], config: &NetworkConfig) -> Vec<String> {
        select(machine(addresses), config).iter().map(|address| address.ip.to_string()).collect()
    }

    const LAPTOP: [&str; 6] = ["127.0.0.1", "::1", "192.0.2.4", "2001:db8::4", "fe80::4", "169.254.3.4"];

    #[test]
    fn loopback_and_link_local_are_left_out_beside_real_addresses() {
        assert_eq!(chosen(&LAPTOP, &NetworkConfig::default()), ["192.0.2.4", "2001:db8::4"]);
    }

    #[test]
    fn loopback_is_added_when_asked_for() {
        let config = NetworkConfig { loopback: Loopback::Always, ..NetworkConfig::default() };
        assert_eq!(chosen(&LAPTOP, &config), ["127.0.0.1", "::1", "192.0.2.4", "2001:db8::4"]);
    }

    #[test]
    fn link_local_is_used_when_there_is_nothing_better_and_loopback_when_alone() {
        let config = NetworkConfig::default();
        assert_eq!(chosen(&["127.0.0.1", "fe80::4"], &config), ["fe80::4"]);
        assert_eq!(chosen(&["127.0.0.1", "::1"], &config), ["127.0.0.1", "::1"]);
        assert_eq!(chosen(&[], &config), [""; 0]);
    }

    #[test]
    fn the_allow_list_names_interfaces_or_addresses() {
        let only = |allow| NetworkConfig { allow: vec![allow], ..NetworkConfig::default() };
        let address = Allow::Address("2001:db8::4".parse().expect("an address"));
        assert_eq!(chosen(&LAPTOP, &only(address)), ["2001:db8::4"]);
        let interface = Allow::Interface("lo".to_owned());
        assert_eq!(chosen(&LAPTOP, &only(interface)), ["127.0.0.1", "::1"]);
    }

    #[test]
    fn addresses_that_no_socket_has_are_left_out_and_the_list_is_bounded() {
        let config = NetworkConfig::default();
        assert_eq!(chosen(&["0.0.0.0", "::", "224.0.0.1", "192.0.2.4", "192.0.2.4"], &config), ["192.0.2.4"]);
        let many: Vec<String> = (1..=100).map(|last| format!("10.0.0.{last}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(chosen(&many, &config).len(), MAX_ADDRESSES);
    }

    #[test]
    fn a_link_local_address_binds_with_the_number_of_its_interface() {
        let addresses = machine(&["fe80::4", "2001:db8::4"]);
        let bound: Vec<_> = addresses.iter().map(|address| address.any_port().to_string()).collect();
        assert_eq!(bound, ["[fe80::4%2]:0", "[2001:db8::4]:0"]);
    }

    #[test]
    fn the_route_to_loopback_leaves_from_loopback() {
        let server = SocketAddr::from(([127, 0, 0, 1], 3478));
        assert!(route_to(server).is_some_and(|ip| ip.is_loopback()));
    }
}
