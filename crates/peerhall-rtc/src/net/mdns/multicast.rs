//! The multicast group of mDNS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use if_addrs::Interface;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::UdpSocket;

/// The port of mDNS (RFC 6762 section 3).
const PORT: u16 = 5353;

/// The groups of mDNS.
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// Longest message (RFC 6762 section 17).
const MAX_MESSAGE: usize = 9_000;

/// Members of the group on every interface. Browsers answer to the group and not to who asked, so
/// being in it is the only way to hear them.
#[derive(Debug)]
pub(super) struct Group {
    v4: Option<Member<Ipv4Addr>>,
    /// Interfaces by number.
    v6: Option<Member<u32>>,
}

#[derive(Debug)]
struct Member<I> {
    socket: UdpSocket,
    interfaces: Vec<I>,
}

impl Group {
    /// Joins, or says `None` when neither family can.
    pub(super) fn join() -> Option<Self> {
        let up: Vec<_> = if_addrs::get_if_addrs().ok()?.into_iter().filter(Interface::is_oper_up).collect();
        let group = Self { v4: join_v4(&up), v6: join_v6(&up) };
        (group.v4.is_some() || group.v6.is_some()).then_some(group)
    }

    /// Sends to the group through every interface. What cannot be sent on one is heard on another,
    /// or the question goes unanswered.
    pub(super) fn send(&self, message: &[u8]) {
        if let Some(member) = &self.v4 {
            let (socket, group) =
                (SockRef::from(&member.socket), SockAddr::from(SocketAddr::from((GROUP_V4, PORT))));
            for interface in &member.interfaces {
                if socket.set_multicast_if_v4(interface).is_ok() {
                    drop(socket.send_to(message, &group));
                }
            }
        }
        if let Some(member) = &self.v6 {
            let (socket, group) =
                (SockRef::from(&member.socket), SockAddr::from(SocketAddr::from((GROUP_V6, PORT))));
            for interface in &member.interfaces {
                if socket.set_multicast_if_v6(*interface).is_ok() {
                    drop(socket.send_to(message, &group));
                }
            }
        }
    }

    /// The next message of anybody in the group.
    pub(super) async fn receive(&self) -> Vec<u8> {
        tokio::select! {
            message = receive(self.v4.as_ref().map(|member| &member.socket)) => message,
            message = receive(self.v6.as_ref().map(|member| &member.socket)) => message,
        }
    }
}

async fn receive(socket: Option<&UdpSocket>) -> Vec<u8> {
    let mut message = vec![0; MAX_MESSAGE];
    let length = match socket {
        Some(socket) => socket.recv(&mut message).await,
        None => std::future::pending().await,
    };
    match length {
        Ok(length) => message.truncate(length),
        // A socket that cannot receive stays silent; the limit of the question ends the wait.
        Err(_) => std::future::pending().await,
    }
    message
}

fn join_v4(up: &[Interface]) -> Option<Member<Ipv4Addr>> {
    let socket = socket(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, PORT).into()).ok()?;
    // The group is for one link (RFC 6762 section 11).
    socket.set_multicast_ttl_v4(255).ok()?;
    let addresses = up.iter().filter_map(|interface| match interface.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    // An interface with two addresses is joined once; the second attempt fails and need not be used.
    let interfaces: Vec<_> = addresses.filter(|ip| socket.join_multicast_v4(&GROUP_V4, ip).is_ok()).collect();
    into_member(socket, interfaces)
}

fn join_v6(up: &[Interface]) -> Option<Member<u32>> {
    let socket = socket(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, PORT).into()).ok()?;
    socket.set_multicast_hops_v6(255).ok()?;
    let numbers =
        up.iter().filter(|interface| interface.ip().is_ipv6()).filter_map(|interface| interface.index);
    let interfaces: Vec<_> =
        numbers.filter(|number| socket.join_multicast_v6(&GROUP_V6, *number).is_ok()).collect();
    into_member(socket, interfaces)
}

fn into_member<I>(socket: Socket, interfaces: Vec<I>) -> Option<Member<I>> {
    if interfaces.is_empty() {
        return None;
    }
    let socket = UdpSocket::from_std(socket.into()).ok()?;
    Some(Member { socket, interfaces })
}

/// A socket on the port that the system's own resolver and every browser have too.
fn socket(domain: Domain, address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    // On Linux the line above is what lets several have the port; on other Unixes it takes this too.
    #[cfg(all(unix, not(target_os = "linux")))]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
