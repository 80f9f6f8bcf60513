//! Payloads on their way through a relay, at a fixed rate.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::client::{Client, channel_data};
use super::server::Server;
use crate::error::LoadError;
use crate::machine::{Meter, Usage};

/// Bytes of a payload.
pub(super) const PAYLOAD: usize = 1_200;

/// Payloads that are sent one after the other to one allocation.
const BURST: usize = 8;

/// Allocations with traffic.
const LEGS: usize = 20;

/// How long what is on its way may take after the last payload was sent.
const LINGER: Duration = Duration::from_millis(50);

/// Direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From clients, in their channels, to peers.
    ToPeers,
    /// From peers to clients, into their channels.
    ToClients,
}

/// A client, its relayed address and its peer.
struct Leg {
    client: Client,
    relayed: SocketAddr,
    peer: UdpSocket,
}

/// Allocations that stand ready.
pub(super) struct Flow {
    legs: Vec<Leg>,
    framed: Vec<u8>,
    plain: Vec<u8>,
}

/// What a window brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) sent: u64,
    pub(super) arrived: u64,
    pub(super) usage: Usage,
}

impl Window {
    /// Microseconds of the relay's CPU for a payload that arrived.
    pub(super) fn cost(&self) -> Option<f64> {
        (self.arrived > 0).then_some(self.usage.server? * 1e6 / self.arrived as f64)
    }
}

impl Flow {
    pub(super) fn through(server: &Server) -> Result<Self, LoadError> {
        let legs = (0..LEGS).map(|number| {
            let mut client = Client::to(server.address())?;
            client.challenge(&server.user(number))?;
            let (relayed, _) = client.allocate()?;
            let peer =
                UdpSocket::bind((server.address().ip(), 0)).map_err(LoadError::system("open a socket"))?;
            client.bind(peer.local_addr().map_err(LoadError::system("open a socket"))?)?;
            for socket in [client.socket(), &peer] {
                socket.set_nonblocking(true).map_err(LoadError::system("open a socket"))?;
            }
            Ok(Leg { client, relayed, peer })
        });
        let plain = vec![7; PAYLOAD];
        Ok(Self { legs: legs.collect::<Result<_, LoadError>>()?, framed: channel_data(&plain), plain })
    }

    /// Sends `per_second` payloads in each second and counts those that arrive.
    pub(super) fn window(
        &self,
        way: Way,
        per_second: f64,
        seconds: f64,
        server: &Server,
        cores: &[usize],
    ) -> Result<Window, LoadError> {
        self.drain(way);
        let processes = server.processes();
        let meter = Meter::start(&processes, cores);
        let begin = Instant::now();
        let (mut sent, mut arrived) = (0_u64, 0_u64);
        for leg in self.legs.iter().cycle() {
            let due = (begin.elapsed().as_secs_f64() * per_second) as u64;
            if begin.elapsed().as_secs_f64() >= seconds {
                break;
            }
            if sent < due {
                for _ in 0..BURST {
                    self.send(leg, way).map_err(LoadError::system("send to the relay"))?;
                }
                sent += BURST as u64;
            }
            arrived += leg.take(way);
        }
        let end = Instant::now() + LINGER;
        while Instant::now() < end {
            arrived += self.drain(way);
        }
        Ok(Window { sent, arrived, usage: meter.read() })
    }

    fn send(&self, leg: &Leg, way: Way) -> io::Result<()> {
        let sent = match way {
            Way::ToPeers => leg.client.socket().send(&self.framed),
            Way::ToClients => leg.peer.send_to(&self.plain, leg.relayed),
        };
        match sent {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            // Lost, and counted as such.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn drain(&self, way: Way) -> u64 {
        self.legs.iter().map(|leg| leg.take(way)).sum()
    }
}

impl Leg {
    /// Takes what has arrived.
    fn take(&self, way: Way) -> u64 {
        let mut buffer = [0; 2_048];
        let socket = match way {
            Way::ToPeers => &self.peer,
            Way::ToClients => self.client.socket(),
        };
        let mut count = 0;
        while let Ok(length) = socket.recv(&mut buffer) {
            count += u64::from(length >= PAYLOAD);
        }
        count
    }
}
