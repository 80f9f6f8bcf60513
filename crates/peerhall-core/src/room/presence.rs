//! Who is here (sdk-behaviour, sections 4.7 and 4.9).

use peerhall_proto::json::Json;

use super::reconcile::Step;
use super::remote::Remote;
use super::{Peer, PeerEvent, PeerState};
use crate::ids::{LinkId, PeerId, RemoteKey};
use crate::link::signal::Signal;
use crate::link::{Link, RemoteEvent, RemoteState, RtcCommand};
use crate::output::LogLevel;
use crate::signalling::Member;

/// Most remote peers of a channel.
pub const MAX_REMOTES: usize = 256;

impl<J: Json> Peer<J> {
    /// A presence frame of the joined channel.
    pub(super) fn presence(&mut self, joined: Vec<Member<J>>, left: Vec<Member<J>>) {
        if !matches!(self.state, PeerState::Joined | PeerState::Reconnecting) {
            return;
        }
        let is_roster = self.reconcile.roster_came();
        if is_roster && self.state == PeerState::Reconnecting {
            self.plan_reconcile(joined);
        } else if self.steps.is_empty() {
            self.apply_delta(joined, left);
        } else {
            self.steps.push_back(Step::Delta { joined, left });
        }
    }

    pub(super) fn apply_delta(&mut self, joined: Vec<Member<J>>, left: Vec<Member<J>>) {
        for member in joined {
            let Some(id) = self.named(&member.peer_id) else { continue };
            match self.remote_by_id(&id).and_then(|index| self.remotes.get_mut(index)) {
                None => self.add_remote(id, member.metadata),
                Some(remote) if remote.lingers_until.is_some() => {
                    // It is back, with a connection that knows nothing of ours.
                    remote.lingers_until = None;
                    remote.metadata = member.metadata;
                    let key = remote.key;
                    self.steps.extend([Step::Swap(key, true), Step::Attach(key)]);
                }
                Some(_) => {}
            }
        }
        for member in left {
            let key = PeerId::new(&member.peer_id)
                .ok()
                .and_then(|id| self.remote_by_id(&id))
                .and_then(|index| self.remotes.get(index))
                .map(|remote| remote.key);
            match key {
                Some(key) if member.dropped => self.linger(key),
                Some(key) => self.remove_remote(key),
                None => self.log(LogLevel::Debug, "a peer left that was not here"),
            }
        }
    }

    /// The id of somebody else, or nothing: not ours, not a former one of ours, not nonsense.
    pub(super) fn named(&self, id: &str) -> Option<PeerId> {
        let id = PeerId::new(id).ok()?;
        (self.own_id.as_ref() != Some(&id) && !self.former_ids.contains(&id)).then_some(id)
    }

    /// A remote peer lost its connection to the server; its own to us may live on. The server tells of
    /// its return, or lets the time pass.
    fn linger(&mut self, key: RemoteKey) {
        let until = self.now + self.options.linger;
        let Some(remote) = self.remote_mut(key) else { return };
        remote.lingers_until = Some(until);
        if matches!(remote.state, RemoteState::Connecting | RemoteState::Connected) {
            self.set_remote_state(key, RemoteState::Reconnecting);
        }
    }

    /// Takes a newcomer in: metadata first, then tracks, then the event, then what it has said already.
    pub(super) fn add_remote(&mut self, id: PeerId, metadata: Option<J>) {
        if self.remotes.len() >= MAX_REMOTES {
            return self.log(LogLevel::Warn, "too many remote peers; one was dropped");
        }
        let Some(own) = self.own_id.clone() else { return };
        let (key, link) = (RemoteKey(self.number()), LinkId(self.number()));
        let polite = own < id;
        let tag = self.signalling.new_tag();
        let remote = Remote::new(key, id.clone(), metadata, Link::new(link, tag, polite));
        let info = remote.info();
        self.remotes.push(remote);
        self.create_link(key, link);
        self.attach_all(key);
        self.tell(PeerEvent::PeerJoined(info));
        for signal in self.held.take(self.now, &id) {
            self.steps.push_back(Step::Signal(key, signal));
        }
    }

    pub(super) fn create_link(&mut self, remote: RemoteKey, link: LinkId) {
        let ice_servers = self.ice_servers.clone();
        let policy = self.policy;
        self.command(link, RtcCommand::Create { remote, ice_servers, policy });
    }

    /// Takes somebody out: gone from the set, connection closed, then the event.
    pub(super) fn remove_remote(&mut self, key: RemoteKey) {
        let Some(index) = self.remotes.iter().position(|remote| remote.key == key) else { return };
        let mut remote = self.remotes.remove(index);
        self.command(remote.link.id, RtcCommand::Close);
        let from = std::mem::replace(&mut remote.state, RemoteState::Closed);
        if from != RemoteState::Closed {
            self.tell_remote(key, RemoteEvent::StateChange { from, to: RemoteState::Closed });
        }
        self.replace_gone(key);
        #[cfg(feature = "labelled")]
        self.forget_shares(key);
        self.tell(PeerEvent::PeerLeft(remote.info()));
    }

    pub(super) fn end_remotes(&mut self) {
        while let Some(key) = self.remotes.first().map(|remote| remote.key) {
            self.remove_remote(key);
        }
    }

    /// What a newcomer said before presence showed it.
    pub(super) fn deliver(&mut self, key: RemoteKey, signal: Signal<J>) {
        let now = self.now;
        let Some(remote) = self.remote_mut(key) else { return };
        match signal {
            Signal::Description(description, ends) => remote.link.description(now, description, ends),
            Signal::Reset(ends) => remote.link.reset(&ends),
            Signal::Candidate(candidate) => remote.link.candidate(now, candidate),
            Signal::Label(label) => remote.labels.note(label),
            #[cfg(feature = "labelled")]
            Signal::Carried(text) => return self.carried(key, text),
        }
        self.settle(key);
    }
}
