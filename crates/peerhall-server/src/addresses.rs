//! Connection attempts of each source address (wire protocol, section 13.3).

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use peerhall_hub::Tick;

/// Span in which attempts are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses after which those without a recent attempt are forgotten.
const SWEEP_AT: usize = 4_096;

/// Attempts of every address in the last minute, shared by all shards.
#[derive(Debug, Default)]
pub(crate) struct AddressBook {
    attempts: Mutex<HashMap<IpAddr, VecDeque<Tick>>>,
}

impl AddressBook {
    /// Counts an attempt, unless the address has had its share; then says in how many seconds the
    /// next one is welcome. Refused attempts do not count, so that impatience does not lock out.
    pub(crate) fn admit(&self, address: IpAddr, limit: NonZeroU32, now: Tick) -> Result<(), u64> {
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let mut book = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= SWEEP_AT {
            book.retain(|_, times| times.back().is_some_and(|last| now - *last < WINDOW));
        }
        let times = book.entry(network(address)).or_default();
        while times.front().is_some_and(|first| now - *first >= WINDOW) {
            times.pop_front();
        }
        if times.len() >= limit {
            let waited = times.front().map_or(WINDOW, |first| now - *first);
            return Err(WINDOW.saturating_sub(waited).as_secs().max(1));
        }
        times.push_back(now);
        Ok(())
    }
}

/// What counts as one source: an IPv4 address, or the /64 network that one IPv6 customer has to
/// himself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: NonZeroU32 = NonZeroU32::new(60).expect("60 is not 0");

    #[test]
    fn w007_the_61st_attempt_within_a_minute_waits_for_the_first_to_pass() {
        let book = AddressBook::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for n in 0..60 {
            assert_eq!(book.admit(address, LIMIT, Tick(n * 100)), Ok(()));
        }
        assert_eq!(book.admit(address, LIMIT, Tick(10_000)), Err(50));
        assert_eq!(book.admit("192.0.2.2".parse().unwrap(), LIMIT, Tick(10_000)), Ok(()));
        assert_eq!(book.admit(address, LIMIT, Tick(60_000)), Ok(()));
    }

    #[test]
    fn one_network_of_ipv6_is_one_source_and_a_mapped_address_is_ipv4() {
        let book = AddressBook::default();
        let one = NonZeroU32::MIN;
        assert_eq!(book.admit("2001:db8::1".parse().unwrap(), one, Tick(0)), Ok(()));
        assert!(book.admit("2001:db8::2".parse().unwrap(), one, Tick(0)).is_err());
        assert_eq!(book.admit("192.0.2.1".parse().unwrap(), one, Tick(0)), Ok(()));
        assert!(book.admit("::ffff:192.0.2.1".parse().unwrap(), one, Tick(0)).is_err());
    }

    #[test]
    fn old_addresses_are_forgotten() {
        let book = AddressBook::default();
        for n in 0..20_000_u32 {
            let address = IpAddr::from((n | 0x0a00_0000).to_be_bytes());
            let _ = book.admit(address, LIMIT, Tick(u64::from(n) * 60));
        }
        assert!(book.attempts.lock().unwrap().len() <= SWEEP_AT);
    }
}
