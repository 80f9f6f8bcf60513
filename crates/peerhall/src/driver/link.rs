//! One peer connection: a task that carries out, in order, what the core asks of it, and reports what it
//! does.

use std::collections::HashMap;

use peerhall_core::{
    Description, IceCandidate, IceServer, LinkId, RtcFailure, RtcInput, RtcState, Stats, TrackKey,
    TransportPolicy,
};
use peerhall_rtc::net::NetworkConfig;
use peerhall_rtc::{
    CandidateKind, Channel, Config, DataChannelInit, Event, Events, LocalTrack, OfferOptions, PeerConnection,
    RemoteTrack, SenderId, config,
};
use tokio::sync::mpsc;

use super::Happening;
use crate::data_channel::DataChannel;

/// What the core asks of a connection.
#[derive(Debug)]
pub(crate) enum LinkOrder {
    CreateOffer { ice_restart: bool },
    CreateAnswer,
    SetLocal(Description),
    SetRemote(Description),
    AddCandidate(Option<IceCandidate>),
    SetServers(Vec<config::IceServer>),
    Attach { key: TrackKey, track: LocalTrack, stream: Option<String> },
    Detach(TrackKey),
    Replace { old: TrackKey, new: Option<(TrackKey, LocalTrack)> },
    OpenChannel { label: String, init: DataChannelInit, target: DataChannel },
    SampleStats,
}

/// What a connection reports.
#[derive(Debug)]
pub(crate) enum LinkReport {
    Input(RtcInput),
    Track(RemoteTrack),
    TrackRemoved { track: String },
    DataChannel(Channel),
}

/// The driver's end of a connection. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Link {
    connection: PeerConnection,
    orders: mpsc::UnboundedSender<LinkOrder>,
}

impl Link {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// What the platform says.
    pub(crate) fn open(
        id: LinkId,
        config: Config,
        inbox: mpsc::Sender<Happening>,
    ) -> Result<Self, RtcFailure> {
        let (connection, events) =
            PeerConnection::open(config).map_err(|error| failure("OperationError", &error))?;
        // Bounded by the core, which has one negotiation call under way and as many tracks as the
        // application; candidates are capped.
        let (orders, queue) = mpsc::unbounded_channel();
        let worker = Worker {
            mouth: Mouth { id, inbox },
            connection: connection.clone(),
            senders: HashMap::new(),
            losses: Losses::default(),
        };
        tokio::spawn(worker.run(events, queue));
        Ok(Self { connection, orders })
    }

    pub(crate) fn order(&self, order: LinkOrder) {
        // A connection that has ended reports so itself.
        let _ = self.orders.send(order);
    }

    pub(crate) fn connection(&self) -> &PeerConnection {
        &self.connection
    }
}

/// The settings of a connection: what the application said, and what the core says.
pub(crate) fn config(
    network: &NetworkConfig,
    ice_servers: Option<Vec<IceServer>>,
    policy: TransportPolicy,
) -> Config {
    let ice_servers = servers(network, ice_servers.unwrap_or_default());
    let mut network = NetworkConfig { ice_servers, ..network.clone() };
    if policy == TransportPolicy::Relay {
        network.transport_policy = policy;
    }
    Config { network, ..Config::default() }
}

/// The servers of a connection: those of the application, and then those of the server that it joined by.
pub(crate) fn servers(network: &NetworkConfig, told: Vec<IceServer>) -> Vec<config::IceServer> {
    let told = told.into_iter().map(|server| config::IceServer {
        urls: server.urls,
        username: server.username,
        credential: server.credential.map(|credential| credential.expose().to_owned()),
    });
    network.ice_servers.iter().cloned().chain(told).collect()
}

/// How a connection speaks to the driver.
#[derive(Debug)]
struct Mouth {
    id: LinkId,
    inbox: mpsc::Sender<Happening>,
}

impl Mouth {
    async fn say(&self, report: LinkReport) {
        // A driver that is gone needs no news.
        let _ = self.inbox.send(Happening::Link(self.id, report)).await;
    }

    async fn input(&self, input: RtcInput) {
        self.say(LinkReport::Input(input)).await;
    }
}

struct Worker {
    mouth: Mouth,
    connection: PeerConnection,
    senders: HashMap<TrackKey, SenderId>,
    losses: Losses,
}

impl Worker {
    async fn run(mut self, mut events: Events, mut orders: mpsc::UnboundedReceiver<LinkOrder>) {
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.carry_out(order).await,
                    // An application may hold the connection too; it ends for both.
                    None => return self.connection.close().await,
                },
                event = events.next() => match event {
                    Some(event) => self.report(event).await,
                    None => return self.mouth.input(RtcInput::State(RtcState::Closed)).await,
                },
            }
        }
    }

    async fn carry_out(&mut self, order: LinkOrder) {
        let connection = &self.connection;
        let input = match order {
            LinkOrder::CreateOffer { ice_restart } => {
                RtcInput::OfferCreated(created(connection.create_offer(OfferOptions { ice_restart }).await))
            }
            LinkOrder::CreateAnswer => RtcInput::AnswerCreated(created(connection.create_answer().await)),
            LinkOrder::SetLocal(description) => {
                RtcInput::LocalSet(negotiated(connection.set_local_description(description).await))
            }
            LinkOrder::SetRemote(description) => {
                RtcInput::RemoteSet(negotiated(connection.set_remote_description(description).await))
            }
            LinkOrder::AddCandidate(candidate) => {
                let result = connection.add_candidate(candidate).await;
                RtcInput::CandidateAdded(result.map_err(|error| failure("OperationError", &error)))
            }
            LinkOrder::SetServers(servers) => {
                if let Err(error) = connection.set_ice_servers(servers).await {
                    tracing::warn!(target: "peerhall", "a connection keeps its earlier ICE servers: {error}");
                }
                return;
            }
            LinkOrder::Attach { key, track, stream } => match self.attach(key, &track, stream).await {
                Ok(()) => return,
                Err(failure) => RtcInput::AttachFailed { track: key, failure },
            },
            LinkOrder::Detach(key) => {
                if let Some(sender) = self.senders.remove(&key) {
                    // A connection that has ended sends nothing anyway.
                    let _ = connection.remove_track(sender).await;
                }
                return;
            }
            LinkOrder::Replace { old, new } => {
                RtcInput::Replaced { old, result: self.replace(old, new).await }
            }
            LinkOrder::OpenChannel { label, init, target } => {
                match connection.create_data_channel(&label, init).await {
                    Ok(raw) => target.replace(raw),
                    Err(error) => {
                        tracing::warn!(target: "peerhall", "a data channel could not be opened again: {error}")
                    }
                }
                return;
            }
            LinkOrder::SampleStats => RtcInput::Stats(self.losses.sample(&connection.stats().await)),
        };
        self.mouth.input(input).await;
    }

    async fn attach(
        &mut self,
        key: TrackKey,
        track: &LocalTrack,
        stream: Option<String>,
    ) -> Result<(), RtcFailure> {
        let streams: Vec<&str> = stream.as_deref().into_iter().collect();
        let sender = self
            .connection
            .add_track(track, &streams)
            .await
            .map_err(|error| failure("InvalidAccessError", &error))?;
        self.senders.insert(key, sender);
        Ok(())
    }

    async fn replace(
        &mut self,
        old: TrackKey,
        new: Option<(TrackKey, LocalTrack)>,
    ) -> Result<(), RtcFailure> {
        let missing =
            || RtcFailure { name: "NotFoundError".to_owned(), message: "nobody sends the track".to_owned() };
        let sender = self.senders.get(&old).copied().ok_or_else(missing)?;
        self.connection
            .replace_track(sender, new.as_ref().map(|(_, track)| track))
            .await
            .map_err(|error| failure("InvalidModificationError", &error))?;
        if let Some((key, _)) = new {
            self.senders.remove(&old);
            self.senders.insert(key, sender);
        }
        Ok(())
    }

    async fn report(&self, event: Event) {
        let input = match event {
            Event::NegotiationNeeded => RtcInput::NegotiationNeeded,
            Event::LocalCandidate(candidate) => RtcInput::LocalCandidate(candidate),
            Event::ConnectionState(state) => RtcInput::State(state),
            Event::IceState(state) => RtcInput::Ice(state),
            Event::Track(track) => return self.mouth.say(LinkReport::Track(track)).await,
            Event::TrackRemoved { track, .. } => {
                return self.mouth.say(LinkReport::TrackRemoved { track }).await;
            }
            Event::DataChannel(channel) => return self.mouth.say(LinkReport::DataChannel(channel)).await,
            // The core keeps its own account of the negotiation, and reads the path from statistics.
            Event::SignalingState(_) | Event::SelectedPair { .. } | Event::NetworkChanged | _ => return,
        };
        self.mouth.input(input).await;
    }
}

/// Losses are reported as a share of the last moments; the core counts packets.
#[derive(Debug, Default)]
struct Losses {
    received: u64,
    lost: f64,
}

impl Losses {
    fn sample(&mut self, stats: &peerhall_rtc::stats::Stats) -> Stats {
        let received: u64 = stats.inbound.iter().map(|inbound| inbound.packets).sum();
        let new = received.saturating_sub(self.received) as f64;
        let share =
            stats.inbound.iter().map(|inbound| f64::from(inbound.loss)).fold(0.0, f64::max).clamp(0.0, 0.99);
        self.received = received;
        self.lost += new * share / (1.0 - share);
        let relayed = |kind| kind == CandidateKind::Relayed;
        Stats {
            round_trip: stats.pair.as_ref().and_then(|pair| pair.current_rtt),
            packets_received: received,
            packets_lost: self.lost as u64,
            relayed: stats.pair.as_ref().map(|pair| relayed(pair.local) || relayed(pair.remote)),
        }
    }
}

fn failure(name: &str, error: &dyn std::error::Error) -> RtcFailure {
    RtcFailure { name: name.to_owned(), message: error.to_string() }
}

fn created(
    result: Result<Description, peerhall_rtc::error::NegotiationError>,
) -> Result<Description, RtcFailure> {
    result.map_err(|error| failure("OperationError", &error))
}

fn negotiated(result: Result<(), peerhall_rtc::error::NegotiationError>) -> Result<(), RtcFailure> {
    result.map_err(|error| failure("InvalidAccessError", &error))
}
