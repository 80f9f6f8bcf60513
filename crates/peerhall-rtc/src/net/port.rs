//! One UDP socket, sending and receiving several datagrams at once where the kernel can (GSO, GRO).

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::packets::Datagrams;

/// The largest UDP datagram, and the most that one receive call gives.
const RECEIVE_BYTES: usize = 65_535;

thread_local! {
    /// Where the kernel puts what is received. Networks of one thread take turns, so fifty idle
    /// connections keep one buffer and not fifty.
    static RECEIVE_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; RECEIVE_BYTES].into_boxed_slice());
}

/// Name of a socket within its network; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PortId(pub(super) u32);

/// What a port is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Candidates: its own address is one.
    Candidates,
    /// One relay that refused the 5-tuple of the other socket.
    Relay,
}

/// One UDP socket.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) id: PortId,
    pub(super) purpose: Purpose,
    /// The address it is bound to, without a scope.
    pub(super) local: SocketAddr,
    scope: u32,
    socket: UdpSocket,
    state: UdpSocketState,
}

impl Port {
    /// Opens a socket on `address`, whose port is 0 for any free one.
    ///
    /// # Errors
    ///
    /// What the system says about the address, and that there are no more descriptors.
    pub(super) fn open(id: PortId, purpose: Purpose, address: SocketAddr, buffer: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        enlarge_buffers(&socket, buffer);
        socket.bind(&address.into())?;
        let socket: std::net::UdpSocket = socket.into();
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let scope = match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(address) => address.scope_id(),
        };
        let local = without_scope(socket.local_addr()?);
        Ok(Self { id, purpose, local, scope, socket: UdpSocket::from_std(socket)?, state })
    }

    /// Receives what has come, with the sender's address: one datagram, or several that the kernel
    /// put together.
    pub(super) fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<io::Result<(SocketAddr, Datagrams)>> {
        loop {
            ready!(self.socket.poll_recv_ready(cx))?;
            match self.socket.try_io(Interest::READABLE, || self.receive()) {
                // Without a byte there is nothing for anybody.
                Ok((_, datagrams)) if datagrams.is_empty() => {}
                Ok(received) => return Poll::Ready(Ok(received)),
                Err(error) if is_passing(error.kind()) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Sends datagrams of `segment` bytes each, the last one maybe shorter, in one call.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the kernel's buffer is full. Others are about this destination.
    pub(super) fn send(&self, to: SocketAddr, contents: &[u8], segment: usize) -> io::Result<()> {
        let transmit = Transmit {
            destination: self.with_scope(to),
            ecn: None,
            contents,
            segment_size: (segment < contents.len()).then_some(segment),
            src_ip: None,
        };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }

    /// Most datagrams that one call of [`send`](Self::send) may hold; 1 where the kernel cannot.
    pub(super) fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Whether packets to `to` can leave from here at all. The kernel calls some of the others an
    /// invalid argument, which would be taken for a kernel without GSO.
    pub(super) fn reaches(&self, to: SocketAddr) -> bool {
        let (here, there) = (self.local.ip(), to.ip());
        self.local.is_ipv4() == to.is_ipv4()
            && to.port() != 0
            && !there.is_unspecified()
            && !there.is_multicast()
            && (!here.is_loopback() || there.is_loopback())
    }

    fn receive(&self) -> io::Result<(SocketAddr, Datagrams)> {
        RECEIVE_BUFFER.with_borrow_mut(|buffer| {
            let mut meta = [RecvMeta::default()];
            let mut slices = [IoSliceMut::new(buffer)];
            let count = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut meta)?;
            let [meta] = meta;
            let bytes = if count == 0 { &[][..] } else { buffer.get(..meta.len).unwrap_or_default() };
            Ok((without_scope(meta.addr), Datagrams::new(bytes.to_vec(), meta.stride)))
        })
    }

    fn with_scope(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V6(mut to) if to.ip().is_unicast_link_local() => {
                to.set_scope_id(self.scope);
                to.into()
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => to,
        }
    }
}

/// Whether the next call may fare better: nothing is there, or the error is about one destination
/// (an ICMP message) and not about the socket.
fn is_passing(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::WouldBlock
            | Kind::Interrupted
            | Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
    )
}

/// Candidates carry no scope, so addresses are compared without.
fn without_scope(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}

/// The system's limit may be lower; a smaller buffer drops more and is no reason to fail.
fn enlarge_buffers(socket: &Socket, bytes: usize) {
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

#[cfg(test)]
mod tests;
