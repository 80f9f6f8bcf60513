//! One UDP socket: a listener or a relay port.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// Largest batch that the kernel puts together (GRO), and largest datagram.
const BUFFER_BYTES: usize = 65_535;

/// Memory that the sockets of one thread receive into, and what it holds.
pub(super) struct Buffers {
    memory: Vec<Box<[u8]>>,
    metas: [RecvMeta; quinn_udp::BATCH_SIZE],
    count: usize,
}

impl Buffers {
    /// As many as one call can fill. The kernel hands out the pages when they are used first.
    pub(super) fn new() -> Self {
        let memory = (0..quinn_udp::BATCH_SIZE).map(|_| vec![0; BUFFER_BYTES].into_boxed_slice()).collect();
        Self { memory, metas: [RecvMeta::default(); quinn_udp::BATCH_SIZE], count: 0 }
    }

    /// What the last call received.
    pub(super) fn received(&self) -> impl Iterator<Item = Received<'_>> {
        self.memory.iter().zip(&self.metas).take(self.count).filter_map(|(memory, meta)| {
            let bytes = memory.get(..meta.len)?;
            Some(Received { from: plain(meta.addr), to: meta.dst_ip, bytes, stride: meta.stride })
        })
    }
}

/// A datagram, or several of one size (the last may be shorter) from one sender.
pub(super) struct Received<'b> {
    pub(super) from: SocketAddr,
    /// The address it was sent to.
    pub(super) to: Option<IpAddr>,
    bytes: &'b [u8],
    stride: usize,
}

impl<'b> Received<'b> {
    pub(super) fn datagrams(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        // An empty one is a datagram too.
        let empty = self.bytes.is_empty().then_some(self.bytes);
        empty.into_iter().chain(self.bytes.chunks(self.stride.max(1)))
    }
}

/// Whether a socket may have more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// The next datagram is an event.
    Nothing,
    /// There may be more.
    More,
}

/// A socket.
pub(super) struct Datagrams {
    pub(super) socket: UdpSocket,
    state: UdpSocketState,
}

impl Datagrams {
    /// # Errors
    ///
    /// What the system says about the options that batches need.
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self { socket: UdpSocket::from_std(socket), state })
    }

    /// Receives what has come, up to `batch` datagrams, in one call.
    pub(super) fn receive(&self, buffers: &mut Buffers, batch: usize) -> Rest {
        buffers.count = 0;
        let batch = batch.min(quinn_udp::BATCH_SIZE);
        let mut memory = buffers.memory.iter_mut();
        let mut slices: [IoSliceMut<'_>; quinn_udp::BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(memory.next().map_or(&mut [], |memory| memory)));
        let (Some(slices), Some(metas)) = (slices.get_mut(..batch), buffers.metas.get_mut(..batch)) else {
            return Rest::Nothing;
        };
        match self.state.recv(UdpSockRef::from(&self.socket), slices, metas) {
            Ok(count) => {
                buffers.count = count;
                // Fewer than there was room for: the kernel had no more.
                if count < batch { Rest::Nothing } else { Rest::More }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Rest::Nothing,
            // About one destination of the past (an ICMP message), and gone with this call.
            Err(_) => Rest::More,
        }
    }

    /// Sends datagrams of `segment` bytes each, the last one maybe shorter, in one call.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the kernel's buffer is full. Others are about this destination.
    pub(super) fn send(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        contents: &[u8],
        segment: usize,
    ) -> io::Result<()> {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size: (segment < contents.len()).then_some(segment),
            src_ip: from,
        };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }

    /// Most datagrams that one call of [`send`](Self::send) may hold; 1 where the kernel cannot.
    pub(super) fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }
}

/// Without flow label: addresses are compared. The scope stays, since link-local clients need it.
fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(mut v6) => {
            v6.set_flowinfo(0);
            v6.into()
        }
    }
}
