//! Request rates of the REST API: so many of each key, so many failed authentications of each address
//! (REST API, section 1.3).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use peerhall_auth::key::KeyId;
use peerhall_hub::Tick;

use super::Refusal;
use super::source::Source;
use crate::addresses;
use crate::config::{PerSecond, Rest};

/// Span in which failed authentications are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Entries of a table after which those that say nothing are forgotten.
const SWEEP_AT: usize = 4_096;

/// What has been used of both rates.
#[derive(Debug)]
pub(super) struct Rates {
    per_key: Option<PerSecond>,
    burst: f64,
    failures_per_minute: Option<NonZeroU32>,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    buckets: HashMap<KeyId, Bucket>,
    failures: HashMap<IpAddr, VecDeque<Tick>>,
}

/// Requests that a key may still make, as of a moment.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    counted: Tick,
}

impl Rates {
    pub(super) fn new(rest: &Rest) -> Self {
        Self {
            per_key: rest.requests_per_second,
            burst: f64::from(rest.burst.get()),
            failures_per_minute: rest.auth_failures_per_minute,
            used: Mutex::default(),
        }
    }

    /// Counts a request of `key`, the key whose credential it carries, if it carries a good one.
    ///
    /// An address that failed too often is shut out with good keys too, or it could go on guessing.
    /// A local one may be a proxy that nobody told the server of; there a good key gets through.
    pub(super) fn admit(&self, source: Source, key: Option<&KeyId>, now: Tick) -> Result<(), Refusal> {
        let mut used = self.used();
        if key.is_none() || !source.is_local {
            self.check_failures(&mut used, source.address, now)?;
        }
        match (key, self.per_key) {
            (Some(key), Some(rate)) => self.take(&mut used, key, rate.get(), now),
            (Some(_), None) | (None, _) => Ok(()),
        }
    }

    /// Counts a failed authentication.
    pub(super) fn count_failure(&self, source: Source, now: Tick) {
        if self.failures_per_minute.is_none() {
            return;
        }
        let mut used = self.used();
        if used.failures.len() >= SWEEP_AT {
            used.failures.retain(|_, times| times.back().is_some_and(|last| now - *last < WINDOW));
        }
        used.failures.entry(addresses::network(source.address)).or_default().push_back(now);
    }

    fn check_failures(&self, used: &mut Used, address: IpAddr, now: Tick) -> Result<(), Refusal> {
        let (Some(limit), Some(times)) =
            (self.failures_per_minute, used.failures.get_mut(&addresses::network(address)))
        else {
            return Ok(());
        };
        while times.front().is_some_and(|first| now - *first >= WINDOW) {
            times.pop_front();
        }
        if times.len() < usize::try_from(limit.get()).unwrap_or(usize::MAX) {
            return Ok(());
        }
        let waited = times.front().map_or(WINDOW, |first| now - *first);
        Err(Refusal::TooManyRequests { retry_after: whole_seconds(WINDOW.saturating_sub(waited)) })
    }

    fn take(&self, used: &mut Used, key: &KeyId, rate: f64, now: Tick) -> Result<(), Refusal> {
        if used.buckets.len() >= SWEEP_AT {
            used.buckets.retain(|_, bucket| bucket.at(rate, now) < self.burst);
        }
        let full = Bucket { tokens: self.burst, counted: now };
        let bucket = used.buckets.entry(key.clone()).or_insert(full);
        bucket.tokens = bucket.at(rate, now).min(self.burst);
        bucket.counted = now;
        if bucket.tokens < 1.0 {
            let missing = Duration::try_from_secs_f64((1.0 - bucket.tokens) / rate).unwrap_or(Duration::MAX);
            return Err(Refusal::TooManyRequests { retry_after: whole_seconds(missing) });
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn at(&self, rate: f64, now: Tick) -> f64 {
        self.tokens + (now - self.counted).as_secs_f64() * rate
    }
}

/// Seconds for `Retry-After`: never too early, and at least one.
fn whole_seconds(wait: Duration) -> u64 {
    let up = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(up).max(1)
}

#[cfg(test)]
mod tests {
    use peerhall_auth::key::KeyKind;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn from(address: &str) -> Source {
        Source { address: address.parse().unwrap(), is_local: false }
    }

    fn wait(refusal: Result<(), Refusal>) -> u64 {
        match refusal {
            Err(Refusal::TooManyRequests { retry_after }) => retry_after,
            other => panic!("{other:?} where a wait was due"),
        }
    }

    #[test]
    fn a_key_may_make_200_requests_at_once_and_100_a_second() {
        let rates = Rates::new(&Rest::default());
        let key = KeyId::generate(KeyKind::Secret).unwrap();
        let ask = |at| rates.admit(from("192.0.2.1"), Some(&key), Tick(at));
        for _ in 0..200 {
            assert_eq!(ask(0), Ok(()));
        }
        assert_eq!(wait(ask(0)), 1);
        assert_eq!((0..100).filter(|_| ask(500).is_ok()).count(), 50);
        let other = KeyId::generate(KeyKind::Secret).unwrap();
        assert_eq!(rates.admit(from("192.0.2.1"), Some(&other), Tick(500)), Ok(()), "each key has its own");
        assert_eq!((0..1_000).filter(|_| ask(MINUTE).is_ok()).count(), 200, "never more than the burst");
    }

    #[test]
    fn the_21st_failure_within_a_minute_waits_for_the_first_to_pass() {
        let rates = Rates::new(&Rest::default());
        for n in 0..20 {
            assert_eq!(rates.admit(from("192.0.2.1"), None, Tick(n * 1_000)), Ok(()));
            rates.count_failure(from("192.0.2.1"), Tick(n * 1_000));
        }
        assert_eq!(wait(rates.admit(from("192.0.2.1"), None, Tick(20_500))), 40);
        let key = KeyId::generate(KeyKind::Secret).unwrap();
        assert_eq!(
            wait(rates.admit(from("192.0.2.1"), Some(&key), Tick(59_999))),
            1,
            "guessing on is no way out"
        );
        assert_eq!(rates.admit(from("192.0.2.2"), None, Tick(20_500)), Ok(()));
        assert_eq!(rates.admit(from("192.0.2.1"), None, Tick(MINUTE)), Ok(()));
    }

    #[test]
    fn failures_on_this_machine_do_not_shut_out_good_keys() {
        let rates = Rates::new(&Rest::default());
        let local = Source { is_local: true, ..from("127.0.0.1") };
        for _ in 0..20 {
            rates.count_failure(local, Tick(0));
        }
        assert_eq!(wait(rates.admit(local, None, Tick(0))), 60);
        let key = KeyId::generate(KeyKind::Secret).unwrap();
        assert_eq!(rates.admit(local, Some(&key), Tick(0)), Ok(()));
    }

    #[test]
    fn one_network_of_ipv6_is_one_source() {
        let rates = Rates::new(&Rest { auth_failures_per_minute: NonZeroU32::new(1), ..Rest::default() });
        rates.count_failure(from("2001:db8::1"), Tick(0));
        assert_eq!(wait(rates.admit(from("2001:db8::2"), None, Tick(1))), 60);
        assert_eq!(rates.admit(from("2001:db8:0:1::1"), None, Tick(1)), Ok(()));
    }

    #[test]
    fn limits_can_be_switched_off() {
        let rates = Rates::new(&Rest {
            requests_per_second: None,
            auth_failures_per_minute: None,
            ..Rest::default()
        });
        let key = KeyId::generate(KeyKind::Secret).unwrap();
        for _ in 0..10_000 {
            rates.count_failure(from("192.0.2.1"), Tick(0));
            assert_eq!(rates.admit(from("192.0.2.1"), Some(&key), Tick(0)), Ok(()));
        }
    }

    #[test]
    fn old_addresses_are_forgotten() {
        let rates = Rates::new(&Rest::default());
        for n in 0..20_000_u32 {
            let address = IpAddr::from((n | 0x0a00_0000).to_be_bytes());
            rates.count_failure(Source { address, is_local: false }, Tick(u64::from(n) * 60));
        }
        assert!(rates.used().failures.len() <= SWEEP_AT);
    }
}
