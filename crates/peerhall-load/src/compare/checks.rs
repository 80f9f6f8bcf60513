//! What is asked of which figure beside whom.

use std::time::Duration;

use super::Peer;
use crate::scenario::{Case, Scenario, Size};
use crate::window::Window;

/// The ratio of a tie, asked where both servers do one `write` for each receiver and nothing else shows: two
/// windows of one and the same server differ by this much on a quiet machine.
pub const TIE: f64 = 0.95;

/// One ratio that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The load.
    pub case: Case,
    /// Beside whom.
    pub peer: Peer,
    /// How many times our cost has to go into theirs.
    pub at_least: f64,
}

impl Check {
    /// What is compared: less is better.
    #[must_use]
    pub fn cost(&self, window: &Window) -> Option<f64> {
        match self.case {
            Case::Idle { .. } => window.kib_per_connection(),
            Case::Latency { .. } => Some(window.latency?.p50),
            Case::Join { .. } => window.usage.server.map(|seconds| seconds * 1e3),
            Case::Connect { .. } | Case::Fanout { .. } | Case::Rooms { .. } | Case::Direct { .. } => {
                window.cpu_micros()
            }
        }
    }

    /// The unit of that.
    #[must_use]
    pub fn unit(&self) -> String {
        match self.case {
            Case::Idle { .. } => "KiB a connection".to_owned(),
            Case::Latency { .. } => "µs p50".to_owned(),
            Case::Join { .. } => "ms of CPU in all".to_owned(),
            Case::Connect { .. } | Case::Fanout { .. } | Case::Rooms { .. } | Case::Direct { .. } => {
                format!("µs of CPU a {}", self.case.unit())
            }
        }
    }
}

/// Everything that is asked for beside these peers.
///
/// The first five rows of a peer's table are the issue's; those beside socket.io, PeerServer and
/// mosquitto in rooms and directs come from the goals of the study behind it, as do those of the servers in Rust
/// and Go. Bun and nchan check no
/// credential when one connects, and Bun does not remember who was there: there a loss by less than
/// what that may cost passes.
#[must_use]
pub fn checks(peers: &[Peer], idle_connections: usize) -> Vec<Check> {
    let ask = |peer: &Peer| match peer {
        Peer::Bun => BUN,
        Peer::SocketIo => SOCKET_IO,
        Peer::PeerServer => PEER_SERVER,
        Peer::Nats => NATS,
        Peer::Mosquitto => MOSQUITTO,
        Peer::Nchan => NCHAN,
        Peer::SocketIoxide => SOCKET_IOXIDE,
        Peer::Matchbox => MATCHBOX,
        Peer::Centrifuge => CENTRIFUGE,
    };
    let of_peer = |peer: &Peer| {
        let peer = *peer;
        ask(&peer).iter().flat_map(move |(figure, at_least)| {
            figure.cases(idle_connections).into_iter().map(move |case| Check {
                case,
                peer,
                at_least: *at_least,
            })
        })
    };
    peers.iter().flat_map(of_peer).collect()
}

/// A load as the tables below name it.
#[derive(Debug, Clone, Copy)]
enum Figure {
    Connect,
    /// 100 and 1,000 subscribers, one publish on its way.
    FanoutOne,
    /// The same with 32.
    FanoutMany,
    Rooms,
    Direct,
    Join,
    Latency,
    Idle,
}

impl Figure {
    fn cases(self, idle_connections: usize) -> Vec<Case> {
        let scenario = match self {
            Self::Connect => Scenario::Connect,
            Self::FanoutOne | Self::FanoutMany => Scenario::Fanout,
            Self::Rooms => Scenario::Rooms,
            Self::Direct => Scenario::Direct,
            Self::Join => Scenario::Join,
            Self::Latency => Scenario::Latency,
            // Memory alone is compared, and that does not wait for pings.
            Self::Idle => return vec![Case::Idle { connections: idle_connections, rest: Duration::ZERO }],
        };
        let mut cases = scenario.cases(Size::Full, None);
        cases.retain(|case| match (self, case) {
            (Self::FanoutOne, Case::Fanout { in_flight, .. }) => *in_flight == 1,
            (Self::FanoutMany, Case::Fanout { in_flight, .. }) => *in_flight > 1,
            _ => true,
        });
        cases
    }
}

const BUN: &[(Figure, f64)] = &[
    (Figure::FanoutOne, TIE),
    (Figure::FanoutMany, TIE),
    (Figure::Rooms, 1.2),
    (Figure::Direct, 1.1),
    (Figure::Join, 2.5),
    (Figure::Latency, 1.0 / 1.05),
    (Figure::Connect, 0.5),
];

const NATS: &[(Figure, f64)] = &[(Figure::FanoutOne, 1.5), (Figure::FanoutMany, 1.4)];

const MOSQUITTO: &[(Figure, f64)] = &[
    (Figure::Idle, 2.0),
    (Figure::FanoutOne, 1.1),
    (Figure::FanoutMany, 10.0),
    (Figure::Rooms, 1.3),
    (Figure::Direct, 1.25),
];

const SOCKET_IO: &[(Figure, f64)] = &[
    (Figure::FanoutOne, 1.5),
    (Figure::FanoutMany, 20.0),
    (Figure::Rooms, 3.0),
    (Figure::Direct, 3.0),
    (Figure::Join, 45.0),
    (Figure::Connect, 7.0),
    (Figure::Idle, 4.7),
];

const PEER_SERVER: &[(Figure, f64)] = &[(Figure::Direct, 1.65), (Figure::Connect, 3.8), (Figure::Idle, 2.3)];

const NCHAN: &[(Figure, f64)] = &[(Figure::FanoutOne, TIE), (Figure::FanoutMany, TIE)];

const SOCKET_IOXIDE: &[(Figure, f64)] = &[
    (Figure::FanoutOne, 1.1),
    (Figure::FanoutMany, 1.4),
    (Figure::Rooms, 1.2),
    (Figure::Direct, 1.25),
    (Figure::Join, 8.0),
    (Figure::Connect, 2.0),
    (Figure::Idle, 9.0),
];

const MATCHBOX: &[(Figure, f64)] = &[(Figure::Direct, 1.1), (Figure::Connect, 2.0), (Figure::Idle, 9.0)];

const CENTRIFUGE: &[(Figure, f64)] =
    &[(Figure::FanoutOne, 1.1), (Figure::FanoutMany, 1.4), (Figure::Connect, 2.0), (Figure::Idle, 9.0)];
