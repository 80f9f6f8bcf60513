//! One UDP socket: a listener or a relay port.

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use super::own::{self, Target};

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

/// What the kernel can do for the sockets of a service: found out once, since asking costs as much as
/// opening a socket.
///
/// Which of them it is whose batch fails must not count for the others: whoever sends datagrams too large for
/// a path would slow everybody down. So what the kernel said at first is kept beside the library's own record.
#[derive(Debug, Clone)]
pub(super) struct Kernel {
    state: Arc<UdpSocketState>,
    max_segments: usize,
}

impl Kernel {
    /// Asks.
    ///
    /// # Errors
    ///
    /// When the system gives no socket to ask with.
    pub(super) fn ask() -> io::Result<Self> {
        let socket = own::probe()?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self { max_segments: state.max_gso_segments(), state: Arc::new(state) })
    }
}

/// Whether a socket sends batches. One that the kernel refuses may be of a path too narrow for its datagrams;
/// many in a row are a device that cannot cut them, and then the next try waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Habit {
    refused: u8,
    /// Datagrams that are sent one by one until then.
    alone: u16,
}

impl Habit {
    /// Refused batches in a row that are taken for the device's fault.
    const MAX_REFUSED: u8 = 16;

    /// Datagrams until the next try.
    const PAUSE: u16 = 1_024;

    const fn sends_batches(self) -> bool {
        self.alone == 0
    }

    const fn after_one(self) -> Self {
        Self { alone: self.alone.saturating_sub(1), ..self }
    }

    const fn after_batch(was_taken: bool, before: Self) -> Self {
        match (was_taken, before.refused) {
            (true, _) => Self { refused: 0, alone: 0 },
            (false, Self::MAX_REFUSED..) => Self { refused: 0, alone: Self::PAUSE },
            (false, refused) => Self { refused: refused + 1, alone: 0 },
        }
    }
}

/// A socket.
pub(super) struct Datagrams {
    pub(super) socket: UdpSocket,
    kernel: Kernel,
    habit: Cell<Habit>,
}

impl Datagrams {
    /// Takes a socket over.
    ///
    /// # Errors
    ///
    /// What the system says about the options that batches need.
    pub(super) fn new(socket: std::net::UdpSocket, kernel: &Kernel, target: Target) -> io::Result<Self> {
        own::prepare(&socket, target)?;
        let socket = UdpSocket::from_std(socket);
        Ok(Self { socket, kernel: kernel.clone(), habit: Cell::default() })
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
        match self.kernel.state.recv(UdpSockRef::from(&self.socket), slices, metas) {
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

    /// Sends datagrams of `segment` bytes each, the last one maybe shorter. Returns how many of them the
    /// kernel did not take.
    pub(super) fn send(&self, to: SocketAddr, from: Option<IpAddr>, contents: &[u8], segment: usize) -> u64 {
        let segment = segment.max(1);
        let habit = self.habit.get();
        if segment >= contents.len() {
            self.habit.set(habit.after_one());
            return u64::from(self.try_send(to, from, contents, None).is_err());
        }
        match self.try_send(to, from, contents, Some(segment)) {
            Ok(()) => {
                self.habit.set(Habit::after_batch(true, habit));
                0
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                contents.len().div_ceil(segment) as u64
            }
            // Each by itself.
            Err(_) => {
                self.habit.set(Habit::after_batch(false, habit));
                let each = contents.chunks(segment).map(|datagram| self.try_send(to, from, datagram, None));
                each.filter(Result::is_err).count() as u64
            }
        }
    }

    fn try_send(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let transmit = Transmit { destination: to, ecn: None, contents, segment_size, src_ip: from };
        self.kernel.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }

    /// Most datagrams that one call of [`send`](Self::send) may hold; 1 where the kernel cannot.
    pub(super) fn max_segments(&self) -> usize {
        if self.habit.get().sends_batches() { self.kernel.max_segments } else { 1 }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_refused_now_and_then_is_no_reason_to_stop_and_a_row_of_them_is_for_a_while() {
        let mut habit = Habit::default();
        for round in 0..100 {
            habit = Habit::after_batch(round % 2 == 0, habit);
            assert!(habit.sends_batches(), "{round}");
        }
        habit = Habit::after_batch(true, habit);
        for _ in 0..=Habit::MAX_REFUSED {
            assert!(habit.sends_batches());
            habit = Habit::after_batch(false, habit);
        }
        for _ in 0..Habit::PAUSE {
            assert!(!habit.sends_batches());
            habit = habit.after_one();
        }
        assert_eq!(habit, Habit::default());
    }

    #[test]
    fn a_batch_of_datagrams_too_large_for_the_path_is_sent_one_by_one_and_batches_go_on() {
        let kernel = Kernel::ask().unwrap();
        let open = || own::relay("127.0.0.1:0".parse().unwrap()).unwrap();
        let (one, other) = (open(), open());
        let to = other.local_addr().unwrap();
        let one = Datagrams::new(one, &kernel, Target::Known).unwrap();
        let other = Datagrams::new(other, &kernel, Target::Known).unwrap();
        // More segments than any kernel takes in one call, which it refuses as it does a narrow path.
        assert_eq!(one.send(to, None, &[7; 800], 4), 0, "none is lost");
        assert!(kernel.max_segments == 1 || one.max_segments() > 1);
        let (mut buffers, mut sizes) = (Buffers::new(), Vec::new());
        while sizes.len() < 200 {
            let _ = other.receive(&mut buffers, usize::MAX);
            sizes.extend(
                buffers.received().flat_map(|got| got.datagrams().map(<[u8]>::len).collect::<Vec<_>>()),
            );
        }
        assert!(sizes.iter().all(|size| *size == 4) && sizes.len() == 200);
    }
}
