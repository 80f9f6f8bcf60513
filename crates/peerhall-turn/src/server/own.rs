//! Sockets and addresses of this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Bytes that may wait in the kernel for a listener: 20 ms at 2 Gbit/s.
const LISTENER_BUFFER: usize = 4 << 20;

/// The same for one relay port.
const RELAY_BUFFER: usize = 512 << 10;

/// Most descriptors that room is made for: half a MiB.
#[cfg(target_os = "linux")]
const MAX_RESERVED: i32 = 65_536;

/// Connections that may wait to be accepted by one thread.
const BACKLOG: i32 = 1_024;

/// A socket that shares its port with nobody.
pub(super) fn datagrams(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = open(address, Type::DGRAM, Protocol::UDP)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A listener that shares its port with nobody; it need not listen to keep others away.
pub(super) fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open(address, Type::STREAM, Protocol::TCP)?;
    // Connections that were closed a moment ago do not keep the port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A socket for the clients of one thread, which shares its port with those of the other threads.
pub(super) fn shared_datagrams(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = open(address, Type::DGRAM, Protocol::UDP)?;
    socket.set_reuse_port(true)?;
    enlarge(&socket, LISTENER_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A listener for the connections of one thread, which shares its port with those of the other threads.
pub(super) fn shared_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open(address, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A relay port.
pub(super) fn relay(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = open(address, Type::DGRAM, Protocol::UDP)?;
    enlarge(&socket, RELAY_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Whether datagrams are to come with the address that they were sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The socket has one address.
    Known,
    /// It takes those to every address of the machine.
    Asked,
}

/// A socket for asking the system what it can do; nothing is sent by it.
pub(super) fn probe() -> io::Result<UdpSocket> {
    datagrams(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).or_else(|_| {
        // A machine without IPv4.
        datagrams(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)))
    })
}

/// Makes a socket receive runs of datagrams in one piece and never fragment, and tell of a datagram no more
/// than what is read: each detail costs as much as an eighth of the datagram itself, time stamps most.
#[cfg(target_os = "linux")]
pub(super) fn prepare(socket: &UdpSocket, target: Target) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt as details};
    use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};

    let is_ipv4 = socket.local_addr()?.is_ipv4();
    if is_ipv4 {
        sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::PROBE)?;
    } else {
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::PROBE)?;
        setsockopt(socket, details::Ipv6DontFrag, &true)?;
    }
    match (target, is_ipv4) {
        (Target::Known, _) => {}
        (Target::Asked, true) => setsockopt(socket, details::Ipv4PacketInfo, &true)?,
        (Target::Asked, false) => setsockopt(socket, details::Ipv6RecvPacketInfo, &true)?,
    }
    if let Err(error) = setsockopt(socket, details::UdpGroSegment, &true) {
        // Before Linux 5.0: datagrams come one by one.
        tracing::debug!(%error, "runs of datagrams are not received in one piece");
    }
    Ok(())
}

/// The same, as the library does it for every system.
#[cfg(not(target_os = "linux"))]
pub(super) fn prepare(socket: &UdpSocket, _: Target) -> io::Result<()> {
    quinn_udp::UdpSocketState::new(quinn_udp::UdpSockRef::from(socket)).map(drop)
}

/// Makes room for descriptors at once. The kernel doubles the table of a process when it is full and lets the
/// thread that opens the next socket wait until no processor reads the old one: milliseconds in the middle of
/// an allocation.
#[cfg(target_os = "linux")]
pub(super) fn reserve_descriptors(count: usize) {
    let Ok(socket) = probe() else { return };
    let mut place = i32::try_from(count).unwrap_or(i32::MAX).min(MAX_RESERVED);
    // As far as the limit of the process goes; what it refuses costs nothing but time later.
    while place > 0 && rustix::io::fcntl_dupfd_cloexec(&socket, place).is_err() {
        place /= 2;
    }
}

/// Others do it by themselves.
#[cfg(not(target_os = "linux"))]
pub(super) fn reserve_descriptors(_: usize) {}

/// The address by which others reach a listener at `ip`: itself, or for every address of the machine the
/// one it goes out with. Connecting a datagram socket sends nothing; it makes the system choose.
pub(super) fn reachable(ip: IpAddr) -> Option<IpAddr> {
    if !ip.is_unspecified() {
        return Some(ip);
    }
    // Addresses for documentation (RFC 5737, RFC 3849), which the default route covers.
    let somewhere: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::new(198, 51, 100, 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    let socket = UdpSocket::bind((ip, 0)).ok()?;
    socket.connect((somewhere, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

/// All addresses of this machine.
pub(super) fn addresses() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(if_addrs::Interface::ip).collect(),
        Err(error) => {
            tracing::error!(%error, "cannot list the addresses of this machine, which peers must not reach");
            Vec::new()
        }
    }
}

fn open(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The system's limit may be lower; a smaller buffer drops more and is no reason to fail.
fn enlarge(socket: &Socket, bytes: usize) {
    #[cfg(target_os = "linux")]
    {
        // Beyond the limit for everybody, where the process may.
        use rustix::net::sockopt;
        let receive = sockopt::set_socket_recv_buffer_size_force(socket, bytes).is_ok();
        let send = sockopt::set_socket_send_buffer_size_force(socket, bytes).is_ok();
        if receive && send {
            return;
        }
    }
    drop(socket.set_recv_buffer_size(bytes));
    drop(socket.set_send_buffer_size(bytes));
}
