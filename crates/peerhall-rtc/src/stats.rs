//! Figures of one connection.

use std::time::Duration;

use crate::event::CandidateKind;
use crate::track::SenderId;

/// Figures of one connection, counted from its opening.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// The path in use; `None` without one.
    pub pair: Option<PairStats>,
    /// Bytes of all datagrams sent, without IP and UDP headers.
    pub bytes_sent: u64,
    /// Bytes of all datagrams received.
    pub bytes_received: u64,
    /// Tracks that are sent.
    pub outbound: Vec<OutboundStats>,
    /// Tracks that are received.
    pub inbound: Vec<InboundStats>,
    /// Data channels that are not closed.
    pub channels: Vec<ChannelStats>,
}

/// The path in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairStats {
    /// This end.
    pub local: CandidateKind,
    /// The other end.
    pub remote: CandidateKind,
    /// How this side speaks to its relay; `None` without a relay.
    pub relay_protocol: Option<RelayProtocol>,
    /// The last round trip of a path check; `None` before the first.
    pub current_rtt: Option<Duration>,
}

/// How a relay is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelayProtocol {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

/// A track that is sent. Figures are renewed every second.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboundStats {
    /// Who sends.
    pub sender: Option<SenderId>,
    /// Section that it travels in.
    pub mid: String,
    /// Packets, repeated ones too.
    pub packets: u64,
    /// Bytes of their payload.
    pub bytes: u64,
    /// Packets the remote misses, by its own report.
    pub lost: u64,
    /// Requests for lost packets.
    pub nacks: u64,
    /// Requests for a key frame after a loss.
    pub plis: u64,
    /// Requests for a key frame for a new receiver.
    pub firs: u64,
    /// The last round trip by the remote's report.
    pub rtt: Option<Duration>,
}

/// A track that is received. Figures are renewed every second.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundStats {
    /// Section that it travels in.
    pub mid: String,
    /// Packets, repeated ones too.
    pub packets: u64,
    /// Bytes of their payload.
    pub bytes: u64,
    /// Share of the packets that were lost lately, 0 to 1.
    pub loss: f32,
    /// Variation of the packets' transit times, in ticks of the track's clock.
    pub jitter: u32,
    /// Requests for lost packets.
    pub nacks: u64,
    /// Requests for a key frame after a loss.
    pub plis: u64,
    /// Requests for a key frame for a new receiver.
    pub firs: u64,
}

/// A data channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelStats {
    /// Its label.
    pub label: String,
    /// Its number on the wire.
    pub id: Option<u16>,
    /// Messages handed to the transport.
    pub messages_sent: u64,
    /// Bytes of them.
    pub bytes_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Bytes of them.
    pub bytes_received: u64,
}
