//! The client of a server: channels, messages, presence.

use std::fmt;
use std::sync::Arc;

use peerhall_core::{
    CloseCode, ConnectError, LinkId, Outcome, Output, RequestError, RtcInput, Signalling, SignallingEvent,
    SignallingState, SubscribeOptions,
};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::driver::link::LinkReport;
use crate::driver::{Body, Guard, Happening, Shared, tls};
use crate::error::{PayloadError, PublishError, SetupError};
use crate::event::{
    ClientEvent, Connected, Direct, Disconnected, Message, Presence, ServerError, StateChange,
};
use crate::events::{Events, Sender};
use crate::options::SignallingOptions;

/// A client of a server: subscribes channels, publishes, sends to single peers, and survives lost
/// connections.
///
/// The handle is cheap to clone; when the last one is dropped the client closes. Methods that wait must
/// be called on a tokio runtime with I/O and time.
#[derive(Clone)]
pub struct SignallingClient {
    shared: Arc<Shared<ClientBody>>,
    // Dropped with the last handle.
    _guard: Arc<Guard<ClientBody>>,
}

impl SignallingClient {
    /// An idle client.
    ///
    /// # Errors
    ///
    /// [`SetupError::Tls`] when a certificate to trust is none.
    pub fn new(options: SignallingOptions) -> Result<Self, SetupError> {
        let (core, tokens, roots) = options.into_parts();
        let body = ClientBody { events: Sender::new() };
        let shared = Arc::new(Shared::new(Signalling::new(core), body, tokens, tls::client_config(&roots)?));
        Ok(Self { _guard: Arc::new(Guard(Arc::clone(&shared))), shared })
    }

    /// Connects; resolves after the server's welcome. The first connection is tried once; later ones are
    /// made anew by themselves.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the attempt; [`close`](Self::close) does.
    pub async fn connect(&self) -> Result<(), ConnectError> {
        match self.shared.request(|client, _, now| client.connect(now)).await? {
            Some(Outcome::Connect(result)) => result,
            _ => Err(ConnectError::Socket("the client's runtime has stopped".to_owned())),
        }
    }

    /// Closes; resolves when the connection has ended, at most a second later. `connect` may be called
    /// again; channels are not held any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not keep the client open.
    pub async fn close(&self, code: CloseCode, reason: &str) {
        let request = |client: &mut Signalling<Value>, _: &mut ClientBody, now| {
            Ok::<_, std::convert::Infallible>(client.close(now, code, reason))
        };
        let Ok(_) = self.shared.request(request).await;
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> SignallingState {
        self.shared.lock().mind.state()
    }

    /// This client's id, once there was a welcome.
    #[must_use]
    pub fn peer_id(&self) -> Option<String> {
        self.shared.lock().mind.peer_id().map(str::to_owned)
    }

    /// Largest payload that the server takes, in bytes of JSON; 65,536 before any welcome.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        self.shared.lock().mind.max_message_size()
    }

    /// Subscribes a channel, and again after each reconnect.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not recall the request.
    pub async fn subscribe(&self, channel: &str, options: SubscribeOptions) -> Result<(), RequestError> {
        let request = self.shared.request(|client, _, now| client.subscribe(now, channel, options));
        answer(request.await?)
    }

    /// Lets a channel go.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; the channel is not held any more in any case.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not recall the request.
    pub async fn unsubscribe(&self, channel: &str) -> Result<(), RequestError> {
        answer(self.shared.request(|client, _, now| client.unsubscribe(now, channel)).await?)
    }

    /// Publishes on a channel. Resolves when the server has accepted the message.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not recall a message that was handed to the socket.
    pub async fn publish(&self, channel: &str, data: impl Serialize) -> Result<(), PublishError> {
        let data = to_json(data)?;
        let request = self.shared.request(|client, _, now| client.publish(now, channel, data));
        Ok(answer(request.await.map_err(PublishError::Request)?)?)
    }

    /// Sends to one peer. Resolves when the server has accepted the message, which says nothing about the
    /// receiver having read it.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; with code `peer_not_found` when the peer is not connected.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not recall a message that was handed to the socket.
    pub async fn send(&self, to: &str, data: impl Serialize) -> Result<(), PublishError> {
        let data = to_json(data)?;
        let request = self.shared.request(|client, _, now| client.send(now, to, data));
        Ok(answer(request.await.map_err(PublishError::Request)?)?)
    }

    /// Tells the client that the network is back, or another one: an attempt that waits is made at once.
    pub fn network_available(&self) {
        self.shared.call(|client, _, now| client.network_available(now));
    }

    /// All events, in order.
    #[must_use]
    pub fn events(&self) -> Events<ClientEvent> {
        let receiver = self.shared.lock().body.events.subscribe();
        Events::new([], receiver, Some, |lost| Some(ClientEvent::Lagged(lost)))
    }

    /// Welcomes.
    #[must_use]
    pub fn on_connected(&self) -> Events<Connected> {
        self.pick(|event| if let ClientEvent::Connected(connected) = event { Some(connected) } else { None })
    }

    /// Ends of connections, and attempts that failed.
    #[must_use]
    pub fn on_disconnected(&self) -> Events<Disconnected> {
        self.pick(|event| if let ClientEvent::Disconnected(end) = event { Some(end) } else { None })
    }

    /// Changes of the state.
    #[must_use]
    pub fn state_changes(&self) -> Events<StateChange<SignallingState>> {
        self.pick(|event| if let ClientEvent::StateChange(change) = event { Some(change) } else { None })
    }

    /// Broadcasts on subscribed channels.
    #[must_use]
    pub fn on_message(&self) -> Events<Message> {
        self.pick(|event| if let ClientEvent::Message(message) = event { Some(message) } else { None })
    }

    /// Messages to this client alone.
    #[must_use]
    pub fn on_direct(&self) -> Events<Direct> {
        self.pick(|event| if let ClientEvent::Direct(direct) = event { Some(direct) } else { None })
    }

    /// Who came and who went.
    #[must_use]
    pub fn on_presence(&self) -> Events<Presence> {
        self.pick(|event| if let ClientEvent::Presence(presence) = event { Some(presence) } else { None })
    }

    /// Errors that answer no request.
    #[must_use]
    pub fn on_server_error(&self) -> Events<ServerError> {
        self.pick(|event| if let ClientEvent::ServerError(error) = event { Some(error) } else { None })
    }

    /// The server stops soon; how long to stay away.
    #[must_use]
    pub fn on_going_away(&self) -> Events<std::time::Duration> {
        self.pick(
            |event| if let ClientEvent::GoingAway { retry_after } = event { Some(retry_after) } else { None },
        )
    }

    /// The token provider failed three times in a row, or more often: failures in a row, and the last one
    /// in words without credentials.
    #[must_use]
    pub fn on_token_provider_error(&self) -> Events<(u32, String)> {
        self.pick(|event| {
            if let ClientEvent::TokenProviderError { consecutive_failures, error } = event {
                Some((consecutive_failures, error))
            } else {
                None
            }
        })
    }

    fn pick<T: Send + 'static>(
        &self,
        pick: impl FnMut(ClientEvent) -> Option<T> + Send + 'static,
    ) -> Events<T> {
        Events::new([], self.shared.lock().body.events.subscribe(), pick, |_| None)
    }
}

impl fmt::Debug for SignallingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignallingClient({})", self.state())
    }
}

fn answer(outcome: Option<Outcome>) -> Result<(), RequestError> {
    match outcome {
        Some(Outcome::Request(result)) => result,
        // Whoever stopped the runtime has cut the connection with it.
        _ => Err(RequestError::NotConnected),
    }
}

pub(crate) fn to_json(data: impl Serialize) -> Result<Value, PayloadError> {
    Ok(serde_json::to_value(data)?)
}

/// What a client does with its events.
pub(crate) struct ClientBody {
    events: Sender<ClientEvent>,
}

impl Body for ClientBody {
    type Mind = Signalling<Value>;

    fn output(&mut self, _: &mut Signalling<Value>, output: Output<Value>, _: &mpsc::Sender<Happening>) {
        if let Output::Signalling(event) = output {
            self.events.send(translated(event));
        }
    }

    fn link_report(&mut self, _: LinkId, _: LinkReport) -> Option<RtcInput> {
        None
    }

    fn end(&mut self) {
        self.events.end();
    }
}

fn translated(event: SignallingEvent<Value>) -> ClientEvent {
    match event {
        SignallingEvent::Connected(connected) => ClientEvent::Connected(connected),
        SignallingEvent::Disconnected { code, reason, will_reconnect, http_status } => {
            ClientEvent::Disconnected(Disconnected { code, reason, will_reconnect, http_status })
        }
        SignallingEvent::StateChange { from, to } => ClientEvent::StateChange(StateChange { from, to }),
        SignallingEvent::Message { channel, from, data, from_metadata } => {
            ClientEvent::Message(Message { channel, from, data, from_metadata })
        }
        SignallingEvent::Direct { from, data, from_metadata } => {
            ClientEvent::Direct(Direct { from, data, from_metadata })
        }
        SignallingEvent::Presence { channel, joined, left } => {
            ClientEvent::Presence(Presence { channel, joined, left })
        }
        SignallingEvent::ServerError { code, request_id, message } => {
            ClientEvent::ServerError(ServerError { code, request_id, message })
        }
        SignallingEvent::GoingAway { retry_after } => ClientEvent::GoingAway { retry_after },
        SignallingEvent::IceServers { ice_servers } => ClientEvent::IceServers(ice_servers),
        SignallingEvent::TokenProviderError { consecutive_failures, error } => {
            ClientEvent::TokenProviderError { consecutive_failures, error }
        }
        SignallingEvent::SubscriptionLost { channel, code } => {
            ClientEvent::SubscriptionLost { channel: channel.to_string(), code }
        }
    }
}
