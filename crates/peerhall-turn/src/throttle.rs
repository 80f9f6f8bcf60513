//! How often sources that have proven nothing are answered. Whoever forges a source address makes the
//! server send to somebody else; so that this is worth nothing, an address gets little and a network
//! not much more. The table has a fixed size: a flood from any number of sources adds no byte.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Places in the table; 16 bytes each make 1 MiB for an engine.
const PLACES: usize = 65_536;

/// Answers to one address (of IPv6: one /64): so many at once, then so many per second. A browser that
/// joins a call needs two for each transport; the burst is for an office behind one address.
const ADDRESS: Rate = Rate { per_second: 10, burst: 50 };

/// Answers to one network (IPv4 /24, IPv6 /48), against floods that forge all its addresses.
const NETWORK: Rate = Rate { per_second: 100, burst: 500 };

#[derive(Clone, Copy)]
struct Rate {
    per_second: u32,
    burst: u32,
}

/// What is left for the source that used a place last.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Which source; others share the place and take it over, which costs them nothing. Who shares with
    /// whom is a secret of this process, so nobody can be made to share on purpose.
    tag: u64,
    /// When the bucket is full again, in milliseconds of the engine's time.
    full_at: u64,
}

/// See the module.
pub(crate) struct Throttle {
    places: Box<[Place]>,
    hasher: RandomState,
    start: Instant,
}

impl Throttle {
    pub(crate) fn new(now: Instant) -> Self {
        Self { places: Vec::new().into(), hasher: RandomState::new(), start: now }
    }

    /// Whether an answer may go to `source`; if so, it is counted. This machine is always answered: its
    /// own address cannot be forged from outside.
    pub(crate) fn admits(&mut self, source: IpAddr, now: Instant) -> bool {
        if source.is_loopback() {
            return true;
        }
        if self.places.is_empty() {
            self.places = vec![Place::default(); PLACES].into();
        }
        let (address, network) = prefixes(source);
        let now = self.millis(now);
        self.take(0, address, ADDRESS, now) && self.take(1, network, NETWORK, now)
    }

    fn take(&mut self, kind: u8, prefix: u128, rate: Rate, now: u64) -> bool {
        let tag = self.hasher.hash_one((kind, prefix));
        let place = usize::try_from(tag).unwrap_or(0) % PLACES;
        let Some(place) = self.places.get_mut(place) else { return false };
        if place.tag != tag {
            *place = Place { tag, full_at: 0 };
        }
        let cost = u64::from(1_000 / rate.per_second);
        let full_at = place.full_at.max(now) + cost;
        if full_at - now > cost * u64::from(rate.burst) {
            return false;
        }
        place.full_at = full_at;
        true
    }

    fn millis(&self, now: Instant) -> u64 {
        let since = now.checked_duration_since(self.start).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX / 2)
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

/// What counts as one source, and as one network.
fn prefixes(source: IpAddr) -> (u128, u128) {
    match source.to_canonical() {
        IpAddr::V4(ip) => {
            let bits = u128::from(ip.to_bits());
            // Apart from those of IPv6, whose first bits say "global unicast".
            (bits, bits >> 8)
        }
        IpAddr::V6(ip) => (ip.to_bits() >> 64, ip.to_bits() >> 80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(throttle: &mut Throttle, source: &str, asked: u32, now: Instant) -> usize {
        let source: IpAddr = source.parse().unwrap();
        (0..asked).filter(|_| throttle.admits(source, now)).count()
    }

    #[test]
    fn t34_one_address_is_answered_ten_times_a_second_in_the_long_run() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        assert_eq!(answers(&mut throttle, "9.9.9.9", 1_000, start), 50);
        assert_eq!(answers(&mut throttle, "9.9.8.9", 1_000, start), 50, "another one has its own share");
        for second in 1..=60 {
            let now = start + Duration::from_secs(second);
            assert_eq!(answers(&mut throttle, "9.9.9.9", 1_000, now), 10, "second {second}");
        }
        let later = start + Duration::from_secs(120);
        assert_eq!(answers(&mut throttle, "9.9.9.9", 1_000, later), 50);
    }

    #[test]
    fn t34_a_network_is_answered_a_hundred_times_a_second_whatever_address_it_pretends() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        let mut flood = |now: Instant| -> usize {
            (0..=255).map(|last| answers(&mut throttle, &format!("9.9.9.{last}"), 100, now)).sum()
        };
        let first = flood(start);
        assert!((500..=510).contains(&first), "{first}: a place that two share is left to the second");
        let then = flood(start + Duration::from_secs(1));
        assert!((100..=110).contains(&then), "{then}");
    }

    #[test]
    fn an_ipv6_customer_is_one_source() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        let customer = (0..1_000).map(|host| format!("2606:4700:0:1::{host:x}"));
        let answered: usize = customer.map(|source| answers(&mut throttle, &source, 1, start)).sum();
        assert_eq!(answered, 50);
    }

    #[test]
    fn t34_any_number_of_sources_takes_the_same_memory() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        for n in 0..200_000_u32 {
            let _ = throttle.admits(IpAddr::from((0x0900_0000 + n * 7).to_be_bytes()), start);
        }
        assert_eq!(throttle.places.len(), PLACES);
        assert!(PLACES * size_of::<Place>() <= 2 * 1_024 * 1_024);
    }

    #[test]
    fn this_machine_is_always_answered() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        assert_eq!(answers(&mut throttle, "127.0.0.1", 1_000, start), 1_000);
        assert_eq!(answers(&mut throttle, "::1", 1_000, start), 1_000);
    }
}
