//! Signs of a change from the Linux kernel.

use std::io;
use std::os::unix::net::UnixDatagram as StdDatagram;
use std::task::{Context, Poll};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::io::ReadBuf;
use tokio::net::UnixDatagram;

/// Multicast groups of `linux/rtnetlink.h`: links, IPv4 addresses, IPv6 addresses.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// A netlink socket. What it says is not read, only that it says something: the list of addresses
/// is read whole afterwards, so a message that was lost on a full buffer changes nothing.
///
/// It is held as a datagram socket of another family because that is the type tokio offers for
/// datagram descriptors in general; receiving is the same call for all of them.
pub(super) struct Netlink(UnixDatagram);

impl Netlink {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // The default protocol of the family, number 0, is the one about routes and links.
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        UnixDatagram::from_std(StdDatagram::from(socket)).map(Self)
    }

    /// Ready when there was a sign since the last time.
    pub(super) fn poll_sign(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut any = false;
        let mut message = [0; 4_096];
        // An error is the kernel's word that there was more than its buffer holds.
        while self.0.poll_recv(cx, &mut ReadBuf::new(&mut message)).is_ready() {
            any = true;
        }
        if any { Poll::Ready(()) } else { Poll::Pending }
    }
}
