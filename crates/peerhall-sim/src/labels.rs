//! The layer of labels, as the bodies of the SDK hold it: a session for each remote peer, whose channels are
//! pretended ones. Every message is read as it comes.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use peerhall_core::{ChannelKey, Labelled, LinkId, OpId, RemoteKey, Time};
use peerhall_labelled::{
    ChannelId, ChannelOptions, Config, Event, Have, IncomingId, Kind, Message, OutgoingId, Output, Receipt,
    Role, SendError, Sending, Session, TransferError,
};

/// A message that came as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// Who sent it. Somebody who went and came back has another key, and may send again what was not confirmed.
    pub from: RemoteKey,
    /// The label.
    pub label: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A message that was sent, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// What sending it answered.
    pub transfer: OutgoingId,
    /// To whom.
    pub to: RemoteKey,
    /// What the receiver confirmed, or why it did not.
    pub result: Result<Receipt, TransferError>,
}

/// What a channel tells.
#[derive(Debug)]
pub(crate) enum Heard {
    Opened,
    Bytes(Vec<u8>),
    Drained,
    Closed,
}

/// The layer of one peer.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    /// What is open with everybody.
    labels: Vec<String>,
    pub(crate) talks: BTreeMap<RemoteKey, Talk>,
    pub(crate) came: Vec<Came>,
    pub(crate) gone: Vec<Gone>,
    /// Texts through the server that have no answer, with whose they are.
    pub(crate) posted: HashMap<OpId, (RemoteKey, u64)>,
}

/// What is shared with one remote peer.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) session: Session,
    pub(crate) link: LinkId,
    pub(crate) channels: BTreeMap<ChannelId, ChannelKey>,
    outgoing: HashMap<OutgoingId, Bytes>,
    incoming: HashMap<IncomingId, (String, Vec<u8>)>,
}

impl Layer {
    /// Opens a label with everybody who is here and who comes.
    pub(crate) fn open(&mut self, now: Time, label: &str) {
        self.labels.push(label.to_owned());
        for talk in self.talks.values_mut() {
            talk.open(now, label);
        }
    }

    /// Somebody has come; `tag` is random.
    pub(crate) fn join(&mut self, now: Time, key: RemoteKey, link: LinkId, polite: bool, tag: u64) {
        let session = Session::new(role(polite), tag, Config::default());
        let mut talk = Talk {
            session,
            link,
            channels: BTreeMap::new(),
            outgoing: HashMap::new(),
            incoming: HashMap::new(),
        };
        self.labels.iter().for_each(|label| talk.open(now, label));
        self.talks.insert(key, talk);
    }

    /// Its connection was replaced.
    pub(crate) fn reset(&mut self, now: Time, key: RemoteKey, link: LinkId, polite: bool) {
        if let Some(talk) = self.talks.get_mut(&key) {
            talk.link = link;
            talk.channels.clear();
            talk.session.reset(now.since_start(), role(polite));
        }
    }

    pub(crate) fn news(&mut self, now: Time, key: RemoteKey, news: &Labelled) {
        let now = now.since_start();
        let Some(talk) = self.talks.get_mut(&key) else { return };
        match news {
            Labelled::Known(true) => talk.session.capable(),
            Labelled::Known(false) => talk.session.incapable(),
            Labelled::Detour(room) => talk.session.detour(now, *room),
            Labelled::Carried { text, room } => talk.session.direct(now, text, *room),
        }
    }

    /// Everything with somebody ends.
    pub(crate) fn leave(&mut self, key: RemoteKey) {
        if let Some(mut talk) = self.talks.remove(&key) {
            talk.session.end();
            while let Some(output) = talk.session.poll_output() {
                if let Output::Event(event) = output {
                    self.gone.extend(talk.take(key, event));
                }
            }
        }
    }

    pub(crate) fn leave_all(&mut self) {
        let keys: Vec<_> = self.talks.keys().copied().collect();
        keys.into_iter().for_each(|key| self.leave(key));
    }

    /// A channel has told something; `false` when it is none of this layer.
    pub(crate) fn hear(
        &mut self,
        now: Time,
        channel: ChannelKey,
        stream: Option<u16>,
        buffered: usize,
        heard: Heard,
    ) -> bool {
        let now = now.since_start();
        let known = |talk: &&mut Talk| talk.channels.values().any(|known| *known == channel);
        let Some(talk) = self.talks.values_mut().find(known) else { return false };
        let id = talk.channels.iter().find(|(_, known)| **known == channel).map(|(id, _)| *id);
        let Some(id) = id else { return false };
        match heard {
            Heard::Opened => talk.session.opened(now, id, stream),
            Heard::Bytes(bytes) => {
                talk.session.message(now, id, buffered, Message::Binary(bytes.into()));
            }
            Heard::Drained => talk.session.buffered(now, id, buffered),
            Heard::Closed => {
                talk.channels.remove(&id);
                talk.session.closed(now, id);
            }
        }
        true
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let earliest = self.talks.values().filter_map(|talk| talk.session.deadline()).min()?;
        // This clock ticks in microseconds, and a deadline must not be met before its time.
        Some(Time::after_start(earliest + Duration::from_nanos(999)))
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) {
        let now = now.since_start();
        for talk in self.talks.values_mut() {
            if talk.session.deadline().is_some_and(|deadline| deadline <= now) {
                talk.session.handle_timeout(now);
            }
        }
    }

    /// The next thing that some session wants, with what it told meanwhile put away.
    pub(crate) fn poll(&mut self, now: Time) -> Option<(RemoteKey, Output)> {
        let now = now.since_start();
        for (key, talk) in &mut self.talks {
            while let Some(output) = talk.session.poll_output() {
                match output {
                    Output::Event(Event::Complete { incoming, .. }) => {
                        if let Some((label, bytes)) = talk.incoming.remove(&incoming) {
                            self.came.push(Came { from: *key, label, bytes });
                        }
                    }
                    Output::Event(event) => self.gone.extend(talk.take_and_read(now, *key, event)),
                    Output::Want { transfer, .. } => {
                        let bytes = talk.outgoing.get(&transfer).cloned().unwrap_or_default();
                        talk.session.provide(now, transfer, bytes, true);
                    }
                    // What is in memory is given again as a whole.
                    Output::Rewind(_) => {}
                    Output::Create { .. }
                    | Output::Negotiate
                    | Output::Send { .. }
                    | Output::Close(_)
                    | Output::Direct { .. } => return Some((*key, output)),
                }
            }
        }
        None
    }
}

impl Talk {
    fn open(&mut self, now: Time, label: &str) {
        // Labels of a test are good ones, and few.
        let opened = self.session.open(now.since_start(), label, ChannelOptions::default());
        assert_eq!(opened, Ok(()), "{label}");
    }

    pub(crate) fn send(&mut self, now: Time, label: &str, bytes: Vec<u8>) -> Result<OutgoingId, SendError> {
        let total = u64::try_from(bytes.len()).ok();
        let sending = Sending { kind: Kind::Bytes, info: Bytes::new(), total, content: None };
        let transfer = self.session.send(now.since_start(), label, sending)?;
        self.outgoing.insert(transfer, bytes.into());
        Ok(transfer)
    }

    /// Keeps what an event brings, takes whatever waits to be taken, and reads what comes.
    fn take_and_read(&mut self, now: Duration, key: RemoteKey, event: Event) -> Option<Gone> {
        if let Event::Incoming { incoming, offer, .. } = &event
            && offer.waits
        {
            self.session.accept(now, *incoming, Have::default());
        } else if let Event::Data { incoming, bytes } = &event {
            self.session.read(now, *incoming, bytes.len());
        }
        self.take(key, event)
    }

    /// Keeps what an event brings.
    fn take(&mut self, key: RemoteKey, event: Event) -> Option<Gone> {
        match event {
            Event::Sent { transfer, receipt } => {
                self.outgoing.remove(&transfer);
                return Some(Gone { transfer, to: key, result: Ok(receipt) });
            }
            Event::SendFailed { transfer, error } => {
                self.outgoing.remove(&transfer);
                return Some(Gone { transfer, to: key, result: Err(error) });
            }
            Event::Incoming { incoming, label, .. } => {
                self.incoming.insert(incoming, (label.to_string(), Vec::new()));
            }
            Event::Data { incoming, bytes } => {
                if let Some((_, all)) = self.incoming.get_mut(&incoming) {
                    all.extend_from_slice(&bytes);
                }
            }
            Event::IncomingFailed { incoming, .. } => {
                self.incoming.remove(&incoming);
            }
            Event::Complete { .. }
            | Event::Ready
            | Event::Way(_)
            | Event::OverQuota
            | Event::Channel { .. }
            | Event::Progress { .. }
            | Event::Text { .. }
            | Event::CutOff(_) => {}
        }
        None
    }
}

/// Who gives way does not create channels either.
fn role(polite: bool) -> Role {
    if polite { Role::Asker } else { Role::Creator }
}
