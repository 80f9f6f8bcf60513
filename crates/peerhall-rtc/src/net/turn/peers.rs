//! Which peers the server lets through, and which have a channel (RFC 8656 sections 9 and 12).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::message::Request;

/// A permission lives 5 minutes (RFC 8656 section 9); it is renewed a minute earlier, which leaves
/// time for a request to be lost five times.
const RENEW_PERMISSION: Duration = Duration::from_secs(240);

/// A channel lives 10 minutes (RFC 8656 section 12).
const RENEW_CHANNEL: Duration = Duration::from_secs(540);

/// How long a peer that the server refused is left alone. ICE gives a pair up before that.
const REFUSED_FOR: Duration = Duration::from_secs(60);

/// Most permissions at a time. A remote names at most 200 candidates in one negotiation.
const MAX_PERMISSIONS: usize = 256;

/// Most channels ever. Their numbers are never given to another peer, because a server keeps the
/// binding for minutes; 4,096 numbers exist.
const MAX_CHANNELS: usize = 256;

/// Most datagrams that wait for one permission: the first checks of ICE, which would otherwise be
/// lost and sent again a quarter of a second later.
const MAX_WAITING: usize = 8;

/// The first channel number (RFC 8656 section 12).
const FIRST_CHANNEL: u16 = 0x4000;

#[derive(Debug, Default)]
pub(super) struct Peers {
    permissions: HashMap<IpAddr, Permission>,
    channels: HashMap<SocketAddr, Channel>,
    by_number: HashMap<u16, SocketAddr>,
}

#[derive(Debug)]
enum Permission {
    /// The server was asked; these wait for its answer.
    Asked {
        waiting: Vec<(SocketAddr, Vec<u8>)>,
    },
    Granted {
        renew_at: Instant,
        used: bool,
    },
    Refused {
        until: Instant,
    },
}

#[derive(Debug)]
struct Channel {
    number: u16,
    state: Binding,
}

#[derive(Debug)]
enum Binding {
    Asked,
    Bound {
        renew_at: Instant,
        used: bool,
    },
    Refused {
        until: Instant,
    },
    /// Was not used and so not renewed. The number stays this peer's.
    Lapsed,
}

/// How a payload reaches a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// On this channel.
    Channel(u16),
    /// In a Send indication; the server may be asked for a channel meanwhile.
    Indication(Option<Request>),
    /// It waits until the server has answered this or an earlier request.
    Wait(Option<Request>),
    /// Not at all.
    Refused,
}

impl Peers {
    /// Finds the way to `peer`, and keeps the payload if it has to wait.
    pub(super) fn route(&mut self, peer: SocketAddr, payload: &[u8], now: Instant) -> Route {
        if let Some(Channel { number, state: Binding::Bound { used, .. } }) = self.channels.get_mut(&peer) {
            *used = true;
            let number = *number;
            if let Some(Permission::Granted { used, .. }) = self.permissions.get_mut(&peer.ip()) {
                *used = true;
            }
            return Route::Channel(number);
        }
        let full = self.permissions.len() >= MAX_PERMISSIONS;
        match self.permissions.get_mut(&peer.ip()) {
            Some(Permission::Granted { used, .. }) => {
                *used = true;
                Route::Indication(self.channel_for(peer, payload, now))
            }
            Some(Permission::Asked { waiting }) => {
                if waiting.len() == MAX_WAITING {
                    return Route::Refused;
                }
                waiting.push((peer, payload.to_vec()));
                Route::Wait(None)
            }
            Some(Permission::Refused { until }) if now < *until => Route::Refused,
            None if full => Route::Refused,
            Some(Permission::Refused { .. }) | None => {
                let waiting = vec![(peer, payload.to_vec())];
                self.permissions.insert(peer.ip(), Permission::Asked { waiting });
                Route::Wait(Some(Request::Permission(peer.ip())))
            }
        }
    }

    /// The request for a channel, if this payload is the first that says the pair is used: ICE's
    /// checks go to many peers, DTLS and media to one.
    pub(super) fn channel_for(&mut self, peer: SocketAddr, payload: &[u8], now: Instant) -> Option<Request> {
        if is_stun(payload) {
            return None;
        }
        let number = match self.channels.get(&peer) {
            Some(Channel { state: Binding::Asked | Binding::Bound { .. }, .. }) => return None,
            Some(Channel { state: Binding::Refused { until }, .. }) if now < *until => return None,
            Some(Channel { number, state: Binding::Refused { .. } | Binding::Lapsed }) => *number,
            None if self.channels.len() >= MAX_CHANNELS => return None,
            None => FIRST_CHANNEL + u16::try_from(self.channels.len()).ok()?,
        };
        self.channels.insert(peer, Channel { number, state: Binding::Asked });
        self.by_number.insert(number, peer);
        Some(Request::Channel { number, peer })
    }

    /// The server lets the peers at `ip` through. Returns what has waited for that.
    pub(super) fn granted(&mut self, ip: IpAddr, now: Instant) -> Vec<(SocketAddr, Vec<u8>)> {
        // A renewal is no use; somebody who waits is.
        let (waiting, used) = match self.permissions.remove(&ip) {
            Some(Permission::Asked { waiting }) => (waiting, true),
            Some(Permission::Granted { used, .. }) => (Vec::new(), used),
            Some(Permission::Refused { .. }) | None => (Vec::new(), false),
        };
        self.permissions.insert(ip, Permission::Granted { renew_at: now + RENEW_PERMISSION, used });
        waiting
    }

    /// The server does not let the peers at `ip` through, or has not answered.
    pub(super) fn refused(&mut self, ip: IpAddr, now: Instant) {
        self.permissions.insert(ip, Permission::Refused { until: now + REFUSED_FOR });
    }

    /// The channel of `peer` can be used.
    pub(super) fn bound(&mut self, peer: SocketAddr, now: Instant) {
        if let Some(channel) = self.channels.get_mut(&peer) {
            let used = match channel.state {
                Binding::Bound { used, .. } => used,
                Binding::Asked | Binding::Refused { .. } | Binding::Lapsed => true,
            };
            channel.state = Binding::Bound { renew_at: now + RENEW_CHANNEL, used };
        }
    }

    /// The channel of `peer` cannot be used; indications still can.
    pub(super) fn unbound(&mut self, peer: SocketAddr, now: Instant) {
        if let Some(channel) = self.channels.get_mut(&peer) {
            channel.state = Binding::Refused { until: now + REFUSED_FOR };
        }
    }

    /// Whose channel this is.
    pub(super) fn on_channel(&self, number: u16) -> Option<SocketAddr> {
        self.by_number.get(&number).copied()
    }

    /// Whether the server was asked to let `ip` through: nobody else may send.
    pub(super) fn allows(&self, ip: IpAddr) -> bool {
        matches!(self.permissions.get(&ip), Some(Permission::Granted { .. } | Permission::Asked { .. }))
    }

    /// When something has to be renewed.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let permissions = self.permissions.values().filter_map(|permission| match permission {
            Permission::Granted { renew_at, .. } => Some(*renew_at),
            Permission::Refused { until } => Some(*until),
            Permission::Asked { .. } => None,
        });
        let channels = self.channels.values().filter_map(|channel| match channel.state {
            Binding::Bound { renew_at, .. } => Some(renew_at),
            Binding::Asked | Binding::Refused { .. } | Binding::Lapsed => None,
        });
        permissions.chain(channels).min()
    }

    /// What has to be renewed at `now`. What was not used since the last time lapses instead.
    pub(super) fn renewals(&mut self, now: Instant) -> Vec<Request> {
        let mut requests = Vec::new();
        self.permissions.retain(|ip, permission| match permission {
            Permission::Granted { renew_at, used } if *renew_at <= now => {
                if !std::mem::take(used) {
                    return false;
                }
                // Until the answer says otherwise it is still valid.
                *renew_at = now + RENEW_PERMISSION;
                requests.push(Request::Permission(*ip));
                true
            }
            Permission::Refused { until } => now < *until,
            Permission::Granted { .. } | Permission::Asked { .. } => true,
        });
        for (peer, channel) in &mut self.channels {
            if let Binding::Bound { renew_at, used } = &mut channel.state
                && *renew_at <= now
            {
                if std::mem::take(used) {
                    *renew_at = now + RENEW_CHANNEL;
                    requests.push(Request::Channel { number: channel.number, peer: *peer });
                } else {
                    channel.state = Binding::Lapsed;
                }
            }
        }
        requests
    }
}

/// Whether this is STUN and not DTLS, RTP or the like (RFC 7983).
fn is_stun(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| *first < 4)
}
