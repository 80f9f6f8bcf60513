//! Addresses of this machine that come and go.

mod clock;
#[cfg(target_os = "linux")]
mod netlink;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// How long the machine is left alone after the first sign: a cable brings a link, then an IPv4
/// address, then IPv6 addresses that are tried out for about a second and reported again.
const SETTLE: Duration = Duration::from_millis(250);

/// Tells when this machine gains or loses an address, which is when a connection should be made
/// again without waiting for a timeout.
///
/// Linux reports changes by itself (netlink); elsewhere, and where a sandbox forbids that, the list is
/// read every two seconds.
pub struct NetworkChanges {
    source: Source,
    /// Runs from the first sign of a change until the list is read.
    settling: Option<Pin<Box<Sleep>>>,
    known: Vec<IpAddr>,
}

impl NetworkChanges {
    /// Watches from now on. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// When the system does not tell its addresses.
    pub fn watch() -> io::Result<Self> {
        Ok(Self { source: Source::open(), settling: None, known: addresses()? })
    }

    /// Resolves when the addresses differ from those at the last return or, the first time, at
    /// [`watch`](Self::watch).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no change.
    pub async fn changed(&mut self) {
        poll_fn(|cx| self.poll_changed(cx)).await;
    }

    /// As [`changed`](Self::changed).
    pub(super) fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Signs during the settling belong to the same change and must wake nobody later.
            let sign = self.source.poll_sign(cx).is_ready();
            if sign && self.settling.is_none() {
                self.settling = Some(Box::pin(tokio::time::sleep_until(Instant::now() + SETTLE)));
            }
            let Some(settling) = &mut self.settling else {
                return Poll::Pending;
            };
            ready!(settling.as_mut().poll(cx));
            self.settling = None;
            // What cannot be read now is read at the next sign.
            let Ok(now) = addresses() else { continue };
            if now != self.known {
                self.known = now;
                return Poll::Ready(());
            }
        }
    }
}

/// Where signs of a change come from.
enum Source {
    #[cfg(target_os = "linux")]
    Netlink(netlink::Netlink),
    Clock(clock::Clock),
}

impl Source {
    #[cfg(target_os = "linux")]
    fn open() -> Self {
        match netlink::Netlink::open() {
            Ok(netlink) => Self::Netlink(netlink),
            Err(error) => {
                // Android and some sandboxes allow no such socket.
                tracing::info!(%error, "no news of the network from the system, its addresses are read every 2 s");
                Self::Clock(clock::Clock::start())
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open() -> Self {
        Self::Clock(clock::Clock::start())
    }

    fn poll_sign(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Netlink(netlink) => netlink.poll_sign(cx),
            Self::Clock(clock) => clock.poll_sign(cx),
        }
    }
}

impl fmt::Debug for NetworkChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkChanges({} addresses)", self.known.len())
    }
}

/// All addresses that are up, in an order that says nothing.
fn addresses() -> io::Result<Vec<IpAddr>> {
    let up = if_addrs::get_if_addrs()?.into_iter().filter(if_addrs::Interface::is_oper_up);
    let mut addresses: Vec<_> = up.map(|interface| interface.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}
