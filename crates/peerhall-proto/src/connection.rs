//! Words of the WebRTC recommendation for a peer connection, shared by those who decide about connections and
//! those who are connections. They do not travel.

/// State of the path, as browsers report `iceConnectionState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IceState {
    /// No description has been exchanged.
    New,
    /// A path is being looked for.
    Checking,
    /// There is a path.
    Connected,
    /// There is a path and no better one is being looked for.
    Completed,
    /// The path does not answer; it may come back by itself.
    Disconnected,
    /// No path; only an ICE restart helps.
    Failed,
    /// The connection is closed.
    Closed,
}

/// State of path and encryption together, as browsers report `connectionState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// No description has been exchanged.
    New,
    /// Being set up.
    Connecting,
    /// Usable.
    Connected,
    /// The path does not answer; it may come back by itself.
    Disconnected,
    /// No path; only an ICE restart helps.
    Failed,
    /// Closed by either side. It is the last event.
    Closed,
}

/// Sound or pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl MediaKind {
    /// `audio` or `video`, as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// Which paths a connection may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransportPolicy {
    /// Every path: direct, through a NAT, through a relay.
    #[default]
    All,
    /// Relays only, so that the remote never learns an address of this machine.
    Relay,
}
