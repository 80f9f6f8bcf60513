//! The handle of a connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use peerhall_proto::signal::{Candidate, Description};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::channel::{Channel, DataChannelInit};
use crate::config::{Config, IceServer};
use crate::driver::{Command, Driver, Ends, Visible};
use crate::error::{CandidateError, ChannelError, NegotiationError, OpenError, SetServersError, TrackError};
use crate::event::{self, ConnectionState, Events, IceState, SignalingState};
use crate::negotiation::OfferOptions;
use crate::stats::Stats;
use crate::track::{LocalTrack, SenderId};

/// Most requests that wait for the connection. More of them wait in their callers.
const MAX_COMMANDS: usize = 64;

/// A connection to one peer. Clones are the same connection, which ends when the last of them is
/// dropped; its data channels and tracks do not keep it up.
///
/// The methods mirror those of a browser's `RTCPeerConnection`. All of them are carried out one
/// after the other in the order of their calls. Dropping a future of theirs that has been polled does
/// not call the request back.
#[derive(Clone)]
pub struct PeerConnection {
    commands: mpsc::Sender<Command>,
    visible: Arc<watch::Receiver<Visible>>,
}

/// SHA-256 fingerprints of the certificates of a connection. Two that share a secret can prove to each other
/// that nobody sits between them, by a keyed hash over both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprints {
    /// Of this side.
    pub local: [u8; 32],
    /// Of the other side.
    pub remote: [u8; 32],
}

impl PeerConnection {
    /// Opens a connection and starts its task on the current tokio runtime, which needs I/O and
    /// time. Nothing is sent before a local description is set.
    ///
    /// # Errors
    ///
    /// - [`OpenError::NoRuntime`] outside a runtime.
    /// - [`OpenError::Network`] when the servers in `config` cannot be used or there is no socket.
    pub fn open(config: Config) -> Result<(Self, Events), OpenError> {
        let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        let (commands, command_queue) = mpsc::channel(MAX_COMMANDS);
        let (event_queue, events) = mpsc::channel(event::MAX_WAITING);
        let (visible_now, visible) = watch::channel(Visible::START);
        let needed = Arc::new(AtomicBool::new(false));
        let ends = Ends {
            commands: command_queue,
            events: event_queue,
            needed: Arc::clone(&needed),
            visible: visible_now,
        };
        // A task holds a value that moves through its futures several times; a pointer is small.
        runtime.spawn(Box::new(Driver::open(config, ends)?).run());
        Ok((Self { commands, visible: Arc::new(visible) }, Events::new(events, needed)))
    }

    /// Makes an offer of all tracks and channels, and of a restart of ICE if asked for. While an offer
    /// with new sections waits for its answer, that offer is given out again, and what is not in it
    /// (a restart too) is announced by [`NegotiationNeeded`](crate::Event::NegotiationNeeded) when
    /// the answer is in.
    ///
    /// # Errors
    ///
    /// - [`NegotiationError::WrongState`] while an offer of the remote waits for our answer.
    /// - [`NegotiationError::NothingToOffer`] without tracks, channels and an earlier negotiation.
    /// - [`NegotiationError::Closed`].
    pub async fn create_offer(&self, options: OfferOptions) -> Result<Description, NegotiationError> {
        self.ask(|reply| Command::CreateOffer(options, reply)).await?
    }

    /// Gives out the answer to the remote's offer. It was made when the offer was set; what came up
    /// since is announced once it is set too.
    ///
    /// # Errors
    ///
    /// - [`NegotiationError::WrongState`] when no offer of the remote waits for an answer.
    /// - [`NegotiationError::Closed`].
    pub async fn create_answer(&self) -> Result<Description, NegotiationError> {
        self.ask(Command::CreateAnswer).await?
    }

    /// Makes what was created last the local description; gathering of candidates starts with the
    /// first one and with each restart of ICE.
    ///
    /// # Errors
    ///
    /// - [`NegotiationError::NotCreatedHere`] for any other text than what was created last.
    /// - [`NegotiationError::WrongState`] for an answer without an offer of the remote.
    /// - [`NegotiationError::Closed`].
    pub async fn set_local_description(&self, description: Description) -> Result<(), NegotiationError> {
        self.ask(|reply| Command::SetLocal(description, reply)).await?
    }

    /// Makes the remote's description take effect. An offer rolls a pending one of ours back: its
    /// tracks and channels stay, go into the answer as far as the offer has room for them, and are
    /// announced again otherwise.
    ///
    /// # Errors
    ///
    /// - [`NegotiationError::RemoteReplaced`] when the remote is another one than before, which
    ///   only a new connection can take.
    /// - [`NegotiationError::WrongState`] for an answer without an offer of ours.
    /// - [`NegotiationError::ForeignAnswer`] for an answer to another offer, which changes nothing.
    /// - [`NegotiationError::BadDescription`] and [`NegotiationError::Refused`] for what cannot be used.
    /// - [`NegotiationError::Closed`].
    pub async fn set_remote_description(&self, description: Description) -> Result<(), NegotiationError> {
        self.ask(|reply| Command::SetRemote(description, reply)).await?
    }

    /// Takes up a candidate of the remote; `None` and an empty line mark the end and change nothing.
    /// One of an earlier generation, or of another transport than UDP, is left out without an error.
    /// Names under `.local` are resolved meanwhile.
    ///
    /// # Errors
    ///
    /// - [`CandidateError::NoRemoteDescription`] before there is a remote description.
    /// - [`CandidateError::Syntax`] and [`CandidateError::TooMany`] for what cannot be used.
    /// - [`CandidateError::Closed`].
    pub async fn add_candidate(&self, candidate: Option<Candidate>) -> Result<(), CandidateError> {
        self.ask(|reply| Command::AddCandidate(candidate, reply)).await?
    }

    /// Other STUN and TURN servers, as `setConfiguration` in browsers: they are asked when candidates are
    /// gathered next, that is at the next restart of ICE. Until then, and while the new path is found, what
    /// the earlier ones relay goes on.
    ///
    /// # Errors
    ///
    /// [`SetServersError`] when a list cannot be used, and then the earlier one stays, and when the connection
    /// is closed.
    pub async fn set_ice_servers(&self, servers: Vec<IceServer>) -> Result<(), SetServersError> {
        self.ask(|reply| Command::SetServers(servers, reply)).await?.map_err(SetServersError::Unusable)
    }

    /// Sends a track, as part of these streams. Characters that cannot stand in a stream id are left out.
    ///
    /// # Errors
    ///
    /// - [`TrackError::AlreadySent`] when the connection sends the track already.
    /// - [`TrackError::TooMany`] beyond 256 sections.
    /// - [`TrackError::Closed`].
    pub async fn add_track(&self, track: &LocalTrack, stream_ids: &[&str]) -> Result<SenderId, TrackError> {
        let streams = stream_ids.iter().map(|id| (*id).to_owned()).collect();
        self.ask(|reply| Command::AddTrack(track.clone(), streams, reply)).await?
    }

    /// Stops sending a track.
    ///
    /// # Errors
    ///
    /// - [`TrackError::UnknownSender`] when it is not being sent.
    /// - [`TrackError::Closed`].
    pub async fn remove_track(&self, sender: SenderId) -> Result<(), TrackError> {
        self.ask(|reply| Command::RemoveTrack(sender, reply)).await?
    }

    /// Sends another track in the place of one, or nothing for the time being. The remote is not
    /// asked, and goes on knowing the track by its first id.
    ///
    /// # Errors
    ///
    /// - [`TrackError::OtherKind`] for sound in the place of pictures or the reverse.
    /// - [`TrackError::CodecNotNegotiated`] when the remote does not take the codec.
    /// - [`TrackError::UnknownSender`] when there is no such sender.
    /// - [`TrackError::Closed`].
    pub async fn replace_track(
        &self,
        sender: SenderId,
        track: Option<&LocalTrack>,
    ) -> Result<(), TrackError> {
        self.ask(|reply| Command::ReplaceTrack(sender, track.cloned(), reply)).await?
    }

    /// Creates a data channel. It opens when both sides are connected.
    ///
    /// # Errors
    ///
    /// - [`ChannelError::TwoLimits`], [`ChannelError::Id`] and [`ChannelError::TooLong`] for what
    ///   `init` and `label` cannot be.
    /// - [`ChannelError::TooMany`] beyond 1,024 channels.
    /// - [`ChannelError::Closed`].
    pub async fn create_data_channel(
        &self,
        label: &str,
        init: DataChannelInit,
    ) -> Result<Channel, ChannelError> {
        self.ask(|reply| Command::CreateChannel(label.to_owned(), init, reply)).await?
    }

    /// Figures of the connection; all zero once it is closed.
    pub async fn stats(&self) -> Stats {
        self.ask(Command::Stats).await.unwrap_or_default()
    }

    /// What tells this connection from any other, the same for both sides: the SHA-256 fingerprints of the
    /// certificates between which it is encrypted. `None` until the other side's is known and proved, with one
    /// of another hash, and once it is closed.
    pub async fn fingerprints(&self) -> Option<Fingerprints> {
        self.ask(Command::Fingerprints).await.ok().flatten()
    }

    /// Where the negotiation stands.
    #[must_use]
    pub fn signaling_state(&self) -> SignalingState {
        self.visible().signaling
    }

    /// State of path and encryption together.
    #[must_use]
    pub fn connection_state(&self) -> ConnectionState {
        self.visible().connection
    }

    /// State of the path.
    #[must_use]
    pub fn ice_state(&self) -> IceState {
        self.visible().ice
    }

    /// Closes the connection and everything that belongs to it. Resolves once it has ended.
    pub async fn close(&self) {
        // It may be closed already, or be closing.
        let _ = self.commands.send(Command::Close).await;
        self.commands.closed().await;
    }

    fn visible(&self) -> Visible {
        // However the task ended, by a fault of the engine too.
        if self.commands.is_closed() { Visible::END } else { *self.visible.borrow() }
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }
}

impl fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerConnection({:?})", self.connection_state())
    }
}

/// The connection's task has ended.
struct Gone;

impl From<Gone> for NegotiationError {
    fn from(Gone: Gone) -> Self {
        Self::Closed
    }
}

impl From<Gone> for SetServersError {
    fn from(Gone: Gone) -> Self {
        Self::Closed
    }
}

impl From<Gone> for CandidateError {
    fn from(Gone: Gone) -> Self {
        Self::Closed
    }
}

impl From<Gone> for TrackError {
    fn from(Gone: Gone) -> Self {
        Self::Closed
    }
}

impl From<Gone> for ChannelError {
    fn from(Gone: Gone) -> Self {
        Self::Closed
    }
}
