//! Rooms with their peers, and what is known of pairs: what they said to each other through the server, and how
//! their call goes where a page told.

use std::collections::{BTreeMap, HashMap};

use peerhall_hub::{CandidateKinds, Metadata, PairFacts, Standing};
use peerhall_proto::ids::{ChannelName, PeerId};
use serde::Serialize;
use serde_json::value::RawValue;

use super::sessions::Operator;
use crate::control::{Control, Stopping};
use crate::http::Refusal;
use crate::http::reports::Flow;

/// Rooms in one answer.
const MAX_ROOMS: usize = 60;

/// Peers of one room in one answer.
const MAX_PEERS: usize = 40;

/// Pairs in one answer.
const MAX_PAIRS: usize = 2_000;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rooms {
    rooms: Vec<Room>,
    pairs: Vec<Pair>,
    /// How many rooms there are, as far as was looked.
    total: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Room {
    channel: ChannelName,
    /// Connections in it.
    members: usize,
    /// At most 40 of its peers.
    peers: Vec<Peer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    id: PeerId,
    /// `here`, `unseen` or `away`.
    standing: &'static str,
    connections: usize,
    /// What its page calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
}

/// Two peers, the one whose id sorts first as `a`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pair {
    a: String,
    b: String,
    directs: u64,
    bytes: u64,
    offers: u32,
    answers: u32,
    restarts: u32,
    /// `none`, `offered` or `answered`: how far the last negotiation has come.
    negotiation: &'static str,
    /// Kinds of addresses that both have offered: `host`, `reflexive`, `relay`.
    candidates: Vec<&'static str>,
    /// Milliseconds since the last word.
    idle_ms: u64,
    /// How their call goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<Flow>,
}

/// Calls that were told of, by the two ids in their order.
type Flows = BTreeMap<(PeerId, PeerId), Flow>;

/// What pages told.
pub(super) struct Told {
    pub(super) flows: Flows,
    pub(super) names: HashMap<PeerId, String>,
}

pub(super) async fn answer(control: &Control, operator: &Operator, told: Told) -> Result<Rooms, Refusal> {
    let answers = control
        .look_at_rooms(&operator.app.id, MAX_ROOMS)
        .await
        .map_err(|stopping: Stopping| Refusal::internal(stopping))?;
    let total = answers.iter().map(|(rooms, _)| rooms.matching).max().unwrap_or(0);
    let mut rooms: BTreeMap<ChannelName, (usize, BTreeMap<PeerId, Peer>)> = BTreeMap::new();
    let mut pairs = Vec::new();
    for (survey, talk) in answers {
        pairs.extend(talk);
        for facts in survey.found {
            let (members, peers) = rooms.entry(facts.channel).or_default();
            *members += facts.members;
            for found in facts.peers {
                add(peers, found.peer, found.standing, found.metadata);
            }
        }
    }
    let mut rooms: Vec<Room> = rooms
        .into_iter()
        .map(|(channel, (members, peers))| Room {
            channel,
            members,
            peers: peers.into_values().take(MAX_PEERS).collect(),
        })
        .collect();
    rooms.sort_by_key(|room| std::cmp::Reverse(room.members));
    rooms.truncate(MAX_ROOMS);
    for peer in rooms.iter_mut().flat_map(|room| &mut room.peers) {
        peer.name = told.names.get(&peer.id).cloned();
    }
    Ok(Rooms { total: total.max(rooms.len()), pairs: merge(pairs, &told.flows), rooms })
}

fn add(peers: &mut BTreeMap<PeerId, Peer>, id: PeerId, standing: Standing, metadata: Option<Metadata>) {
    let (word, connections) = match standing {
        Standing::Visible => ("here", 1),
        Standing::Unseen => ("unseen", 1),
        Standing::Away => ("away", 0),
    };
    let known = peers.entry(id.clone());
    let peer = known.or_insert_with(|| Peer {
        id,
        standing: word,
        connections: 0,
        name: None,
        metadata: owned(metadata.as_ref()),
    });
    peer.connections += connections;
    if standing == Standing::Visible {
        (peer.standing, peer.metadata) = (word, owned(metadata.as_ref()));
    }
}

/// A copy that can be written as JSON.
pub(super) fn owned(metadata: Option<&Metadata>) -> Option<Box<RawValue>> {
    metadata.map(|metadata| (**metadata).clone())
}

/// Puts both ways of each pair together. The two may come from different shards.
fn merge(facts: Vec<PairFacts>, flows: &Flows) -> Vec<Pair> {
    let mut ways: BTreeMap<(PeerId, PeerId), Vec<PairFacts>> = BTreeMap::new();
    for fact in facts {
        let (from, to) = (fact.from.clone(), fact.to.clone());
        let key = if from <= to { (from, to) } else { (to, from) };
        ways.entry(key).or_default().push(fact);
    }
    // Those who agreed before anybody looked are known by their call alone.
    for pair in flows.keys() {
        ways.entry(pair.clone()).or_default();
    }
    let pairs = ways.into_iter().map(|((a, b), ways)| {
        let sum = |count: fn(&PairFacts) -> u64| ways.iter().map(count).sum::<u64>();
        let small = |count: fn(&PairFacts) -> u32| ways.iter().map(count).sum::<u32>();
        let (offers, answers) = (small(|way| way.talk.offers), small(|way| way.talk.answers));
        let flow = flows.get(&(a.clone(), b.clone())).copied();
        Pair {
            a: a.as_str().to_owned(),
            b: b.as_str().to_owned(),
            flow,
            directs: sum(|way| way.talk.directs),
            bytes: sum(|way| way.talk.bytes),
            offers,
            answers,
            restarts: small(|way| way.talk.restarts),
            negotiation: match (offers, answers) {
                (0, 0) => "none",
                (offers, answers) if answers >= offers => "answered",
                // An offer that met another one is dropped without an answer; it is a while ago then.
                (_, answers) if answers > 0 && ways.iter().all(settled) => "answered",
                _ => "offered",
            },
            candidates: kinds(ways.iter().map(|way| way.talk.candidates)),
            idle_ms: ways.iter().map(|way| way.idle.as_millis() as u64).min().unwrap_or(0),
        }
    });
    pairs.take(MAX_PAIRS).collect()
}

/// Whether nothing was proposed for a while.
fn settled(way: &PairFacts) -> bool {
    way.talk.described.is_none_or(|ago| ago.as_secs() >= 5)
}

fn kinds(both: impl Iterator<Item = CandidateKinds>) -> Vec<&'static str> {
    let all = both.fold(CandidateKinds::default(), |all, more| CandidateKinds {
        host: all.host || more.host,
        reflexive: all.reflexive || more.reflexive,
        relay: all.relay || more.relay,
    });
    let named = [("host", all.host), ("reflexive", all.reflexive), ("relay", all.relay)];
    named.into_iter().filter(|(_, seen)| *seen).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use peerhall_hub::Talk;

    use super::*;
    use crate::http::reports::{Path, State};

    fn way(from: &str, to: &str, offers: u32, answers: u32, ago: u64) -> PairFacts {
        let talk = Talk {
            directs: u64::from(offers + answers),
            offers,
            answers,
            described: Some(Duration::from_secs(ago)),
            ..Talk::default()
        };
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        PairFacts { from, to, talk, idle: Duration::from_millis(ago * 1_000) }
    }

    #[test]
    fn both_ways_of_a_pair_are_one_line() {
        let facts = vec![way("bob", "alice", 0, 1, 3), way("alice", "bob", 1, 0, 4)];
        let pairs = merge(facts, &Flows::new());
        let [pair] = pairs.as_slice() else { panic!("{pairs:?}") };
        assert_eq!((pair.a.as_str(), pair.b.as_str(), pair.negotiation), ("alice", "bob", "answered"));
        assert_eq!((pair.directs, pair.idle_ms), (2, 3_000));
    }

    #[test]
    fn an_offer_without_an_answer_shows_and_one_that_met_another_is_forgotten() {
        let negotiation = |facts| merge(facts, &Flows::new()).first().unwrap().negotiation;
        assert_eq!(negotiation(vec![way("a", "b", 1, 0, 60)]), "offered");
        assert_eq!(negotiation(vec![way("a", "b", 2, 0, 1), way("b", "a", 0, 1, 1)]), "offered");
        assert_eq!(negotiation(vec![way("a", "b", 2, 0, 6), way("b", "a", 0, 1, 6)]), "answered");
        assert_eq!(negotiation(vec![way("a", "b", 0, 0, 60)]), "none");
    }

    #[test]
    fn a_call_is_shown_with_what_its_ends_tell_though_nobody_saw_them_agree() {
        let flow = Flow {
            state: State::Connected,
            path: Some(Path::Relay),
            bytes_per_second: 7,
            round_trip_ms: None,
        };
        let flows = Flows::from([(("alice".parse().unwrap(), "bob".parse().unwrap()), flow)]);
        let pairs = merge(vec![way("bob", "carol", 0, 0, 3)], &flows);
        let shown: Vec<_> = pairs.iter().map(|pair| (pair.a.as_str(), pair.b.as_str(), pair.flow)).collect();
        assert_eq!(shown, [("alice", "bob", Some(flow)), ("bob", "carol", None)]);
    }

    #[test]
    fn a_peer_with_two_connections_is_one_dot_and_being_here_beats_being_away() {
        let mut peers = BTreeMap::new();
        for standing in [Standing::Away, Standing::Visible, Standing::Unseen] {
            add(&mut peers, "alice".parse().unwrap(), standing, None);
        }
        let alice = peers.values().next().unwrap();
        assert_eq!((alice.standing, alice.connections), ("here", 2));
    }
}
