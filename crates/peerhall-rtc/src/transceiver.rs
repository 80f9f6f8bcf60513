//! Which track travels in which section of the description, in both directions.

use std::sync::Arc;

use crate::event::Event;
use crate::sdp::{MediaSection, Msid, SectionKind};
use crate::track::{Feed, MediaKind, RemoteInfo, SenderId, Subscription};
use crate::wake::Wake;

/// A section of the description, or a track that waits for one.
#[derive(Debug)]
pub(crate) struct Transceiver {
    pub(crate) kind: MediaKind,
    /// Name of its section once both sides know it.
    pub(crate) mid: Option<String>,
    /// Name of its section in our pending offer, while only we know it.
    pub(crate) offered: Option<String>,
    /// Whether our pending offer says that we send.
    pub(crate) offering: bool,
    /// Whether the last negotiation said that we send, or would.
    expressed: bool,
    /// Whether a track has ever been sent here; the section is then not used for another one, because
    /// the remote's object for it would keep its old id.
    used: bool,
    /// Whether a track has ever come in here. A browser, too, does not send another one where it has
    /// sent one.
    received: bool,
    /// Whether the section was refused or retired.
    pub(crate) stopped: bool,
    pub(crate) sender: Option<Sender>,
    pub(crate) receiver: Option<Arc<Feed>>,
}

/// What we send in a section.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) id: SenderId,
    pub(crate) msid: Msid,
    /// The source; `None` while it is replaced by nothing.
    pub(crate) source: Option<Subscription>,
}

impl Transceiver {
    fn new(kind: MediaKind) -> Self {
        Self {
            kind,
            mid: None,
            offered: None,
            offering: false,
            expressed: false,
            used: false,
            received: false,
            stopped: false,
            sender: None,
            receiver: None,
        }
    }

    /// Whether it differs from what the last negotiation said.
    fn is_due(&self) -> bool {
        let wanted = self.sender.is_some();
        !self.stopped && if self.mid.is_some() { wanted != self.expressed } else { wanted }
    }

    fn section(&self) -> Option<&str> {
        self.mid.as_deref().or(self.offered.as_deref())
    }

    /// Whether it has no track of ours, had none, and none is promised to the remote.
    fn is_free(&self) -> bool {
        self.sender.is_none() && !self.used && !self.offering && !self.stopped
    }

    /// Whether nothing travels in a section that both sides know.
    fn is_idle(&self) -> bool {
        self.mid.is_some() && !self.stopped && self.sender.is_none() && self.receiver.is_none()
    }

    /// Whether a former section of ours may take another track: the remote knows that the last one is
    /// gone.
    fn is_reusable(&self) -> bool {
        self.is_idle() && !self.expressed && !self.offering
    }
}

/// Sections of a kind from which on a new track goes into a former one's. Each section makes all
/// descriptions longer, by up to 5 KB in a browser's, and a message carries no more than 65,536 bytes.
/// Not from the first, because a browser knows the new track by the id of the former.
const REUSE_FROM: usize = 4;

/// Sections of a kind that the remote has left and that stay as they are; more are retired, except one.
const IDLE_SECTIONS: usize = 3;

/// All sections of a connection.
#[derive(Debug, Default)]
pub(crate) struct Transceivers {
    all: Vec<Transceiver>,
}

impl Transceivers {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Transceiver> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Transceiver> {
        self.all.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Gives a sender a section: one that only receives so far, or a new one; when there are many and the
    /// remote hears of another track in such a section, a former track's.
    pub(crate) fn add(&mut self, kind: MediaKind, sender: Sender, remote_renews: bool) {
        let free = |t: &Transceiver| t.kind == kind && t.is_free();
        let reusable = |t: &Transceiver| t.kind == kind && t.is_reusable();
        let many = self.all.iter().filter(|t| t.kind == kind).count() >= REUSE_FROM;
        let reuse = many && remote_renews;
        let place = self.all.iter().position(free);
        let place = place.or_else(|| reuse.then(|| self.all.iter().position(reusable)).flatten());
        if let Some(found) = place.and_then(|at| self.all.get_mut(at)) {
            found.sender = Some(sender);
        } else {
            let mut new = Transceiver::new(kind);
            new.sender = Some(sender);
            self.all.push(new);
        }
    }

    /// Takes a sender out of its section.
    pub(crate) fn remove(&mut self, id: SenderId) -> Option<Sender> {
        let found = self.all.iter_mut().find(|t| t.sender.as_ref().is_some_and(|s| s.id == id))?;
        let sender = found.sender.take();
        self.all.retain(|t| t.section().is_some() || t.sender.is_some());
        sender
    }

    pub(crate) fn by_sender(&mut self, id: SenderId) -> Option<&mut Transceiver> {
        self.all.iter_mut().find(|t| t.sender.as_ref().is_some_and(|s| s.id == id))
    }

    pub(crate) fn by_mid(&self, mid: &str) -> Option<&Transceiver> {
        self.all.iter().find(|t| t.mid.as_deref() == Some(mid))
    }

    pub(crate) fn is_due(&self) -> bool {
        self.all.iter().any(Transceiver::is_due)
    }

    /// Sections to retire: the remote has left them, and nothing travels there. A browser never sends
    /// in such a section again, and opens its next one in the place of a retired one.
    pub(crate) fn abandoned(&self) -> Vec<String> {
        let mut names = Vec::new();
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let idle = self.all.iter().filter(|t| t.kind == kind && t.is_idle() && t.received);
            let idle: Vec<_> = idle.filter_map(|t| t.mid.clone()).collect();
            if idle.len() > IDLE_SECTIONS {
                names.extend(idle.into_iter().skip(1));
            }
        }
        names
    }

    /// Whether a section was refused or retired.
    pub(crate) fn is_stopped(&self, mid: &str) -> bool {
        self.by_mid(mid).is_some_and(|t| t.stopped)
    }

    /// What a description of ours says about the track of a section.
    pub(crate) fn msid(&self, mid: &str) -> Option<Msid> {
        let found = self.all.iter().find(|t| t.section() == Some(mid))?;
        found.sender.as_ref().map(|sender| sender.msid.clone())
    }

    /// Whether a track of ours goes into a section of the remote's offer, now or when
    /// [`apply_offer`](Self::apply_offer) gives it one.
    pub(crate) fn senders_in_offer(&self, offer: &[MediaSection]) -> Vec<String> {
        let mut waiting: Vec<&Transceiver> = self.waiting().collect();
        let mut sending = Vec::new();
        for section in offer {
            let Some(kind) = media_kind(section.kind) else { continue };
            let known = self.by_mid(&section.mid);
            let takes = match known {
                Some(known) => known.sender.is_some(),
                None if self.has_room(section, offer) => {
                    let found = waiting.iter().position(|t| t.kind == kind);
                    found.map(|at| waiting.remove(at)).is_some()
                }
                None => false,
            };
            if takes {
                sending.push(section.mid.clone());
            }
        }
        sending
    }

    /// Whether a track of ours may go into a new section of the remote's offer. A Firefox opens sections
    /// with its own payload types, also when others stand for the same codecs in those that we opened;
    /// the engine sends each codec by one only, and would promise in vain what the offer does not know.
    fn has_room(&self, section: &MediaSection, offer: &[MediaSection]) -> bool {
        let known =
            |s: &&MediaSection| s.kind == section.kind && self.by_mid(&s.mid).is_some_and(|t| !t.stopped);
        let like = |known: &MediaSection| section.numbers_like(known);
        section.direction.receive && !section.rejected && offer.iter().find(known).is_none_or(like)
    }

    /// The remote's offer was accepted: its new sections take tracks that wait for one, as far as
    /// the remote wants to receive, and what was said about the others is said now.
    pub(crate) fn apply_offer(&mut self, offer: &[MediaSection]) {
        self.drop_recycled(offer);
        for section in offer {
            let Some(kind) = media_kind(section.kind) else { continue };
            let known = self.all.iter().position(|t| t.mid.as_ref() == Some(&section.mid));
            let waits = |t: &Transceiver| t.is_waiting() && t.kind == kind;
            let waiting = || self.all.iter().position(waits).filter(|_| self.has_room(section, offer));
            let place = known.or_else(waiting);
            let found = match place.and_then(|at| self.all.get_mut(at)) {
                Some(found) => found,
                None => {
                    self.all.push(Transceiver::new(kind));
                    let Some(new) = self.all.last_mut() else { continue };
                    new
                }
            };
            found.mid = Some(section.mid.clone());
            found.settle(found.sender.is_some(), section.rejected);
        }
        self.move_out();
    }

    /// Our offer was answered.
    pub(crate) fn apply_answer(&mut self, answer: &[MediaSection]) {
        for section in answer {
            let of_section = |t: &&mut Transceiver| t.section() == Some(section.mid.as_str());
            if let Some(found) = self.all.iter_mut().find(of_section) {
                found.mid = Some(section.mid.clone());
                found.offered = None;
                found.settle(found.offering, section.rejected);
            }
        }
        self.move_out();
        self.all.retain(|t| t.section().is_some() || t.sender.is_some());
    }

    /// Our offer is void; its tracks wait again.
    pub(crate) fn roll_back(&mut self) {
        for transceiver in &mut self.all {
            transceiver.offered = None;
            transceiver.offering = false;
        }
        self.all.retain(|t| t.section().is_some() || t.sender.is_some());
    }

    /// Starts, ends and changes remote tracks as the remote describes them.
    pub(crate) fn follow_remote(
        &mut self,
        sections: &[MediaSection],
        wake: &Arc<Wake>,
        events: &mut Vec<Event>,
    ) {
        for section in sections {
            let of_section = |t: &&mut Transceiver| t.mid.as_ref() == Some(&section.mid);
            let Some(found) = self.all.iter_mut().find(of_section) else { continue };
            let sends = section.direction.send && !section.rejected;
            let info = sends.then(|| RemoteInfo {
                track: section.track.clone().unwrap_or_else(|| section.mid.clone()),
                mid: section.mid.clone(),
                kind: found.kind,
                streams: section.streams.clone(),
            });
            if found.receiver.as_ref().map(|feed| feed.info()) == info.as_ref() {
                continue;
            }
            if let Some(old) = found.receiver.take() {
                events.push(ended(&old));
            }
            if let Some(info) = info {
                let mid = section.mid.as_str().into();
                let feed = Feed::new(info, mid, Arc::clone(wake));
                events.push(Event::Track(feed.track()));
                found.receiver = Some(feed);
                found.received = true;
            }
        }
    }

    /// The connection has ended.
    pub(crate) fn close(&mut self) {
        for transceiver in self.all.drain(..) {
            if let Some(feed) = transceiver.receiver {
                feed.end();
            }
        }
    }

    /// Tracks whose section was retired after it had carried one wait for another section: the remote
    /// took ours to be gone. One that was refused from the start would be refused again.
    fn move_out(&mut self) {
        let retired = |t: &&mut Transceiver| t.stopped && (t.used || t.received);
        let homeless: Vec<_> = self
            .all
            .iter_mut()
            .filter(retired)
            .filter_map(|t| t.sender.take().map(|sender| (t.kind, sender)))
            .collect();
        for (kind, sender) in homeless {
            let mut new = Transceiver::new(kind);
            new.sender = Some(sender);
            self.all.push(new);
        }
    }

    fn waiting(&self) -> impl Iterator<Item = &Transceiver> {
        self.all.iter().filter(|t| t.is_waiting())
    }

    /// A refused section may come back under another name in the same place; the old one is history.
    fn drop_recycled(&mut self, offer: &[MediaSection]) {
        self.all.retain(|t| {
            let gone = t.mid.as_ref().is_some_and(|mid| offer.iter().all(|s| s.mid != *mid));
            !(gone && t.stopped)
        });
    }
}

impl Drop for Transceivers {
    fn drop(&mut self) {
        // However the connection ends, nobody is left waiting.
        self.close();
    }
}

impl Transceiver {
    fn is_waiting(&self) -> bool {
        self.mid.is_none() && self.sender.is_some()
    }

    fn settle(&mut self, expressed: bool, rejected: bool) {
        self.expressed = expressed;
        self.used |= expressed && !rejected;
        self.offered = None;
        self.offering = false;
        self.stopped |= rejected;
    }
}

fn ended(feed: &Arc<Feed>) -> Event {
    feed.end();
    let info = feed.info();
    Event::TrackRemoved { mid: info.mid.clone(), track: info.track.clone(), streams: info.streams.clone() }
}

pub(crate) fn media_kind(kind: SectionKind) -> Option<MediaKind> {
    match kind {
        SectionKind::Audio => Some(MediaKind::Audio),
        SectionKind::Video => Some(MediaKind::Video),
        SectionKind::Application => None,
    }
}
