//! The thread between this node's shards and the bus: it knows the other nodes, gives their shards
//! numbers among ours, and keeps the streams whole.

use std::collections::HashMap;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use peerhall_hub::{Note, ShardId, ShardSet};
use tokio::sync::{mpsc as async_mpsc, oneshot};

use super::remote::Remote;
use super::{Address, Bus, Content, NodeId, Parcel, RemoteAnswer, RemoteAsk, Timing};
use crate::exchange::{Exchange, Mail};

/// A note of a shard of this node for shards of others.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) from: ShardId,
    pub(crate) to: ShardSet,
    pub(crate) note: Arc<Note>,
}

/// Everything that reaches the bridge.
#[derive(Debug)]
pub(crate) enum ToBridge {
    /// The bus brought something.
    Parcel(NodeId, Arc<Parcel>),
    /// A shard has a note for other nodes.
    Outgoing(Outgoing),
    /// The REST plane asks the other nodes; each answer goes into the channel, which closes when all
    /// have answered.
    Ask(RemoteAsk, async_mpsc::UnboundedSender<RemoteAnswer>),
    /// Our shards have answered another node.
    Answered { to: NodeId, question: u64, answer: RemoteAnswer },
    /// Say goodbye and end.
    Stop,
    /// End as a crash would.
    Abort,
}

/// The bridge's own state.
#[derive(Debug)]
pub(crate) struct Bridge {
    me: NodeId,
    bus: Arc<dyn Bus>,
    exchange: Exchange,
    timing: Timing,
    sender: mpsc::Sender<ToBridge>,
    nodes: HashMap<NodeId, Remote>,
    /// Which numbers of shards are taken.
    slots: Vec<bool>,
    question: u64,
    /// Questions of ours that wait for answers, and how many are still to come.
    asked: HashMap<u64, (Instant, usize, async_mpsc::UnboundedSender<RemoteAnswer>)>,
    alive_at: Instant,
}

impl Bridge {
    pub(crate) fn new(
        me: NodeId,
        bus: Arc<dyn Bus>,
        exchange: Exchange,
        timing: Timing,
        sender: mpsc::Sender<ToBridge>,
    ) -> Self {
        let mut slots = vec![false; ShardId::MAX];
        slots.iter_mut().take(exchange.shards()).for_each(|taken| *taken = true);
        Self {
            me,
            bus,
            exchange,
            timing,
            sender,
            nodes: HashMap::new(),
            slots,
            question: 0,
            asked: HashMap::new(),
            alive_at: Instant::now(),
        }
    }

    /// Serves until it is told to stop.
    pub(crate) fn run(mut self, inbox: &mpsc::Receiver<ToBridge>) {
        self.say_alive();
        loop {
            let wait = self.alive_at.saturating_duration_since(Instant::now());
            match inbox.recv_timeout(wait) {
                Ok(ToBridge::Parcel(from, parcel)) => self.parcel(from, &parcel.0),
                Ok(ToBridge::Outgoing(outgoing)) => self.send_note(&outgoing),
                Ok(ToBridge::Ask(ask, answers)) => self.ask(ask, answers),
                Ok(ToBridge::Answered { to, question, answer }) => {
                    self.send(Address::Node(to), Content::Answer { question, answer });
                }
                Ok(ToBridge::Stop) => {
                    self.send(Address::Everybody, Content::Bye);
                    break;
                }
                Ok(ToBridge::Abort) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= self.alive_at {
                self.say_alive();
                self.give_up_the_silent();
            }
        }
        self.bus.leave(self.me);
    }

    fn send(&self, to: Address, content: Content) {
        self.bus.send(self.me, to, &Arc::new(Parcel(content)));
    }

    fn say_alive(&mut self) {
        self.alive_at = Instant::now() + self.timing.alive_every;
        self.send(Address::Everybody, Content::Alive { shards: self.exchange.shards() });
        for (node, remote) in &self.nodes {
            self.send(Address::Node(*node), Content::Sent { notes: remote.sent() });
        }
    }

    fn give_up_the_silent(&mut self) {
        let now = Instant::now();
        let silent: Vec<NodeId> = self
            .nodes
            .iter()
            .filter(|(_, remote)| now - remote.heard >= self.timing.down_after)
            .map(|(node, _)| *node)
            .collect();
        for node in silent {
            tracing::warn!(%node, "a node has fallen silent");
            self.link_down(node);
        }
        let patience = self.timing.answer_within;
        self.asked.retain(|_, (since, _, _)| now - *since < patience);
    }

    fn parcel(&mut self, from: NodeId, content: &Content) {
        if let Some(remote) = self.nodes.get_mut(&from) {
            remote.heard = Instant::now();
        }
        match content {
            Content::Alive { shards } => {
                if !self.nodes.contains_key(&from) {
                    self.link_up(from, *shards);
                }
            }
            Content::Sent { notes } => {
                if self.nodes.get_mut(&from).is_some_and(|remote| remote.missed_last(*notes)) {
                    self.send(Address::Node(from), Content::Again);
                }
            }
            Content::Bye => self.link_down(from),
            Content::Note { number, from: shard, to, note } => self.note(from, *number, *shard, to, note),
            Content::Again => {
                if let Some(remote) = self.nodes.get(&from) {
                    self.tell_shards(remote, Mail::LinkUp);
                }
            }
            Content::Ask { question, ask } => self.answer(from, *question, ask.clone()),
            Content::Answer { question, answer } => self.answered(*question, answer.clone()),
        }
    }

    /// A node was heard for the first time: its shards get numbers, and ours tell them everything.
    fn link_up(&mut self, node: NodeId, shards: usize) {
        let Some(slots) = self.take_slots(shards) else {
            tracing::error!(%node, shards, most = ShardId::MAX, "the cluster has too many shards; a node is left out");
            return;
        };
        let remote = Remote::new(slots, Instant::now());
        tracing::info!(%node, shards, "a node has joined");
        // It may not have heard of us yet, and does not wait for our next sign of life this way.
        self.send(Address::Node(node), Content::Alive { shards: self.exchange.shards() });
        self.tell_shards(&remote, Mail::LinkUp);
        self.nodes.insert(node, remote);
    }

    fn link_down(&mut self, node: NodeId) {
        let Some(remote) = self.nodes.remove(&node) else { return };
        tracing::info!(%node, "a node is gone");
        self.tell_shards(&remote, Mail::LinkDown);
        for slot in remote.slots {
            if let Some(taken) = self.slots.get_mut(slot) {
                *taken = false;
            }
        }
    }

    fn tell_shards(&self, remote: &Remote, mail: fn(ShardId) -> Mail) {
        for shard in remote.shards() {
            self.exchange.put_all(|| mail(shard));
        }
    }

    /// A run of free numbers.
    fn take_slots(&mut self, count: usize) -> Option<std::ops::Range<usize>> {
        let start = self.slots.windows(count.max(1)).position(|run| run.iter().all(|taken| !taken))?;
        let slots = start..start + count;
        for slot in slots.clone() {
            if let Some(taken) = self.slots.get_mut(slot) {
                *taken = true;
            }
        }
        Some(slots)
    }

    fn note(&mut self, from: NodeId, number: u64, shard: usize, to: &[usize], note: &Arc<Note>) {
        // A node that has not been heard of, or has been given up, is let in by its next sign of life.
        let Some(remote) = self.nodes.get_mut(&from) else { return };
        let missed = remote.missed_before(number);
        let slot = remote.shards().nth(shard);
        if missed {
            self.send(Address::Node(from), Content::Again);
        }
        let Some(slot) = slot else { return };
        for shard in to.iter().filter(|shard| **shard < self.exchange.shards()) {
            self.exchange.put(*shard, Mail::Note { from: slot, note: note.clone() });
        }
    }

    fn send_note(&mut self, outgoing: &Outgoing) {
        for (node, remote) in &mut self.nodes {
            let to: Vec<usize> = outgoing
                .to
                .iter()
                .filter(|shard| remote.slots.contains(&shard.number()))
                .map(|shard| shard.number() - remote.slots.start)
                .collect();
            if to.is_empty() {
                continue;
            }
            let content = Content::Note {
                number: remote.next_number(),
                from: outgoing.from.number(),
                to,
                note: outgoing.note.clone(),
            };
            self.bus.send(self.me, Address::Node(*node), &Arc::new(Parcel(content)));
        }
    }

    fn ask(&mut self, ask: RemoteAsk, answers: async_mpsc::UnboundedSender<RemoteAnswer>) {
        if self.nodes.is_empty() {
            return;
        }
        self.question += 1;
        self.asked.insert(self.question, (Instant::now(), self.nodes.len(), answers));
        self.send(Address::Everybody, Content::Ask { question: self.question, ask });
    }

    fn answered(&mut self, question: u64, answer: RemoteAnswer) {
        let Some((_, missing, answers)) = self.asked.get_mut(&question) else { return };
        // Nobody waits any more when the request was given up.
        let _ = answers.send(answer);
        *missing = missing.saturating_sub(1);
        if *missing == 0 {
            self.asked.remove(&question);
        }
    }

    /// Another node asks our shards; a thread waits for them, so that the bridge does not.
    fn answer(&self, to: NodeId, question: u64, ask: RemoteAsk) {
        let (exchange, sender) = (self.exchange.clone(), self.sender.clone());
        let gather = move || {
            let answer = ask_shards(&exchange, ask);
            let _ = sender.send(ToBridge::Answered { to, question, answer });
        };
        if let Err(error) = std::thread::Builder::new().name("answer".into()).spawn(gather) {
            tracing::error!(%error, "cannot answer another node");
        }
    }
}

fn ask_shards(exchange: &Exchange, ask: RemoteAsk) -> RemoteAnswer {
    match ask {
        RemoteAsk::Publish(message) => RemoteAnswer::Count(
            gather(exchange, |reply| Mail::Publish { message: message.clone(), reply }).into_iter().sum(),
        ),
        RemoteAsk::Kick(app, peer) => RemoteAnswer::Count(
            gather(exchange, |reply| Mail::Kick { app: app.clone(), peer: peer.clone(), reply })
                .into_iter()
                .sum(),
        ),
        RemoteAsk::List(app, channel) => {
            let lists =
                gather(exchange, |reply| Mail::List { app: app.clone(), channel: channel.clone(), reply });
            RemoteAnswer::Members(lists.into_iter().flatten().collect())
        }
    }
}

/// Asks every shard and waits for those that still run.
fn gather<T>(exchange: &Exchange, mut mail: impl FnMut(oneshot::Sender<T>) -> Mail) -> Vec<T> {
    let mut waiting = Vec::with_capacity(exchange.shards());
    exchange.put_all(|| {
        let (reply, answer) = oneshot::channel();
        waiting.push(answer);
        mail(reply)
    });
    waiting.into_iter().filter_map(|answer| answer.blocking_recv().ok()).collect()
}
