//! What connections to remote peers report, and what follows.

use std::time::Duration;

use peerhall_proto::json::Json;

use super::reconcile::Step;
use super::remote::Reach;
use super::{Peer, PeerState, Request};
use crate::ids::{ChannelKey, LinkId, RemoteKey};
use crate::link::signal::{self, Ends, Knows, Signal};
use crate::link::{
    Description, IceCandidate, Labelled, LinkOut, RemoteEvent, RemoteState, RemoteTrack, RtcCommand,
    RtcInput, RtcState, Stats, TrackGone, Unreachable,
};
use crate::output::LogLevel;
use crate::queue::Queue;
use crate::time::Time;

/// A server that was heard this shortly before would have told of somebody's return.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

impl<J: Json> Peer<J> {
    /// A peer connection reports something. What comes from a connection that was replaced is ignored.
    pub fn rtc(&mut self, now: Time, link: LinkId, input: RtcInput) {
        self.now = now;
        if let Some(key) = self.remotes.iter().find(|remote| remote.link.id == link).map(|remote| remote.key)
        {
            self.remote_input(now, key, input);
            self.settle(key);
        }
        self.pump(now);
    }

    /// Looks for a new path to a remote peer, while data goes on flowing over the present one. Does nothing
    /// before the first description has come, when a path is being looked for anyway.
    pub fn restart_ice(&mut self, now: Time, remote: RemoteKey) {
        self.now = now;
        if let Some(known) = self.remote_mut(remote)
            && known.link.has_remote_description()
        {
            known.link.restart(now);
            self.settle(remote);
        }
        self.pump(now);
    }

    /// A data channel of the application is to be opened again whenever the connection is replaced.
    pub fn keep_channel(&mut self, remote: RemoteKey, channel: ChannelKey) {
        if let Some(remote) = self.remote_mut(remote)
            && !remote.reopens.contains(&channel)
        {
            remote.reopens.push(channel);
        }
    }

    /// The application closed a channel that was to be opened again.
    pub fn forget_channel(&mut self, remote: RemoteKey, channel: ChannelKey) {
        if let Some(remote) = self.remote_mut(remote) {
            remote.reopens.retain(|kept| *kept != channel);
        }
    }

    fn remote_input(&mut self, now: Time, key: RemoteKey, input: RtcInput) {
        match input {
            RtcInput::State(state) => {
                self.rtc_state(now, key, state);
                self.pass_to_link(now, key, RtcInput::State(state));
            }
            RtcInput::Track(track) => self.track_came(key, track),
            RtcInput::TrackEnded(track) => self.track_gone(key, track, TrackGone::Ended),
            RtcInput::TrackRemoved { stream, track } => {
                self.track_gone(key, track, TrackGone::Removed(&stream))
            }
            RtcInput::DataChannel(channel) => self.tell_remote(key, RemoteEvent::DataChannel(channel)),
            RtcInput::Stats(stats) => self.stats_came(key, stats),
            RtcInput::AttachFailed { track, failure } => self.attach_failed(key, track, failure),
            RtcInput::Replaced { old, result } => self.replaced(key, old, result),
            RtcInput::CreateFailed(_)
            | RtcInput::NegotiationNeeded
            | RtcInput::OfferCreated(_)
            | RtcInput::AnswerCreated(_)
            | RtcInput::LocalSet(_)
            | RtcInput::RemoteSet(_)
            | RtcInput::CandidateAdded(_)
            | RtcInput::LocalCandidate(_)
            | RtcInput::Ice(_) => self.pass_to_link(now, key, input),
        }
    }

    fn pass_to_link(&mut self, now: Time, key: RemoteKey, input: RtcInput) {
        if let Some(remote) = self.remote_mut(key) {
            remote.link.input(now, input);
        }
    }

    fn rtc_state(&mut self, now: Time, key: RemoteKey, state: RtcState) {
        let (interval, patience) = (self.options.stats_interval, self.options.reach_timeout);
        let Some(remote) = self.remote_mut(key) else { return };
        let present = remote.state;
        let connected = state == RtcState::Connected;
        match state {
            RtcState::New | RtcState::Connecting => {}
            RtcState::Connected => remote.detour.connected(),
            RtcState::Disconnected | RtcState::Failed | RtcState::Closed => remote.detour.lost(now, patience),
        }
        remote.sample_at = interval.filter(|_| connected).map(|_| now);
        if connected {
            remote.reach = Reach::Settled;
        }
        let signalling_lost = self.state == PeerState::Reconnecting;
        match state {
            // On the way back it stays `reconnecting` until data flows.
            RtcState::New | RtcState::Connecting if present == RemoteState::Reconnecting => {}
            RtcState::New | RtcState::Connecting => self.set_remote_state(key, RemoteState::Connecting),
            // While the server is away the old connection may flicker; it is about to be replaced.
            RtcState::Connected if signalling_lost || self.is_lingering(key) => {}
            RtcState::Connected => self.set_remote_state(key, RemoteState::Connected),
            // A connection that the other side closed is dead too, whether the peer is about to leave or to
            // make a new one.
            RtcState::Disconnected | RtcState::Failed | RtcState::Closed => {
                self.set_remote_state(key, RemoteState::Reconnecting);
            }
        }
    }

    fn is_lingering(&self, key: RemoteKey) -> bool {
        self.remotes.iter().any(|remote| remote.key == key && remote.lingers_until.is_some())
    }

    pub(super) fn set_remote_state(&mut self, key: RemoteKey, to: RemoteState) {
        let Some(remote) = self.remote_mut(key) else { return };
        let from = std::mem::replace(&mut remote.state, to);
        if from != to {
            self.tell_remote(key, RemoteEvent::StateChange { from, to });
        }
    }

    fn track_came(&mut self, key: RemoteKey, track: RemoteTrack) {
        let Some(remote) = self.remote_mut(key) else { return };
        let sdp = remote.link.remote_sdp();
        let metadata = remote.labels.of(&track, &sdp);
        let new_streams = remote.streams.add(&track);
        self.tell_remote(key, RemoteEvent::Track { track, metadata: metadata.clone() });
        for stream in new_streams {
            self.tell_remote(key, RemoteEvent::StreamAdded { stream, metadata: metadata.clone() });
        }
    }

    fn track_gone(&mut self, key: RemoteKey, track: crate::ids::RemoteTrackKey, how: TrackGone<'_>) {
        let Some(remote) = self.remote_mut(key) else { return };
        for stream in remote.streams.remove(track, how) {
            self.tell_remote(key, RemoteEvent::StreamRemoved { stream });
        }
    }

    fn stats_came(&mut self, key: RemoteKey, stats: Stats) {
        let Some(remote) = self.remote_mut(key) else { return };
        let (path, quality) = remote.quality.sample(stats);
        if let Some(path) = path {
            self.tell_remote(key, RemoteEvent::Path(path));
        }
        if let Some(quality) = quality {
            self.tell_remote(key, RemoteEvent::Quality(quality));
        }
    }

    /// Carries out what a link wants.
    pub(super) fn settle(&mut self, key: RemoteKey) {
        let reach_timeout = self.options.reach_timeout;
        let (now, ours) = (self.now, self.knows);
        let Some(remote) = self.remote_mut(key) else { return };
        let (link, id) = (remote.link.id, remote.id.clone());
        if let (Reach::Untried, Some(since)) = (remote.reach, remote.link.negotiating_since()) {
            remote.reach = Reach::By(since + reach_timeout);
            remote.detour.lost(since, reach_timeout);
        }
        for out in remote.link.take_out() {
            match out {
                LinkOut::Command(command) => self.command(link, command),
                LinkOut::SendDescription(description, ends) => {
                    let ends = Ends { knows: ours, ..ends };
                    self.signal(&id, &Signal::Description(description, ends));
                }
                LinkOut::SendCandidate(candidate) => self.signal(&id, &Signal::Candidate(candidate)),
                LinkOut::NegotiationError(error) => {
                    self.tell_remote(key, RemoteEvent::NegotiationError(error))
                }
                LinkOut::CandidateError(error) => {
                    self.tell_remote(key, RemoteEvent::IceCandidateError(error))
                }
                LinkOut::Exhausted => {
                    if let Some(remote) = self.remote_mut(key) {
                        remote.detour.given_up(now);
                    }
                    let reason = Unreachable::RestartsExhausted;
                    self.tell_remote(key, RemoteEvent::Unreachable(reason));
                }
                LinkOut::Renew { offer, candidates, begins } => self.renew(key, offer, candidates, begins),
                LinkOut::Knows(theirs) if ours != Knows::Nothing => {
                    if let Some(remote) = self.remote_mut(key) {
                        remote.detour.shown(ours, theirs);
                    }
                    self.tell_remote(key, RemoteEvent::Labelled(Labelled::Known(theirs != Knows::Nothing)));
                }
                LinkOut::Knows(_) => {}
                LinkOut::SendReset(ends) => self.signal(&id, &Signal::Reset(ends)),
                LinkOut::Log(level, line) => self.log(level, line),
            }
        }
        #[cfg(feature = "labelled")]
        self.review_detour(key);
    }

    /// The remote peer made a new connection without a word from presence, or ours is of no use any more: it is
    /// replaced.
    fn renew(
        &mut self,
        key: RemoteKey,
        offer: Option<(Description, Ends)>,
        candidates: Queue<Option<IceCandidate>>,
        begins: bool,
    ) {
        let now = self.now;
        let Some(remote) = self.remote_mut(key) else { return };
        if !remote.may_reset(now) {
            remote.detour.given_up(now);
            if std::mem::replace(&mut remote.reach, Reach::Settled) != Reach::Settled {
                self.tell_remote(key, RemoteEvent::Unreachable(Unreachable::Failing));
            }
            return self.log(LogLevel::Warn, "connections to the remote peer fail again and again");
        }
        let other = remote.link.other_tag().map(str::to_owned).filter(|_| !begins && offer.is_none());
        self.steps.extend([Step::Swap(key, begins), Step::TellReset(key, other), Step::Attach(key)]);
        // An answer was for the connection that is gone.
        if let Some((offer, ends)) = offer {
            // It was for the connection that is replaced; now it is for the new one, and so are its candidates.
            let ends = Ends { to: None, ..ends };
            self.steps.push_back(Step::Signal(key, Signal::Description(offer, ends)));
            for candidate in candidates {
                self.steps.push_back(Step::Signal(key, Signal::Candidate(candidate)));
            }
        }
    }

    /// Sends a negotiation message. While the server is away there is nobody to take it; the reconcile
    /// starts negotiation anew.
    pub(super) fn signal(&mut self, to: &crate::ids::PeerId, signal: &Signal<J>) {
        match self.signalling.send_in_turn(self.now, to.clone(), signal::write(signal)) {
            Ok(request) => {
                self.requests.push_back((request, Request::Signal));
            }
            Err(_) => self.log(LogLevel::Debug, "a negotiation message was dropped: not connected"),
        }
    }

    /// A remote peer that lost its connection has not come back, unless it is we who do not hear.
    fn linger_over(&mut self, now: Time, key: RemoteKey, until: Time) {
        let since = Time::ZERO + (until - Time::ZERO).saturating_sub(HEARD_WITHIN);
        let gone = self.state == PeerState::Joined && self.signalling.hears_since(now, since);
        let joined = self.state == PeerState::Joined;
        if gone {
            return self.remove_remote(key);
        }
        if let Some(remote) = self.remote_mut(key) {
            // On the way back to the server the snapshot decides.
            remote.lingers_until = joined.then(|| now + HEARD_WITHIN);
        }
    }

    /// The network is back: connections that failed are tried at once.
    pub(super) fn retry_links(&mut self, now: Time) {
        // While the server is away nobody takes an offer; the reconcile makes new connections anyway.
        if self.state != PeerState::Joined {
            return;
        }
        let keys: Vec<_> = self.remotes.iter().map(|remote| remote.key).collect();
        for key in keys {
            if let Some(remote) = self.remote_mut(key) {
                remote.link.network_available(now);
            }
            self.settle(key);
        }
    }

    pub(super) fn handle_remote_timeouts(&mut self, now: Time) {
        let keys: Vec<_> = self
            .remotes
            .iter()
            .filter(|remote| remote.deadline().is_some_and(|deadline| now >= deadline))
            .map(|remote| remote.key)
            .collect();
        for key in keys {
            self.handle_remote_timeout(now, key);
        }
    }

    fn handle_remote_timeout(&mut self, now: Time, key: RemoteKey) {
        let interval = self.options.stats_interval;
        let Some(remote) = self.remote_mut(key) else { return };
        if let Some(until) = remote.lingers_until.filter(|until| now >= *until) {
            return self.linger_over(now, key, until);
        }
        remote.link.handle_timeout(now);
        let link = remote.link.id;
        let overdue = matches!(remote.reach, Reach::By(by) if now >= by).then(|| {
            // Once is enough until the next connection.
            remote.reach = Reach::Settled;
            if remote.link.has_remote_description() { Unreachable::NoPath } else { Unreachable::NoAnswer }
        });
        let sample = remote.sample_at.is_some_and(|at| now >= at);
        if sample {
            remote.sample_at = interval.map(|interval| now + interval);
            self.command(link, RtcCommand::SampleStats);
        }
        if let Some(reason) = overdue {
            self.tell_remote(key, RemoteEvent::Unreachable(reason));
        }
        self.settle(key);
    }
}
