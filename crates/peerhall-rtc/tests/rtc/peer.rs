//! A peer that negotiates the way browsers' applications do ("perfect negotiation"), and a pair of them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use peerhall_proto::signal::{Candidate, Description, DescriptionKind};
use peerhall_rtc::net::{Allow, Loopback, NetworkConfig};
use peerhall_rtc::{
    Channel, ChannelEvent, Config, ConnectionState, Event, Events, Message, OfferOptions, PeerConnection,
    RemoteTrack, SignalingState,
};
use tokio::sync::{Notify, mpsc};

/// Nothing on loopback takes this long unless it never happens.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// What one peer tells the other.
#[derive(Debug, Clone)]
pub(crate) enum Signal {
    Description(Description),
    Candidate(Option<Candidate>),
}

/// Which side gives way when both offer at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    Polite,
    Impolite,
}

/// A connection and the task that negotiates for it.
pub(crate) struct Peer {
    pub(crate) connection: PeerConnection,
    /// What happened, without what the negotiating task takes care of.
    pub(crate) events: mpsc::Receiver<Event>,
    #[allow(dead_code, reason = "see `restart_ice`")]
    restart: Arc<Notify>,
}

pub(crate) fn config() -> Config {
    let network = NetworkConfig {
        loopback: Loopback::Always,
        allow: vec![Allow::Address(IpAddr::V4(Ipv4Addr::LOCALHOST))],
        ..NetworkConfig::default()
    };
    Config { network, ..Config::default() }
}

/// Two peers that can signal to each other.
pub(crate) fn pair() -> (Peer, Peer) {
    pair_with(config(), config())
}

pub(crate) fn pair_with(first: Config, second: Config) -> (Peer, Peer) {
    let (to_first, from_second) = mpsc::channel(1024);
    let (to_second, from_first) = mpsc::channel(1024);
    (
        Peer::start(first, Manners::Polite, to_second, from_second),
        Peer::start(second, Manners::Impolite, to_first, from_first),
    )
}

impl Peer {
    pub(crate) fn start(
        config: Config,
        manners: Manners,
        out: mpsc::Sender<Signal>,
        inbox: mpsc::Receiver<Signal>,
    ) -> Self {
        let (connection, events) = PeerConnection::open(config).expect("a connection opens");
        let (seen, seen_by_test) = mpsc::channel(4096);
        let restart = Arc::new(Notify::new());
        let negotiator = Negotiator { manners, out, ignoring: false, restart: Arc::clone(&restart) };
        // The task must not keep the connection up when the test lets go of it.
        tokio::spawn(negotiator.run(connection.clone(), events, inbox, seen));
        Self { connection, events: seen_by_test, restart }
    }

    /// Waits for the first event that `pick` takes.
    pub(crate) async fn wait<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("ended before {what}"));
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(LIMIT, found).await.unwrap_or_else(|_| panic!("no {what} in time"))
    }

    /// Makes the negotiating task restart ICE.
    #[allow(dead_code, reason = "for the tests with browsers, which share this file")]
    pub(crate) fn restart_ice(&self) {
        self.restart.notify_one();
    }

    pub(crate) async fn connected(&mut self) {
        self.reached(ConnectionState::Connected).await;
    }

    pub(crate) async fn reached(&mut self, state: ConnectionState) {
        self.wait(&format!("{state:?}"), |event| {
            matches!(event, Event::ConnectionState(now) if now == state).then_some(())
        })
        .await;
    }

    pub(crate) async fn channel(&mut self) -> Channel {
        self.wait("data channel", |event| match event {
            Event::DataChannel(channel) => Some(channel),
            _ => None,
        })
        .await
    }

    pub(crate) async fn track(&mut self) -> RemoteTrack {
        self.wait("track", |event| match event {
            Event::Track(track) => Some(track),
            _ => None,
        })
        .await
    }

    pub(crate) async fn removed_track(&mut self) -> String {
        self.wait("removed track", |event| match event {
            Event::TrackRemoved { track, .. } => Some(track),
            _ => None,
        })
        .await
    }
}

struct Negotiator {
    manners: Manners,
    out: mpsc::Sender<Signal>,
    ignoring: bool,
    restart: Arc<Notify>,
}

impl Negotiator {
    async fn run(
        mut self,
        connection: PeerConnection,
        mut events: Events,
        mut inbox: mpsc::Receiver<Signal>,
        seen: mpsc::Sender<Event>,
    ) {
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::NegotiationNeeded) => {
                        self.offer(&connection, OfferOptions::default()).await;
                    }
                    Some(Event::LocalCandidate(candidate)) => {
                        let _ = self.out.send(Signal::Candidate(candidate)).await;
                    }
                    Some(other) => {
                        if seen.send(other).await.is_err() {
                            return;
                        }
                    }
                    None => return,
                },
                () = self.restart.notified() => {
                    self.offer(&connection, OfferOptions { ice_restart: true }).await;
                }
                Some(signal) = inbox.recv() => self.on_signal(&connection, signal).await,
            }
        }
    }

    async fn offer(&self, connection: &PeerConnection, options: OfferOptions) {
        // A description of the remote may have come first.
        let Ok(offer) = connection.create_offer(options).await else { return };
        if connection.set_local_description(offer.clone()).await.is_ok() {
            let _ = self.out.send(Signal::Description(offer)).await;
        }
    }

    async fn on_signal(&mut self, connection: &PeerConnection, signal: Signal) {
        match signal {
            Signal::Candidate(candidate) => {
                let taken = connection.add_candidate(candidate).await;
                assert!(taken.is_ok() || self.ignoring, "candidate refused: {taken:?}");
            }
            Signal::Description(description) => {
                let offer = description.kind == DescriptionKind::Offer;
                let collision = offer && connection.signaling_state() != SignalingState::Stable;
                self.ignoring = collision && self.manners == Manners::Impolite;
                if self.ignoring {
                    return;
                }
                connection.set_remote_description(description).await.expect("a description of ours");
                if offer {
                    let answer = connection.create_answer().await.expect("an answer");
                    connection.set_local_description(answer.clone()).await.expect("our answer");
                    let _ = self.out.send(Signal::Description(answer)).await;
                }
            }
        }
    }
}

/// Waits until a channel can be used.
pub(crate) async fn open(channel: &Channel) {
    let event = next(channel).await;
    assert_eq!(event, Some(ChannelEvent::Open));
}

pub(crate) async fn next(channel: &Channel) -> Option<ChannelEvent> {
    let limit = tokio::time::timeout(LIMIT, channel.next_event()).await;
    limit.unwrap_or_else(|_| panic!("nothing on {channel:?} in time"))
}

/// The next message, past other events.
pub(crate) async fn message(channel: &Channel) -> Message {
    loop {
        match next(channel).await {
            Some(ChannelEvent::Message(message)) => return message,
            Some(ChannelEvent::Close) | None => panic!("{channel:?} closed before a message"),
            Some(_) => {}
        }
    }
}
