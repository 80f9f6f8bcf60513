//! Who relays how much: ports and bytes of users and apps, over all threads. Threads meet here when an
//! allocation begins or ends; for a packet there are only atomics.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use peerhall_auth::turn::RelayUser;
use peerhall_proto::ids::{AppId, PeerId};

use crate::engine::Door;
use crate::options::Quotas;

const NANOS: u64 = 1_000_000_000;

/// Direction of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToPeer,
    ToClient,
}

/// What one user has and has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The app.
    pub app: AppId,
    /// The peer; `None` for the whole app.
    pub peer: Option<PeerId>,
    /// Relay ports that are open now.
    pub ports: u32,
    /// Allocations that live now, by the way in which their clients came, in the order of [`Door::ALL`].
    pub doors: [u32; Door::ALL.len()],
    /// Bytes of payload relayed to peers: by this user since its first allocation of those that live, by
    /// an app since the start.
    pub bytes_to_peers: u64,
    /// The same for payload relayed from peers to clients.
    pub bytes_to_clients: u64,
}

impl Usage {
    /// Bytes of payload in both directions.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes_to_peers.saturating_add(self.bytes_to_clients)
    }

    /// The easiest way in of those that are used now; `None` without an allocation. Clients try all, so a
    /// later one alone means that the earlier ones are blocked where the client is.
    #[must_use]
    pub fn door(&self) -> Option<Door> {
        Door::ALL.into_iter().zip(self.doors).find(|(_, count)| *count > 0).map(|(door, _)| door)
    }
}

/// The books of one server. Shared by its engines.
#[derive(Debug)]
pub struct Accounts {
    quotas: Quotas,
    start: Instant,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    apps: HashMap<AppId, App>,
    /// What was handed out to a peer before this time, in Unix milliseconds, is worth nothing; with the
    /// time at which the last of it would have expired, in Unix seconds.
    revoked: HashMap<(AppId, PeerId), (u64, u64)>,
}

#[derive(Debug, Default)]
struct App {
    account: Arc<Account>,
    users: HashMap<PeerId, Arc<Account>>,
}

/// Ports, bytes and bandwidth of a user or an app.
#[derive(Debug, Default)]
struct Account {
    ports: AtomicU32,
    doors: [AtomicU32; Door::ALL.len()],
    bytes_to_peers: AtomicU64,
    bytes_to_clients: AtomicU64,
    /// When the bucket is full again, in nanoseconds from the start of the books.
    full_at: AtomicU64,
}

impl Account {
    fn count(&self, bytes: u64, way: Way) {
        let counter = match way {
            Way::ToPeer => &self.bytes_to_peers,
            Way::ToClient => &self.bytes_to_clients,
        };
        counter.fetch_add(bytes, Relaxed);
    }

    /// Takes `bytes` out of the bucket, which holds a second's worth.
    fn take(&self, bytes: u64, per_second: u64, now: u64) -> bool {
        let cost = bytes.saturating_mul(NANOS) / per_second.max(1);
        let spend = |full_at: u64| {
            let after = full_at.max(now) + cost;
            // A payload larger than the bucket passes when the bucket is full: it would never else.
            (after - now <= NANOS || full_at <= now).then_some(after)
        };
        self.full_at.fetch_update(Relaxed, Relaxed, spend).is_ok()
    }

    fn usage(&self, app: &AppId, peer: Option<&PeerId>) -> Usage {
        Usage {
            app: app.clone(),
            peer: peer.cloned(),
            ports: self.ports.load(Relaxed),
            doors: std::array::from_fn(|place| self.doors.get(place).map_or(0, |count| count.load(Relaxed))),
            bytes_to_peers: self.bytes_to_peers.load(Relaxed),
            bytes_to_clients: self.bytes_to_clients.load(Relaxed),
        }
    }
}

/// The user or the app has as many ports as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverQuota;

impl Accounts {
    /// Empty books that begin at `start`.
    #[must_use]
    pub fn new(quotas: Quotas, start: Instant) -> Self {
        Self { quotas, start, books: Mutex::default() }
    }

    /// Gives `user` room for `ports` more relay ports, until the seat is dropped.
    pub(crate) fn seat(self: &Arc<Self>, user: &RelayUser, ports: u32) -> Result<Seat, OverQuota> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let app = books.apps.entry(user.app.clone()).or_default();
        let room = |account: &Account, quota: u32| account.ports.load(Relaxed).saturating_add(ports) <= quota;
        if self.quotas.ports_per_app.is_some_and(|quota| !room(&app.account, quota.get())) {
            return Err(OverQuota);
        }
        let known = app.users.get(&user.peer).cloned().unwrap_or_default();
        if !room(&known, self.quotas.ports_per_user.get()) {
            return Err(OverQuota);
        }
        known.ports.fetch_add(ports, Relaxed);
        app.account.ports.fetch_add(ports, Relaxed);
        app.users.insert(user.peer.clone(), known.clone());
        let (app, accounts) = (app.account.clone(), self.clone());
        Ok(Seat {
            accounts,
            name: (user.app.clone(), user.peer.clone()),
            user: known,
            app,
            ports,
            door: None,
        })
    }

    /// Makes everything worthless that was handed out to a peer until `at_ms`, in Unix milliseconds; the
    /// last of it would have expired at `until`, in Unix seconds.
    pub(crate) fn revoke(&self, app: &AppId, peer: &PeerId, at_ms: u64, until: u64) {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let now = at_ms / 1_000;
        books.revoked.retain(|_, (_, until)| *until > now);
        books.revoked.insert((app.clone(), peer.clone()), (at_ms, until));
    }

    /// Whether what `user` shows was revoked.
    pub(crate) fn is_revoked(&self, user: &RelayUser) -> bool {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        // Nearly always empty, and then nothing is cloned for the question.
        if books.revoked.is_empty() {
            return false;
        }
        let revoked = books.revoked.get(&(user.app.clone(), user.peer.clone()));
        revoked.is_some_and(|(at_ms, _)| user.issued_at_ms <= *at_ms)
    }

    /// Every app that has relayed since the start.
    #[must_use]
    pub fn apps(&self) -> Vec<Usage> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.apps.iter().map(|(id, app)| app.account.usage(id, None)).collect()
    }

    /// Every peer of an app that has relay ports now.
    #[must_use]
    pub fn peers(&self, app: &AppId) -> Vec<Usage> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let users = books.apps.get(app).into_iter().flat_map(|app| &app.users);
        users.map(|(peer, account)| account.usage(app, Some(peer))).collect()
    }

    fn leave(&self, (app, peer): &(AppId, PeerId), ports: u32) {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(app) = books.apps.get_mut(app) else { return };
        app.account.ports.fetch_sub(ports, Relaxed);
        let Some(user) = app.users.get(peer) else { return };
        if user.ports.fetch_sub(ports, Relaxed) == ports {
            app.users.remove(peer);
            if app.users.len() < app.users.capacity() / 4 {
                app.users.shrink_to_fit();
            }
        }
    }
}

/// Room for relay ports of one user, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    accounts: Arc<Accounts>,
    name: (AppId, PeerId),
    user: Arc<Account>,
    app: Arc<Account>,
    ports: u32,
    door: Option<Door>,
}

impl Seat {
    /// An allocation of a client that came this way has taken it.
    pub(crate) fn come_by(&mut self, door: Door) {
        self.leave_door();
        self.door = Some(door);
        for account in [&self.user, &self.app] {
            if let Some(count) = account.doors.get(door as usize) {
                count.fetch_add(1, Relaxed);
            }
        }
    }

    fn leave_door(&mut self) {
        let Some(door) = self.door.take() else { return };
        for account in [&self.user, &self.app] {
            if let Some(count) = account.doors.get(door as usize) {
                count.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Whether `bytes` may pass now; if so they are counted.
    pub(crate) fn spend(&self, bytes: usize, way: Way, now: Instant) -> bool {
        let bytes = bytes as u64;
        let quotas = &self.accounts.quotas;
        if quotas.user_bytes_per_second.is_some() || quotas.app_bytes_per_second.is_some() {
            let since = now.saturating_duration_since(self.accounts.start);
            let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 2);
            let takes = |account: &Account, rate: Option<std::num::NonZeroU64>| {
                rate.is_none_or(|rate| account.take(bytes, rate.get(), now))
            };
            if !takes(&self.user, quotas.user_bytes_per_second)
                || !takes(&self.app, quotas.app_bytes_per_second)
            {
                return false;
            }
        }
        self.user.count(bytes, way);
        self.app.count(bytes, way);
        true
    }

    /// Whose it is.
    pub(crate) fn belongs_to(&self, app: &AppId, peer: &PeerId) -> bool {
        self.name.0 == *app && self.name.1 == *peer
    }

    /// Gives back all but `ports`.
    pub(crate) fn shrink_to(&mut self, ports: u32) {
        let less = self.ports.saturating_sub(ports);
        if less > 0 {
            // The user keeps some, so its account stays.
            self.accounts.leave(&self.name, less);
            self.ports -= less;
        }
    }

    /// A seat of its own for one port of this one.
    pub(crate) fn split_one(&mut self) -> Self {
        self.ports = self.ports.saturating_sub(1);
        let (user, app) = (self.user.clone(), self.app.clone());
        Self { accounts: self.accounts.clone(), name: self.name.clone(), user, app, ports: 1, door: None }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave_door();
        if self.ports > 0 {
            self.accounts.leave(&self.name, self.ports);
        }
    }
}

#[cfg(test)]
mod tests;
