//! Settings of the STUN and TURN service inside this process.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use peerhall_turn::{Network, Quotas, RelayAddress};

use super::check::{Checked, DAY, count, invalid, minutes, parsed, span, tally, whole};
use super::raw::RawTurn;

/// Listeners of one service.
const MAX_LISTEN: usize = 8;

/// The STUN and TURN service inside this process (authentication, section 7). Off without an address to
/// listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Where clients come to. Default none: off.
    pub listen: Vec<SocketAddr>,
    /// What to do when somebody has the port. Not in the configuration file. Default: do not start.
    pub when_taken: WhenTaken,
    /// Name or address that clients are told. Default none: the address of the listener.
    pub host: Option<String>,
    /// Addresses to relay from, one of each family. Default none: those of the listeners.
    pub relay: Vec<RelayAddress>,
    /// Ports that relays may have. Default 49152 to 65535.
    pub ports: RangeInclusive<u16>,
    /// Peers that are relayed to although their addresses are not of the open internet. Default none.
    pub allow_peers: Vec<Network>,
    /// Peers that are never relayed to. Default none.
    pub deny_peers: Vec<Network>,
    /// What one user, one app and each thread may use.
    pub quotas: Quotas,
    /// Life of a credential, before the rule for tokens that live longer. Default 24 h.
    pub lifetime: Duration,
    /// Threads. Default none: one for each processor, at most four.
    pub threads: Option<NonZeroUsize>,
}

/// What a server does when somebody has the port that it is to listen on for STUN and TURN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenTaken {
    /// It does not start.
    #[default]
    Refuse,
    /// It takes a free one.
    TakeAnother,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            when_taken: WhenTaken::default(),
            host: None,
            relay: Vec::new(),
            ports: 49_152..=65_535,
            allow_peers: Vec::new(),
            deny_peers: Vec::new(),
            quotas: Quotas::default(),
            lifetime: DAY,
            threads: None,
        }
    }
}

impl Turn {
    pub(super) fn with(self, raw: RawTurn) -> Checked<Self> {
        let limit = |key, raw| tally(key, raw, 1).map(|number| number.and_then(NonZeroU32::new));
        let rate = |key, raw, old| {
            let checked = whole(key, raw, 0..=u64::from(u32::MAX))?;
            Ok(checked.map_or(old, NonZeroU64::new))
        };
        let ports_per_app = tally("turn.ports_per_app", raw.ports_per_app, 0)?;
        let quotas = Quotas {
            ports_per_user: limit("turn.ports_per_user", raw.ports_per_user)?
                .unwrap_or(self.quotas.ports_per_user),
            ports_per_app: ports_per_app.map_or(self.quotas.ports_per_app, NonZeroU32::new),
            ports: limit("turn.ports_per_thread", raw.ports_per_thread)?.unwrap_or(self.quotas.ports),
            user_bytes_per_second: rate(
                "turn.user_bytes_per_second",
                raw.user_bytes_per_second,
                self.quotas.user_bytes_per_second,
            )?,
            app_bytes_per_second: rate(
                "turn.app_bytes_per_second",
                raw.app_bytes_per_second,
                self.quotas.app_bytes_per_second,
            )?,
        };
        Ok(Self {
            listen: raw.listen.map(listen).transpose()?.unwrap_or(self.listen),
            when_taken: self.when_taken,
            host: raw.host.map(host).transpose()?.or(self.host),
            relay: raw.relay.map(relay).transpose()?.unwrap_or(self.relay),
            ports: raw.ports.map(ports).transpose()?.unwrap_or(self.ports),
            allow_peers: networks("turn.allow_peers", raw.allow_peers)?.unwrap_or(self.allow_peers),
            deny_peers: networks("turn.deny_peers", raw.deny_peers)?.unwrap_or(self.deny_peers),
            quotas,
            lifetime: span("turn.lifetime", raw.lifetime, minutes(5)..=30 * DAY)?.unwrap_or(self.lifetime),
            threads: count("turn.threads", raw.threads, 1..=64)?.and_then(NonZeroUsize::new).or(self.threads),
        })
    }
}

fn listen(raw: Vec<String>) -> Checked<Vec<SocketAddr>> {
    let key = "turn.listen";
    if raw.len() > MAX_LISTEN {
        let rule = format!("it must have at most {MAX_LISTEN} addresses");
        return Err(invalid(key, format!("a list of {}", raw.len()), &rule));
    }
    let rule = "it must be addresses with ports such as 0.0.0.0:3478 or [::]:3478";
    raw.iter().map(|text| text.parse().map_err(|_| invalid(key, format!("{text:?}"), rule))).collect()
}

fn host(raw: String) -> Checked<String> {
    let is_name = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        (1..=253).contains(&text.len()) && text.bytes().all(allowed)
    };
    let is_ipv6 = |text: &str| {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    if is_name(&raw) || is_ipv6(&raw) {
        return Ok(raw);
    }
    let rule = "it must be a name such as turn.example.org, or an address, one of IPv6 in brackets";
    Err(invalid("turn.host", format!("{raw:?}"), rule))
}

fn relay(raw: Vec<String>) -> Checked<Vec<RelayAddress>> {
    let key = "turn.relay";
    let relays = raw.iter().map(|text| parsed::<Relay>(key, text).map(|relay| relay.0));
    let relays = relays.collect::<Checked<Vec<_>>>()?;
    let of = |ipv4| relays.iter().filter(|relay| relay.bound.is_ipv4() == ipv4).count();
    if of(true) > 1 || of(false) > 1 {
        return Err(invalid(key, format!("{raw:?}"), "it must have one address of each family at most"));
    }
    Ok(relays)
}

/// `announced`, or `announced/bound`.
struct Relay(RelayAddress);

#[derive(Debug, thiserror::Error)]
#[error(
    "it must be an address such as 203.0.113.5, or behind a NAT the public one and the own one such as \
     203.0.113.5/10.0.0.5, both of one family"
)]
struct RelayError;

impl FromStr for Relay {
    type Err = RelayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (announced, bound) = text.split_once('/').unwrap_or((text, text));
        let address = |text: &str| text.parse::<IpAddr>().map_err(|_| RelayError);
        let (announced, bound) = (address(announced)?, address(bound)?);
        let fits = announced.is_ipv4() == bound.is_ipv4()
            && ![announced, bound].iter().any(|ip| ip.is_unspecified() || ip.is_multicast());
        if fits { Ok(Self(RelayAddress { bound, announced })) } else { Err(RelayError) }
    }
}

fn ports(raw: String) -> Checked<RangeInclusive<u16>> {
    let range = raw.split_once('-').and_then(|(first, last)| {
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        // An even one and the next higher must be in it, wherever it begins.
        (first >= 1_024 && last.saturating_sub(first) >= 3).then_some(first..=last)
    });
    let rule = "it must be a range such as 49152-65535, from 1024 on, of four ports at least";
    range.ok_or_else(|| invalid("turn.ports", format!("{raw:?}"), rule))
}

fn networks(key: &'static str, raw: Option<Vec<String>>) -> Checked<Option<Vec<Network>>> {
    raw.map(|entries| entries.iter().map(|entry| parsed(key, entry)).collect()).transpose()
}
