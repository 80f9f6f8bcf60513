//! One adapter for each wire that the load can be put on.
//!
//! An adapter says where to connect, what to say first, how to subscribe, publish and send, and reads
//! the frames that carry no payload. Deliveries are counted by the marks in them, so no adapter has
//! to understand those.

use memchr::memmem;

mod centrifuge;
mod mqtt;
mod nats;
mod peerhall;
mod socket_io;

/// A wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Ours, and that of every server which speaks its frames.
    Peerhall,
    /// Socket.IO 5 over Engine.IO 4, with the small room application of `peers/socketio.mjs`.
    SocketIo,
    /// The PeerServer of PeerJS: one peer to another, no rooms, no acknowledgement.
    PeerServer,
    /// NATS over WebSocket.
    Nats,
    /// MQTT 3.1.1 over WebSocket.
    Mqtt,
    /// Nchan in nginx: the channel is in the URL.
    Nchan,
    /// `matchbox_server`: the room is in the URL; one peer to another, no acknowledgement.
    Matchbox,
    /// The JSON protocol of Centrifuge 0.15.
    Centrifuge,
}

/// What a connection is for; some wires put that into the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Listens.
    Subscriber,
    /// Speaks.
    Publisher,
    /// Both.
    Member,
}

/// One connection as the scenario wants it.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its number within the run.
    pub index: usize,
    /// What it is for.
    pub role: Role,
    /// The channel, room or pair it belongs to.
    pub channel: String,
    /// Whether what it sends is to be acknowledged where the wire makes that a property of the
    /// connection.
    pub wants_acks: bool,
    /// Whether it is to be told who else is there, where that is not the wire's habit.
    pub wants_members: bool,
}

/// One connection as it is.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) spec: Spec,
    /// Whether the wire's own greeting is over.
    pub(crate) is_ready: bool,
    /// The name by which others reach it.
    pub(crate) id: String,
    /// Acknowledgements so far.
    pub(crate) acks: u64,
    /// What the server complained about last.
    pub(crate) complaint: Option<String>,
}

impl Peer {
    pub(crate) fn new(spec: Spec) -> Self {
        Self { spec, is_ready: false, id: String::new(), acks: 0, complaint: None }
    }
}

/// A WebSocket message on its way out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
}

impl Protocol {
    /// Whether it has channels that one publishes to and several hear.
    #[must_use]
    pub const fn has_channels(self) -> bool {
        !matches!(self, Self::PeerServer | Self::Matchbox)
    }

    /// Whether members of a channel are told about each other.
    #[must_use]
    pub const fn has_presence(self) -> bool {
        matches!(self, Self::Peerhall | Self::SocketIo)
    }

    /// Whether the sender of a direct message is told that it was taken.
    #[must_use]
    pub const fn acknowledges_directs(self) -> bool {
        !matches!(self, Self::PeerServer | Self::Matchbox)
    }

    /// Whether who publishes into a channel it is subscribed to hears itself.
    #[must_use]
    pub const fn echoes(self) -> bool {
        matches!(self, Self::Mqtt | Self::Nchan | Self::Centrifuge)
    }

    /// Whether a peer is reached through a channel of its own, which it has to subscribe to.
    #[must_use]
    pub const fn directs_through_channels(self) -> bool {
        matches!(self, Self::Nats | Self::Mqtt | Self::Nchan | Self::Centrifuge)
    }

    /// The WebSocket subprotocol it asks for.
    pub(crate) const fn subprotocol(self) -> Option<&'static str> {
        if matches!(self, Self::Mqtt) { Some("mqtt") } else { None }
    }

    /// Request target of a connection; `path` is what the server's URL says.
    pub(crate) fn target(self, path: &str, spec: &Spec) -> String {
        match self {
            Self::PeerServer => format!("{path}&id={}&token=t{}", given_id(spec), spec.index),
            Self::Matchbox => format!("/{}", spec.channel),
            Self::Nchan => match spec.role {
                Role::Subscriber => format!("/sub/{}", spec.channel),
                Role::Publisher => format!("/pub/{}", spec.channel),
                Role::Member => format!("/pubsub/{}", spec.channel),
            },
            Self::Peerhall | Self::SocketIo | Self::Nats | Self::Mqtt | Self::Centrifuge => path.to_owned(),
        }
    }

    /// The first words behind the upgrade.
    pub(crate) fn greet(self, peer: &mut Peer, out: &mut Vec<Message>) {
        match self {
            Self::Nats => out.push(nats::connect(&peer.spec)),
            Self::Mqtt => out.push(mqtt::connect(&given_id(&peer.spec))),
            Self::Centrifuge => out.push(centrifuge::connect()),
            Self::Nchan => peer.is_ready = true,
            Self::Peerhall | Self::SocketIo | Self::PeerServer | Self::Matchbox => {}
        }
    }

    /// Reads a frame without a payload; answers go to `out`.
    pub(crate) fn read(self, frame: &[u8], peer: &mut Peer, out: &mut Vec<Message>) {
        match self {
            Self::Peerhall => peerhall::read(frame, peer),
            Self::SocketIo => socket_io::read(frame, peer, out),
            Self::Nats => nats::read(frame, peer, out),
            Self::Mqtt => mqtt::read(frame, peer),
            Self::Centrifuge => centrifuge::read(frame, peer),
            // Who published is told the channel's state.
            Self::Nchan => peer.acks += 1,
            Self::PeerServer => {
                if contains(frame, "\"OPEN\"") {
                    peer.id = given_id(&peer.spec);
                    peer.is_ready = true;
                } else if contains(frame, "ERROR") {
                    peer.complaint = Some(shown(frame));
                }
            }
            Self::Matchbox => {
                if let Some(id) = text_after(frame, "\"IdAssigned\":\"") {
                    peer.id = id.to_owned();
                    peer.is_ready = true;
                }
            }
        }
    }

    /// Asks for the channel; `None` where the URL did.
    pub(crate) fn subscribe(self, spec: &Spec) -> Option<Message> {
        match self {
            Self::Peerhall => Some(peerhall::subscribe(spec)),
            Self::SocketIo => Some(socket_io::subscribe(spec)),
            Self::Nats => Some(nats::subscribe(&spec.channel)),
            Self::Mqtt => Some(mqtt::subscribe(&spec.channel)),
            Self::Centrifuge => Some(centrifuge::subscribe(&spec.channel)),
            Self::PeerServer | Self::Nchan | Self::Matchbox => None,
        }
    }

    /// Says something to the channel. A wire without channels says it to nobody.
    pub(crate) fn publish(self, spec: &Spec, payload: &str) -> Message {
        match self {
            Self::Peerhall => peerhall::publish(&spec.channel, payload),
            Self::SocketIo => socket_io::publish(&spec.channel, payload),
            Self::Nats => nats::publish(&spec.channel, payload),
            Self::Mqtt => mqtt::publish(&spec.channel, payload),
            Self::Centrifuge => centrifuge::publish(&spec.channel, payload),
            Self::Nchan | Self::PeerServer | Self::Matchbox => Message::Text(payload.to_owned()),
        }
    }

    /// Says something to one peer, acknowledged where the wire can; `number` tells requests apart.
    pub(crate) fn direct(self, spec: &Spec, to: &str, payload: &str, number: u64) -> Message {
        match self {
            Self::Peerhall => peerhall::direct(to, payload, number),
            Self::SocketIo => socket_io::direct(to, payload, number),
            Self::Mqtt => mqtt::publish_acknowledged(&spec.channel, payload, number),
            Self::PeerServer => {
                Message::Text(format!(r#"{{"type":"CANDIDATE","payload":"{payload}","dst":"{to}"}}"#))
            }
            Self::Matchbox => {
                Message::Text(format!(r#"{{"Signal":{{"receiver":"{to}","data":"{payload}"}}}}"#))
            }
            Self::Nats | Self::Nchan | Self::Centrifuge => self.publish(spec, payload),
        }
    }
}

/// An id for wires on which the client chooses it.
fn given_id(spec: &Spec) -> String {
    format!("load{:06}", spec.index)
}

fn contains(frame: &[u8], needle: &str) -> bool {
    memmem::find(frame, needle.as_bytes()).is_some()
}

/// What stands between `before` and the next quotation mark.
fn text_after<'f>(frame: &'f [u8], before: &str) -> Option<&'f str> {
    let start = memmem::find(frame, before.as_bytes())? + before.len();
    let rest = frame.get(start..)?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// A frame in a message for people.
fn shown(frame: &[u8]) -> String {
    String::from_utf8_lossy(frame.get(..200).unwrap_or(frame)).into_owned()
}

#[cfg(test)]
mod tests;
