//! How calls go, as the page at `/` tells: media and data go past the server, so nobody else can. What is told
//! is shown on the console and nowhere else, and it is believed no further: whoever has a publishable key may
//! tell what he likes of the peers of its app.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use peerhall_auth::key::{KeyId, KeyKind};
use peerhall_auth::keyring::Keyring;
use peerhall_hub::Tick;
use peerhall_proto::ids::{AppId, PeerId};
use serde::{Deserialize, Serialize};

use super::{Refusal, read_object};

/// How often a page tells while somebody looks.
const EVERY: Duration = Duration::from_secs(2);

/// How often it asks whether somebody looks.
const ASK_EVERY: Duration = Duration::from_secs(15);

/// How long what was told is taken for true: three times and a little more.
const FRESH: Duration = Duration::from_secs(7);

/// How long a name is kept: a page in the background tells late.
const NAMED: Duration = Duration::from_secs(30);

/// The least time between two reports that count.
const LEAST: Duration = Duration::from_millis(500);

/// Calls in one report.
const MAX_CALLS: usize = 64;

/// Characters of a name.
const MAX_NAME: usize = 80;

/// Calls that are known at the same time; about a megabyte.
const MAX_KNOWN: usize = 4_096;

/// What a page says.
#[derive(Deserialize)]
struct Report<'a> {
    /// Its publishable key.
    #[serde(borrow)]
    key: Cow<'a, str>,
    /// Who it is.
    peer: PeerId,
    /// What the person at it is called.
    #[serde(default, borrow)]
    name: Option<Cow<'a, str>>,
    calls: Vec<Told>,
}

/// One of its peer connections.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    /// The peer at the other end.
    with: PeerId,
    state: State,
    /// Which way it goes, once that is known.
    path: Option<Path>,
    /// Bytes since the connection began, of media and data.
    sent: u64,
    received: u64,
    round_trip_ms: Option<u32>,
}

/// Which way a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Path {
    /// From peer to peer.
    Direct,
    /// Over a TURN server.
    Relay,
}

/// How a peer connection stands. The later in this list the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    /// Data and media flow.
    Connected,
    /// For the first time.
    Connecting,
    /// It was, and is not now.
    Reconnecting,
}

/// A call as both its ends see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Flow {
    pub(super) state: State,
    pub(super) path: Option<Path>,
    /// Both ways together.
    pub(super) bytes_per_second: u64,
    pub(super) round_trip_ms: Option<u32>,
}

/// When the page should say more.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thanks {
    next_ms: u64,
}

/// Whether the figures are for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// The console is open, or always ready.
    Somebody,
    /// Nothing has to be kept.
    Nobody,
}

/// What the pages said last.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// By app, and from whom to whom.
    calls: Mutex<HashMap<(AppId, PeerId, PeerId), Heard>>,
    names: Mutex<HashMap<(AppId, PeerId), Name>>,
}

/// What a page calls its peer.
#[derive(Debug, Clone)]
struct Name {
    name: String,
    at: Tick,
}

/// One end's word on a call.
#[derive(Debug, Clone)]
struct Heard {
    told: Told,
    at: Tick,
    /// Bytes a second.
    sending: u64,
    receiving: u64,
}

impl Reports {
    /// Takes a report. `None` when its key is none that a page may have.
    ///
    /// # Errors
    ///
    /// When the report is not one.
    pub(super) fn take(
        &self,
        keyring: &Keyring,
        body: &str,
        audience: Audience,
        now: Tick,
    ) -> Result<Option<Thanks>, Refusal> {
        let Report { key, peer, name, calls } = read_object(body)?;
        if calls.len() > MAX_CALLS {
            return Err(Refusal::invalid(format_args!("calls: at most {MAX_CALLS}")));
        }
        let id: Option<KeyId> = key.parse().ok();
        let known = id.and_then(|id| keyring.key(&id).cloned());
        let known = known.filter(|key| key.id.kind() == KeyKind::Publishable && !key.is_revoked());
        let Some(key) = known else { return Ok(None) };
        let next = match audience {
            Audience::Somebody => {
                self.learn(&key.app, &peer, name.as_deref(), now);
                self.hear(&key.app, &peer, calls, now);
                EVERY
            }
            Audience::Nobody => ASK_EVERY,
        };
        Ok(Some(Thanks { next_ms: u64::try_from(next.as_millis()).unwrap_or(u64::MAX) }))
    }

    /// The calls of an app that were told of lately, by the two ids in their order.
    pub(super) fn of(&self, app: &AppId, now: Tick) -> BTreeMap<(PeerId, PeerId), Flow> {
        let calls = self.calls();
        let fresh = calls.iter().filter(|((of, ..), heard)| of == app && now - heard.at < FRESH);
        let mut flows = BTreeMap::new();
        for ((_, from, to), heard) in fresh {
            let other = calls.get(&(app.clone(), to.clone(), from.clone()));
            let other = other.filter(|other| now - other.at < FRESH);
            let pair = if from <= to { (from, to) } else { (to, from) };
            flows.entry((pair.0.clone(), pair.1.clone())).or_insert_with(|| heard.flow(other));
        }
        flows
    }

    /// What the peers of an app are called, as their pages told lately.
    pub(super) fn names(&self, app: &AppId, now: Tick) -> HashMap<PeerId, String> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = names.iter().filter(|((of, _), name)| of == app && now - name.at < NAMED);
        fresh.map(|((_, peer), name)| (peer.clone(), name.name.clone())).collect()
    }

    /// Bytes a second of all calls that go from peer to peer; `None` when no call was told of.
    pub(super) fn direct_bytes(&self, now: Tick) -> Option<u64> {
        let apps: Vec<AppId> = {
            let calls = self.calls();
            let mut apps: Vec<_> = calls.keys().map(|(app, ..)| app.clone()).collect();
            apps.sort();
            apps.dedup();
            apps
        };
        let flows = apps.iter().flat_map(|app| self.of(app, now).into_values());
        flows
            .filter(|flow| flow.path.is_some())
            .map(|flow| if flow.path == Some(Path::Direct) { flow.bytes_per_second } else { 0 })
            .reduce(u64::saturating_add)
    }

    fn learn(&self, app: &AppId, peer: &PeerId, name: Option<&str>, now: Tick) {
        let Some(name) = name.filter(|name| !name.trim().is_empty()) else { return };
        let name = Name { name: name.chars().take(MAX_NAME).collect(), at: now };
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (app.clone(), peer.clone());
        if names.len() >= MAX_KNOWN && !names.contains_key(&key) {
            names.retain(|_, name| now - name.at < NAMED);
        }
        if names.len() < MAX_KNOWN || names.contains_key(&key) {
            names.insert(key, name);
        }
    }

    fn hear(&self, app: &AppId, from: &PeerId, told: Vec<Told>, now: Tick) {
        let mut calls = self.calls();
        for told in told {
            let key = (app.clone(), from.clone(), told.with.clone());
            let before = calls.get(&key);
            if before.is_some_and(|before| now - before.at < LEAST) || told.with == *from {
                continue;
            }
            let heard = Heard::new(told, before, now);
            if before.is_none() && calls.len() >= MAX_KNOWN {
                calls.retain(|_, heard| now - heard.at < FRESH);
                if calls.len() >= MAX_KNOWN {
                    return;
                }
            }
            calls.insert(key, heard);
        }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<(AppId, PeerId, PeerId), Heard>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    /// `before` is what the same end said before.
    fn new(told: Told, before: Option<&Self>, now: Tick) -> Self {
        let rate = |count: fn(&Told) -> u64| {
            let Some(before) = before.filter(|before| now - before.at < FRESH) else { return 0 };
            let span = u64::try_from((now - before.at).as_millis()).unwrap_or(u64::MAX);
            // A new connection counts from zero.
            let grown = count(&told).checked_sub(count(&before.told)).unwrap_or_else(|| count(&told));
            grown.saturating_mul(1_000) / span.max(1)
        };
        let (sending, receiving) = (rate(|told| told.sent), rate(|told| told.received));
        Self { told, at: now, sending, receiving }
    }

    /// What one goes by when both ends were heard, or this one alone.
    fn flow(&self, other: Option<&Self>) -> Flow {
        let both = |one: Option<u32>, two: Option<u32>| one.max(two);
        let relay = |end: &Self| end.told.path == Some(Path::Relay);
        Flow {
            state: other.map_or(self.told.state, |other| self.told.state.max(other.told.state)),
            path: match other {
                Some(other) if relay(self) || relay(other) => Some(Path::Relay),
                Some(other) => self.told.path.or(other.told.path),
                None => self.told.path,
            },
            bytes_per_second: self
                .sending
                .saturating_add(other.map_or(self.receiving, |other| other.sending)),
            round_trip_ms: both(self.told.round_trip_ms, other.and_then(|other| other.told.round_trip_ms)),
        }
    }
}

#[cfg(test)]
mod tests;
