//! Back after a lost connection: one snapshot says who is still here, and everybody who is gets a fresh
//! connection, one step at a time (sdk-behaviour, sections 4.7 and 4.8).

use std::time::Duration;

use peerhall_proto::code::CloseCode;
use peerhall_proto::json::Json;

use super::join::JoinOptions;
use super::{Peer, PeerState};
use crate::ids::{LinkId, PeerId, RemoteKey};
use crate::link::signal::{Ends, Knows, Signal};
use crate::link::{Link, RemoteEvent, RemoteState, RtcCommand};
use crate::signalling::{Member, SubscribeOptions};
use crate::time::Time;

/// How long a snapshot may take.
pub const RECONCILE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is asked for again before the `ReconcileTimeoutError`.
pub const RECONCILE_RETRIES: u32 = 2;

/// How long a late snapshot is still waited for after that error, before the connection is given up.
const LAST_CHANCE: Duration = Duration::from_secs(30);

/// Connections in a row that may fail to bring a snapshot.
const MAX_FRUITLESS: u32 = 3;

/// Where the recovery stands.
#[derive(Debug, Default)]
pub(super) struct Reconcile {
    options: SubscribeOptions,
    /// The next presence frame is the full roster.
    expects_roster: bool,
    waiting: Option<Waiting>,
    /// The error was told since the last recovery.
    told: bool,
    /// Connections in a row that brought no snapshot.
    fruitless: u32,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    until: Time,
    asked: u32,
}

/// One step of what is left to do.
#[derive(Debug)]
pub(super) enum Step<J: Json> {
    /// Known, and not in the snapshot.
    Depart(RemoteKey),
    /// Known, and in the snapshot.
    Survive(RemoteKey, Option<J>),
    /// Not known, and in the snapshot.
    Newcomer(PeerId, Option<J>),
    /// The snapshot is worked through.
    Finish,
    /// Replace the connection of a remote peer; whether that peer has a new one as well, and begins.
    Swap(RemoteKey, bool),
    /// Tell a remote peer, whose connection was called so, that ours is another one.
    TellReset(RemoteKey, Option<String>),
    /// Attach all tracks to the connection of a remote peer.
    Attach(RemoteKey),
    /// Hand a message of a remote peer to its connection.
    Signal(RemoteKey, Signal<J>),
    /// A presence frame that came meanwhile.
    Delta { joined: Vec<Member<J>>, left: Vec<Member<J>> },
}

impl Reconcile {
    pub(super) fn options(&self) -> SubscribeOptions {
        self.options
    }

    pub(super) fn set_options(&mut self, options: JoinOptions) {
        self.options = SubscribeOptions { include_sender_metadata: options.include_sender_metadata };
    }

    pub(super) fn lost(&mut self) {
        self.expects_roster = true;
        self.waiting = None;
    }

    /// A presence frame is here; tells whether it is the full roster.
    pub(super) fn roster_came(&mut self) -> bool {
        self.waiting = None;
        self.told = false;
        self.fruitless = 0;
        std::mem::take(&mut self.expects_roster)
    }

    pub(super) fn clear(&mut self) {
        self.expects_roster = false;
        self.waiting = None;
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.waiting.map(|waiting| waiting.until)
    }
}

impl<J: Json> Peer<J> {
    /// The welcome after a lost connection.
    pub(super) fn reconnected(&mut self, now: Time) {
        self.reconcile.expects_roster = true;
        self.reconcile.waiting = Some(Waiting { until: now + RECONCILE_TIMEOUT, asked: 0 });
        // Nobody is known who could be missed; the snapshot is waited for all the same, because without
        // it nobody who comes would be seen.
        if self.remotes.is_empty() {
            self.enter(PeerState::Joined);
        }
    }

    pub(super) fn handle_reconcile_timeout(&mut self, now: Time) {
        let Some(waiting) = self.reconcile.waiting.filter(|waiting| now >= waiting.until) else { return };
        if !matches!(self.state, PeerState::Reconnecting | PeerState::Joined) {
            self.reconcile.waiting = None;
        } else if waiting.asked < RECONCILE_RETRIES {
            self.reconcile.waiting =
                Some(Waiting { until: now + RECONCILE_TIMEOUT, asked: waiting.asked + 1 });
            self.subscribe_again(now);
        } else if waiting.asked == RECONCILE_RETRIES {
            let misses = self.state == PeerState::Reconnecting;
            if misses && !std::mem::replace(&mut self.reconcile.told, true) {
                self.tell_error(
                    "ReconcileTimeoutError",
                    "the server did not say who is in the channel after a reconnect; \
                     close this peer and make a new one if it stays like this",
                );
            }
            self.reconcile.waiting = Some(Waiting { until: now + LAST_CHANCE, asked: waiting.asked + 1 });
        } else {
            self.give_up_recovery(now);
        }
    }

    /// No snapshot came at all: another connection may bring one, but not for ever.
    fn give_up_recovery(&mut self, now: Time) {
        self.reconcile.waiting = None;
        self.reconcile.fruitless += 1;
        if self.reconcile.fruitless < MAX_FRUITLESS {
            self.signalling.give_up_socket(
                now,
                CloseCode::CLIENT_INACTIVITY,
                "no presence after a reconnect",
            );
        } else {
            let request = self.signalling.close(now, CloseCode::NORMAL, "no presence after a reconnect");
            self.requests.push_back((request, super::Request::Background));
            self.end("the server does not say who is in the channel".to_owned());
        }
    }

    /// The full roster: departures first, then the roster in its order.
    pub(super) fn plan_reconcile(&mut self, roster: Vec<Member<J>>) {
        let present: Vec<(PeerId, Option<J>)> = roster
            .into_iter()
            .filter_map(|member| Some((self.named(&member.peer_id)?, member.metadata)))
            .collect();
        for remote in &self.remotes {
            if !present.iter().any(|(id, _)| *id == remote.id) {
                self.steps.push_back(Step::Depart(remote.key));
            }
        }
        for (id, metadata) in present {
            match self.remotes.iter().find(|remote| remote.id == id) {
                Some(remote) => self.steps.push_back(Step::Survive(remote.key, metadata)),
                None => self.steps.push_back(Step::Newcomer(id, metadata)),
            }
        }
        self.steps.push_back(Step::Finish);
    }

    /// Takes one step, unless the peer was closed or lost its connection again meanwhile.
    pub(super) fn step(&mut self, step: Step<J>) {
        let reconnecting = self.state == PeerState::Reconnecting;
        match step {
            Step::Depart(key) if reconnecting => self.remove_remote(key),
            Step::Survive(key, metadata) if reconnecting => {
                if let Some(remote) = self.remote_mut(key) {
                    remote.metadata = metadata;
                    let other = remote.link.other_tag().map(str::to_owned);
                    self.steps.push_front(Step::Attach(key));
                    self.swap(key, true);
                    self.tell_reset(key, other);
                }
            }
            // A list may name somebody twice.
            Step::Newcomer(id, metadata) if reconnecting => {
                if self.remote_by_id(&id).is_none() {
                    self.add_remote(id, metadata);
                }
            }
            Step::Finish if reconnecting => self.enter(PeerState::Joined),
            Step::Depart(_) | Step::Survive(..) | Step::Newcomer(..) | Step::Finish => {}
            Step::Swap(key, begins) => self.swap(key, begins),
            Step::TellReset(key, to) => self.tell_reset(key, to),
            Step::Attach(key) => self.attach_all(key),
            Step::Signal(key, signal) => self.deliver(key, signal),
            Step::Delta { joined, left } => self.apply_delta(joined, left),
        }
    }

    /// A remote peer that was told nothing of our absence still has the connection that spoke to our old
    /// one.
    fn tell_reset(&mut self, key: RemoteKey, to: Option<String>) {
        let Some(remote) = self.remote_mut(key).filter(|_| to.is_some()) else { return };
        let id = remote.id.clone();
        let ends = Ends { from: Some(remote.link.tag().to_owned()), to, knows: Knows::Nothing };
        self.signal(&id, &Signal::Reset(ends));
    }

    /// Replaces the connection of a remote peer, which `begins` if it has a new one as well. Who is polite is decided
    /// anew: our own id may have changed.
    pub(super) fn swap(&mut self, key: RemoteKey, begins: bool) {
        let Some(own) = self.own_id.clone() else { return };
        let link = LinkId(self.number());
        let tag = self.signalling.new_tag();
        let now = self.now;
        let Some(remote) = self.remote_mut(key) else { return };
        let old = remote.link.id;
        let polite = own < remote.id;
        let negotiated = remote.state != RemoteState::Idle;
        let follower = Link::new(link, tag, polite).following(&remote.link, begins.then_some(now));
        remote.start_over(follower);
        let reopens = remote.reopens.clone();
        if negotiated {
            self.set_remote_state(key, RemoteState::Reconnecting);
        }
        self.replace_gone(key);
        self.create_link(key, link);
        self.command(old, RtcCommand::Close);
        self.tell_remote(key, RemoteEvent::ConnectionReset { link });
        for channel in reopens {
            self.command(link, RtcCommand::ReopenChannel(channel));
        }
    }
}
