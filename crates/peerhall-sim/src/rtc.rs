//! Pretend peer connections, and the network that media takes.
//!
//! | file | what is pretended there |
//! |---|---|
//! | `connection.rs` | signalling states, roll-back, sections, tracks |
//! | `sdp.rs` | the text of descriptions |
//! | `calls.rs` | calls of the API and their answers, one at a time |
//! | `ice.rs` | finding each other, losing each other |
//! | `channels.rs` | data channels |

mod calls;
mod channels;
mod connection;
mod ice;
mod sdp;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use peerhall_core::{ChannelKey, Description, IceCandidate, LinkId, RtcInput, Time, TrackKey};

use crate::actor::ActorId;
use crate::events::{Event, Queue};
use channels::Channel;
pub(crate) use channels::{Name, Parcel};
use connection::Connection;
pub(crate) use connection::{Sent, Signaling};

/// One pretend connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PcId(u64);

/// Whose peer connection is pretended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Chromium's: candidates trickle, received tracks have the ids of the sender's.
    #[default]
    Trickle,
    /// Firefox's and Safari's: received tracks have ids of their own.
    OwnTrackIds,
    /// aiortc's: descriptions carry all candidates, and only the end of candidates is told.
    Whole,
}

/// How long things take on the way of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaTiming {
    /// One way, for messages of data channels. Default: 10 ms.
    pub latency: Duration,
    /// Bytes that a data channel carries in a second; texts of tests are short. Default: ten million.
    pub bytes_per_second: u32,
    /// From knowing each other to data flowing. Default: 60 ms.
    pub connect: Duration,
    /// A broken path shows as `disconnected`. Default: 5 s.
    pub disconnect_after: Duration,
    /// A path that is not found, or not found again, shows as `failed`. Default: 15 s.
    pub fail_after: Duration,
    /// Longest time of one call of the API; each takes a random part of it. Default: 4 ms.
    pub call: Duration,
}

impl Default for MediaTiming {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(10),
            bytes_per_second: 10_000_000,
            connect: Duration::from_millis(60),
            disconnect_after: Duration::from_secs(5),
            fail_after: Duration::from_secs(15),
            call: Duration::from_millis(4),
        }
    }
}

impl MediaTiming {
    /// How long so many bytes of one channel take to leave.
    fn takes(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_second.max(1)))
    }
}

/// A call that waits for its turn.
#[derive(Debug)]
pub(crate) enum Op {
    CreateOffer { restart: bool },
    CreateAnswer,
    SetLocal(Description),
    SetRemote(Description),
    AddCandidate(Option<IceCandidate>),
    Replace { old: TrackKey, new: Option<Sent> },
}

/// Something that happens later.
#[derive(Debug)]
pub(crate) enum Task {
    /// The call at the front of the chain is done.
    Call(PcId),
    /// `negotiationneeded` may be due.
    Negotiate(PcId),
    /// A candidate was found; the last one is the end.
    Gathered {
        pc: PcId,
        ufrag: String,
        number: u32,
    },
    IceUp(PcId, u64),
    IceDown(PcId, u64),
    IceFail(PcId, u64),
    Channels(PcId),
    /// Something is there that was sent on a channel to this end.
    Arrives(ChannelKey),
    /// What did not get through is sent again.
    Repeat(ChannelKey),
    ChannelClosed(ChannelKey, PcId),
    Stats(PcId),
}

/// What an actor is told.
#[derive(Debug)]
pub(crate) enum Report {
    Input(ActorId, LinkId, RtcInput),
    Opened(ActorId, ChannelKey),
    Message(ActorId, ChannelKey, Parcel),
    /// Something that was sent has arrived.
    Drained(ActorId, ChannelKey),
    Closed(ActorId, ChannelKey),
}

/// All pretend connections.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) timing: MediaTiming,
    connections: BTreeMap<PcId, Connection>,
    by_link: HashMap<(ActorId, LinkId), PcId>,
    by_ufrag: HashMap<String, PcId>,
    channels: HashMap<ChannelKey, Channel>,
    /// Pairs between which media does not pass.
    blocked: HashSet<(ActorId, ActorId)>,
    /// Actors whose media network is down.
    isolated: HashSet<ActorId>,
    /// Actors whose `replaceTrack` fails, and whose `addTrack` does.
    pub(crate) refuses_replace: HashSet<(ActorId, LinkId)>,
    pub(crate) refuses_attach: HashSet<ActorId>,
    /// How many of their next own answers the connections of these actors refuse.
    pub(crate) breaks_answers: HashMap<ActorId, usize>,
    /// How many of their next generations of ICE the connections of these actors gather nothing for.
    pub(crate) gathers_nothing: HashMap<ActorId, usize>,
    keys: u64,
    /// Numbers of channels.
    streams: u16,
    rng: fastrand::Rng,
    reports: Vec<Report>,
}

impl World {
    pub(crate) fn seeded(seed: u64, timing: MediaTiming) -> Self {
        Self { timing, rng: fastrand::Rng::with_seed(seed), ..Self::default() }
    }

    pub(crate) fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// A number that names nothing yet.
    pub(crate) fn new_key(&mut self) -> u64 {
        self.keys += 1;
        self.keys
    }

    /// Something that was planned happens.
    pub(crate) fn run(&mut self, now: Time, task: Task, queue: &mut Queue) {
        match task {
            Task::Call(pc) => self.finish_call(now, pc, queue),
            Task::Negotiate(pc) => self.negotiate(pc),
            Task::Gathered { pc, ufrag, number } => self.gathered(now, pc, ufrag, number, queue),
            Task::IceUp(pc, epoch) => self.ice_up(now, pc, epoch, queue),
            Task::IceDown(pc, epoch) => self.ice_down(now, pc, epoch, queue),
            Task::IceFail(pc, epoch) => self.ice_fail(pc, epoch),
            Task::Channels(pc) => self.open_channels(pc),
            Task::Arrives(channel) => self.arrive(now, channel, queue),
            Task::Repeat(channel) => self.repeat(now, channel, queue),
            Task::ChannelClosed(channel, pc) => self.channel_ended(channel, pc),
            Task::Stats(pc) => self.stats(pc),
        }
    }

    /// The connection behind a link.
    pub(crate) fn connection(&self, actor: ActorId, link: LinkId) -> Option<&Connection> {
        self.by_link.get(&(actor, link)).and_then(|pc| self.connections.get(pc))
    }

    /// How many connections are not closed.
    pub(crate) fn count(&self) -> usize {
        self.connections.len()
    }

    fn report(&mut self, pc: PcId, input: RtcInput) {
        if let Some(connection) = self.connections.get(&pc) {
            self.reports.push(Report::Input(connection.owner, connection.link, input));
        }
    }

    fn plan(&self, queue: &mut Queue, at: Time, task: Task) {
        queue.plan(at, Event::Rtc(task));
    }
}
