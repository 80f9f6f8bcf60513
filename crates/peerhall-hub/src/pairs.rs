//! Who talks to whom by `send`, as far as the server can see: how much, and how far a negotiation of two
//! peers has come. Counted only while somebody looks.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use peerhall_proto::frame::client::Send;
use peerhall_proto::ids::PeerId;
use peerhall_proto::signal::{Candidate, DescriptionKind, Signal};
use serde_json::value::RawValue;

use crate::effect::ConnId;
use crate::hub::Hub;
use crate::time::Tick;

/// Pairs that one shard counts; about a megabyte.
const MAX_PAIRS: usize = 4_096;

/// After how long without a word a pair makes room for another one.
const STALE: Duration = Duration::from_secs(60);

/// What one peer said to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFacts {
    /// Who said it.
    pub from: PeerId,
    /// To whom.
    pub to: PeerId,
    /// How much, and what of it was negotiation.
    pub talk: Talk,
    /// How long ago the last of it was.
    pub idle: Duration,
}

/// What went one way between two peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Talk {
    /// Directs, those of negotiations included.
    pub directs: u64,
    /// Bytes of their `data`.
    pub bytes: u64,
    /// Session descriptions that proposed something.
    pub offers: u32,
    /// Session descriptions that agreed.
    pub answers: u32,
    /// Offers with other ICE credentials than the offer or answer before: restarts, or new connections.
    pub restarts: u32,
    /// How long ago the last description was.
    pub described: Option<Duration>,
    /// Kinds of addresses that were offered.
    pub candidates: CandidateKinds,
}

/// Kinds of ICE candidates that were seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CandidateKinds {
    /// An address of the machine itself.
    pub host: bool,
    /// An address as others see it, found by STUN (`srflx`, `prflx`).
    pub reflexive: bool,
    /// An address of a relay.
    pub relay: bool,
}

/// The pairs of all apps on one shard.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    seen: HashMap<(u32, PeerId, PeerId), Seen>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Seen {
    talk: Talk,
    last: Tick,
    described: Option<Tick>,
    /// Hash of the ICE user name in the last description; the name itself is nobody's business.
    generation: Option<u64>,
}

impl Hub {
    /// Counts a direct of a connection, if pairs are watched.
    pub(crate) fn count_pair(&mut self, conn: ConnId, frame: &Send<'_>, now: Tick) {
        let Some((app, from)) = self.session(conn).map(|session| (session.app, session.peer.clone())) else {
            return;
        };
        if let Some(pairs) = &mut self.pairs {
            pairs.count(app, &from, &frame.to, frame.data, now);
        }
    }
}

impl Pairs {
    /// Counts one direct.
    pub(crate) fn count(&mut self, app: u32, from: &PeerId, to: &PeerId, data: &RawValue, now: Tick) {
        let key = (app, from.clone(), to.clone());
        if self.seen.len() >= MAX_PAIRS && !self.seen.contains_key(&key) {
            self.seen.retain(|_, seen| now - seen.last < STALE);
            if self.seen.len() >= MAX_PAIRS {
                return;
            }
        }
        let fresh = || Seen { talk: Talk::default(), last: now, described: None, generation: None };
        let seen = self.seen.entry(key).or_insert_with(fresh);
        seen.last = now;
        seen.talk.directs += 1;
        seen.talk.bytes += data.get().len() as u64;
        match serde_json::from_str::<Signal>(data.get()) {
            Ok(Signal::Description { description }) => {
                let user = description.sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
                let generation = user.map(|user| self.hasher.hash_one(user.trim_end()));
                seen.describe(description.kind, generation, now);
            }
            Ok(Signal::Candidate { candidate: Some(candidate) }) => seen.talk.candidates.add(&candidate),
            Ok(Signal::Candidate { candidate: None }) | Err(_) => {}
        }
    }

    /// The pairs of one app.
    pub(crate) fn of(&self, app: u32, now: Tick) -> Vec<PairFacts> {
        let of_app = self.seen.iter().filter(|((known, _, _), _)| *known == app);
        of_app
            .map(|((_, from, to), seen)| PairFacts {
                from: from.clone(),
                to: to.clone(),
                talk: Talk { described: seen.described.map(|at| now - at), ..seen.talk.clone() },
                idle: now - seen.last,
            })
            .collect()
    }
}

impl Seen {
    fn describe(&mut self, kind: DescriptionKind, generation: Option<u64>, now: Tick) {
        let restarts = self.generation.is_some() && self.generation != generation;
        match kind {
            DescriptionKind::Offer => {
                self.talk.offers += 1;
                self.talk.restarts += u32::from(restarts);
            }
            DescriptionKind::Answer => self.talk.answers += 1,
        }
        self.generation = generation;
        self.described = Some(now);
    }
}

impl CandidateKinds {
    fn add(&mut self, candidate: &Candidate) {
        let mut words = candidate.candidate.split(' ').skip_while(|word| *word != "typ");
        match words.nth(1) {
            Some("host") => self.host = true,
            Some("srflx" | "prflx") => self.reflexive = true,
            Some("relay") => self.relay = true,
            Some(_) | None => {}
        }
    }
}
