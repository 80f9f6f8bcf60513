//! Which relay ports of this server are open, on every thread: the only addresses of our own that are
//! relayed to, so that two peers who both need a relay can meet.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const WORDS: usize = 65_536 / 64;

/// Open relay ports of one server, by family. Cheap to ask; no lock.
#[derive(Debug)]
pub struct LivePorts {
    ipv4: Box<[AtomicU64]>,
    ipv6: Box<[AtomicU64]>,
}

impl Default for LivePorts {
    fn default() -> Self {
        let none = || (0..WORDS).map(|_| AtomicU64::new(0)).collect();
        Self { ipv4: none(), ipv6: none() }
    }
}

impl LivePorts {
    /// Notes that a relay port is open.
    pub(crate) fn insert(&self, is_ipv4: bool, port: u16) {
        if let Some((word, bit)) = self.place(is_ipv4, port) {
            word.fetch_or(bit, Relaxed);
        }
    }

    /// Notes that it is closed.
    pub(crate) fn remove(&self, is_ipv4: bool, port: u16) {
        if let Some((word, bit)) = self.place(is_ipv4, port) {
            word.fetch_and(!bit, Relaxed);
        }
    }

    /// Whether the port of `address` is an open relay port; the caller knows that the IP address is ours.
    #[must_use]
    pub fn contains(&self, address: SocketAddr) -> bool {
        self.place(address.is_ipv4(), address.port()).is_some_and(|(word, bit)| word.load(Relaxed) & bit != 0)
    }

    fn place(&self, is_ipv4: bool, port: u16) -> Option<(&AtomicU64, u64)> {
        let words = if is_ipv4 { &self.ipv4 } else { &self.ipv6 };
        Some((words.get(usize::from(port / 64))?, 1 << (port % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_live_between_opening_and_closing_and_in_its_family_only() {
        let ports = LivePorts::default();
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        for port in [0, 63, 64, 49_152, 65_535] {
            ports.insert(true, port);
            assert!(ports.contains(at(&format!("192.0.2.1:{port}"))));
            assert!(!ports.contains(at(&format!("[2001:db8::1]:{port}"))));
        }
        ports.remove(true, 64);
        assert!(!ports.contains(at("192.0.2.1:64")) && ports.contains(at("192.0.2.1:63")));
    }
}
