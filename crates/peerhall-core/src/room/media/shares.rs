//! Streams that are shared under labels, with everybody or with one: which tracks come, go, or take each other's
//! place (labelled-peer, section 7.5).

use peerhall_proto::json::Json;

use super::{LocalTrack, Peer, PeerState, Tracked};
use crate::error::ShareError;
use crate::ids::{RemoteKey, StreamKey, TrackKey};
use crate::link::{RtcCommand, RtcFailure};
use crate::time::Time;

/// Most labels of streams, with everybody and with each one together (section 7.4).
pub const MAX_SHARES: usize = 256;

/// A track of a stream that is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedTrack {
    /// The track, under a key that is used once: the same one may be shared under several labels.
    pub track: LocalTrack,
    /// What the driver knows the track itself by, in each call the same.
    pub source: u64,
}

/// What became of tracks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareChange {
    /// Those that are not sent under the label any more.
    pub gone: Vec<TrackKey>,
    /// Those of the call that are not needed, because the same track is sent already under another key.
    pub unused: Vec<TrackKey>,
}

/// All shares, and the tracks that are taking each other's place.
#[derive(Debug, Default)]
pub(super) struct Shares {
    all: Vec<Share>,
    handovers: Vec<Handover>,
}

/// One stream under one label.
#[derive(Debug)]
struct Share {
    label: String,
    /// The only one who gets it; everybody without.
    only: Option<RemoteKey>,
    stream: (StreamKey, String),
    tracks: Vec<SharedTrack>,
}

/// A track that is taking another's place on one connection. One after the other: what is decided meanwhile is
/// done when the connection has answered.
#[derive(Debug)]
struct Handover {
    remote: RemoteKey,
    old: TrackKey,
    new: TrackKey,
    /// What is to be sent there in the end.
    wanted: Option<TrackKey>,
}

impl Shares {
    fn find(&self, only: Option<RemoteKey>, label: &str) -> Option<usize> {
        self.all.iter().position(|share| share.only == only && share.label == label)
    }

    /// A track is not wanted any more; where it is on its way, it goes when it is there.
    pub(super) fn unwanted(&mut self, track: TrackKey) {
        for handover in self.handovers.iter_mut().filter(|handover| handover.wanted == Some(track)) {
            handover.wanted = None;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The connection to a remote peer is gone: it will not answer any more.
    pub(super) fn connection_gone(&mut self, remote: RemoteKey) {
        self.handovers.retain(|handover| handover.remote != remote);
    }
}

impl<J: Json> Peer<J> {
    /// Makes the share of a label what is given, with the least negotiation: shares a stream with everybody who
    /// is here and who comes, or with `only` one, also over its reconnects. `stream` is what it travels as, if
    /// nothing is shared under the label yet. Without tracks nothing happens.
    ///
    /// # Errors
    ///
    /// [`ShareError`]; nothing has changed then.
    pub fn share(
        &mut self,
        now: Time,
        only: Option<RemoteKey>,
        label: &str,
        stream: (StreamKey, String),
        tracks: Vec<SharedTrack>,
    ) -> Result<ShareChange, ShareError> {
        if tracks.is_empty() {
            return Ok(ShareChange::default());
        }
        self.media_allowed("share")?;
        if only.is_some_and(|only| self.remotes.iter().all(|remote| remote.key != only)) {
            return Err(ShareError::RemoteClosed);
        }
        let known = self.media.shares.find(only, label);
        let (stream, before) = match known.and_then(|place| self.media.shares.all.get(place)) {
            Some(share) => (share.stream.clone(), share.tracks.clone()),
            None if self.media.shares.all.len() >= MAX_SHARES => {
                return Err(ShareError::TooManyLabels(MAX_SHARES));
            }
            None => (stream, Vec::new()),
        };
        let TrackChange { replaced, removed, added } = TrackChange::between(&before, &tracks);
        let tracked = |new: &SharedTrack| Tracked {
            track: new.track.clone(),
            stream: Some(stream.clone()),
            metadata: Some(J::object([("label", J::string(label))])),
            audience: only,
        };
        for new in replaced.iter().map(|(_, new)| new).chain(&added) {
            self.fits(&tracked(new))?;
        }
        let same = |track: &&SharedTrack| before.iter().any(|known| known.source == track.source);
        let unused = tracks.iter().filter(same).map(|track| track.track.key).collect();
        let gone: Vec<_> =
            replaced.iter().map(|(old, _)| old).chain(&removed).map(|old| old.track.key).collect();
        for (old, new) in &replaced {
            self.hand_over(old.track.key, new.track.clone());
        }
        for old in &removed {
            self.untrack(old.track.key);
        }
        for new in &added {
            self.begin(tracked(new));
        }
        let stay = before.into_iter().filter(|known| !gone.contains(&known.track.key));
        let tracks = stay.chain(replaced.into_iter().map(|(_, new)| new)).chain(added).collect();
        match known.and_then(|place| self.media.shares.all.get_mut(place)) {
            Some(share) => share.tracks = tracks,
            None => self.media.shares.all.push(Share { label: label.to_owned(), only, stream, tracks }),
        }
        self.pump(now);
        Ok(ShareChange { gone, unused })
    }

    /// Stops sharing what was shared with everybody, or with `only` one, under a label; gives the tracks that are
    /// not sent under it any more.
    pub fn unshare(&mut self, now: Time, only: Option<RemoteKey>, label: &str) -> Vec<TrackKey> {
        let Some(place) = self.media.shares.find(only, label) else { return Vec::new() };
        let share = self.media.shares.all.remove(place);
        let gone: Vec<_> = share.tracks.iter().map(|track| track.track.key).collect();
        for key in &gone {
            self.untrack(*key);
        }
        self.pump(now);
        gone
    }

    /// Forgets what was shared with somebody who has left.
    pub(in crate::room) fn forget_shares(&mut self, remote: RemoteKey) {
        self.media.shares.all.retain(|share| share.only != Some(remote));
        self.media.tracked.retain(|tracked| tracked.audience != Some(remote));
    }

    /// Sends a track in the place of another, without negotiation where the connection can.
    fn hand_over(&mut self, old: TrackKey, new: LocalTrack) {
        let key = new.key;
        let audience = self.audience_of(old);
        let (cleared, label) = self.rekey(old, Some(new));
        let joined = self.state == PeerState::Joined;
        for remote in audience {
            let Some(known) = self.remote_mut(remote) else { continue };
            let (id, carried) = (known.id.clone(), known.carries.contains(&old));
            // On the way back to the server everything is said anew.
            for signal in cleared.iter().chain(&label).filter(|_| joined) {
                self.signal(&id, signal);
            }
            let waits = |handover: &&mut Handover| handover.remote == remote && handover.wanted == Some(old);
            if let Some(handover) = self.media.shares.handovers.iter_mut().find(waits) {
                handover.wanted = Some(key);
            } else if carried {
                self.replace_on(remote, old, key);
            } else if joined {
                self.attach_track(remote, key);
            }
        }
    }

    fn replace_on(&mut self, remote: RemoteKey, old: TrackKey, new: TrackKey) {
        let Some(link) = self.remote_mut(remote).map(|remote| remote.link.id) else { return };
        self.media.shares.handovers.push(Handover { remote, old, new, wanted: Some(new) });
        self.command(link, RtcCommand::Replace { old, new: Some(new) });
    }

    /// A connection has answered a `Replace`; says whether it was one of a share. A track that it does not put in
    /// another's place, such as one of a codec that was not negotiated, gets a place of its own.
    pub(super) fn handed_over(
        &mut self,
        remote: RemoteKey,
        old: TrackKey,
        result: &Result<(), RtcFailure>,
    ) -> bool {
        let answered = |handover: &Handover| handover.remote == remote && handover.old == old;
        let Some(place) = self.media.shares.handovers.iter().position(answered) else { return false };
        let Handover { new, wanted, .. } = self.media.shares.handovers.remove(place);
        let present = if result.is_ok() { new } else { old };
        let Some(known) = self.remote_mut(remote) else { return true };
        let link = known.link.id;
        known.carries.retain(|carried| *carried != old);
        known.carries.push(present);
        match wanted {
            Some(wanted) if wanted == present => {}
            Some(wanted) if result.is_ok() => self.replace_on(remote, present, wanted),
            Some(_) | None => {
                known.carries.retain(|carried| *carried != present);
                self.command(link, RtcCommand::Detach { track: present });
                if let Some(wanted) = wanted {
                    self.attach_track(remote, wanted);
                }
            }
        }
        true
    }
}

/// What makes one list of shared tracks out of another with the least negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TrackChange {
    /// Tracks that another of their kind takes the place of, which needs no negotiation.
    replaced: Vec<(SharedTrack, SharedTrack)>,
    /// Tracks that leave.
    removed: Vec<SharedTrack>,
    /// Tracks that come.
    added: Vec<SharedTrack>,
}

impl TrackChange {
    fn between(before: &[SharedTrack], after: &[SharedTrack]) -> Self {
        let missing_in = |list: &[SharedTrack], track: &SharedTrack| {
            !list.iter().any(|other| other.source == track.source)
        };
        let mut added: Vec<_> = after.iter().filter(|track| missing_in(before, track)).cloned().collect();
        let (mut replaced, mut removed) = (Vec::new(), Vec::new());
        for gone in before.iter().filter(|track| missing_in(after, track)) {
            match added.iter().position(|new| new.track.kind == gone.track.kind) {
                Some(place) => replaced.push((gone.clone(), added.remove(place))),
                None => removed.push(gone.clone()),
            }
        }
        Self { replaced, removed, added }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::MediaKind;

    /// Audio if its name begins with `a`; its number is its key and its source.
    fn track(name: &str, source: u64) -> SharedTrack {
        let kind = if name.starts_with('a') { MediaKind::Audio } else { MediaKind::Video };
        SharedTrack { track: LocalTrack { key: TrackKey(source), id: name.to_owned(), kind }, source }
    }

    #[test]
    fn l13_tracks_of_one_kind_take_each_others_place_and_what_stays_is_left_alone() {
        let change = |before: &[&SharedTrack], after: &[&SharedTrack]| {
            let list = |tracks: &[&SharedTrack]| tracks.iter().copied().cloned().collect::<Vec<_>>();
            let TrackChange { replaced, removed, added } = TrackChange::between(&list(before), &list(after));
            let name = |track: SharedTrack| track.track.id;
            (
                replaced.into_iter().map(|(old, new)| format!("{}-{}", name(old), name(new))).collect(),
                removed.into_iter().map(name).collect(),
                added.into_iter().map(name).collect(),
            )
        };
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let says = |replaced, removed, added| (words(replaced), words(removed), words(added));
        let (a1, v1, v2, v3) = (&track("a1", 1), &track("v1", 2), &track("v2", 3), &track("v3", 4));
        assert_eq!(change(&[], &[a1, v1]), says(&[], &[], &["a1", "v1"]));
        assert_eq!(change(&[a1, v1], &[a1, v2]), says(&["v1-v2"], &[], &[]));
        assert_eq!(change(&[a1, v1, v2], &[v3]), says(&["v1-v3"], &["a1", "v2"], &[]));
        assert_eq!(change(&[v1], &[v1, v2, a1]), says(&[], &[], &["v2", "a1"]));
    }
}
