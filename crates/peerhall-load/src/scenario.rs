//! The loads, each ready to be measured any number of times.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::LoadError;
use crate::machine::Processes;
use crate::rig::Rig;
use crate::subject::Target;
use crate::window::Window;

mod connect;
mod direct;
mod drive;
mod idle;
mod join;
mod latency;
mod publish;

/// What an idle crowd is given before its CPU is measured: the default interval of pings and its jitter,
/// since a window before the first ping would show less than the truth.
const PINGS_GO_ROUND: Duration = Duration::from_secs(38);

/// A load by name, as people ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Connections, with their credential checked.
    Connect,
    /// One publishes, many hear.
    Fanout,
    /// Many small rooms, everybody publishes.
    Rooms,
    /// One to another, acknowledged.
    Direct,
    /// All join one channel at once.
    Join,
    /// How long deliveries take at a fixed rate.
    Latency,
    /// A crowd that does nothing.
    Idle,
}

impl Scenario {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 7] =
        [Self::Connect, Self::Fanout, Self::Rooms, Self::Direct, Self::Join, Self::Latency, Self::Idle];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Fanout => "fanout",
            Self::Rooms => "rooms",
            Self::Direct => "direct",
            Self::Join => "join",
            Self::Latency => "latency",
            Self::Idle => "idle",
        }
    }

    /// What is measured for it. `connections` is the number of the idle crowd.
    #[must_use]
    pub fn cases(self, size: Size, connections: Option<usize>) -> Vec<Case> {
        let small = size == Size::Smoke;
        let count = |full: usize, smoke: usize| if small { smoke } else { full };
        match self {
            Self::Connect => vec![Case::Connect { connections: count(4_000, 40) }],
            Self::Fanout => {
                [(count(100, 5), 1), (count(100, 5), 32), (count(1_000, 20), 1), (count(1_000, 20), 32)]
                    .map(|(subscribers, in_flight)| Case::Fanout { subscribers, in_flight })
                    .to_vec()
            }
            Self::Rooms => {
                vec![Case::Rooms { rooms: count(500, 5), members: 4, in_flight: count(256, 8) }]
            }
            Self::Direct => vec![Case::Direct { pairs: count(500, 5), in_flight: count(256, 8) }],
            Self::Join => vec![Case::Join { members: count(1_000, 20) }],
            Self::Latency => {
                vec![Case::Latency { subscribers: count(100, 5), deliveries_per_second: count(20_000, 500) }]
            }
            Self::Idle => vec![Case::Idle {
                connections: connections.unwrap_or_else(|| count(10_000, 40)),
                rest: if small { Duration::ZERO } else { PINGS_GO_ROUND },
            }],
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no scenario of this name; there are {names}")
        })
    }
}

/// How much of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// That of the figures in `docs/performance.md`.
    #[default]
    Full,
    /// Just enough to see that everything works.
    Smoke,
}

/// One load with its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Case {
    /// This many connections, 64 under way at a time.
    Connect {
        /// Connections in a window.
        connections: usize,
    },
    /// One publisher, who is not subscribed.
    Fanout {
        /// Who hears it.
        subscribers: usize,
        /// Publishes on their way at one time. 1 forbids any merging of writes.
        in_flight: usize,
    },
    /// Rooms in which each member publishes in turn.
    Rooms {
        /// Rooms.
        rooms: usize,
        /// Members of each.
        members: usize,
        /// Publishes on their way at one time.
        in_flight: usize,
    },
    /// Pairs of which the first sends to the second.
    Direct {
        /// Pairs.
        pairs: usize,
        /// Sends on their way at one time.
        in_flight: usize,
    },
    /// A crowd that subscribes to one channel at once, until everybody knows everybody.
    Join {
        /// How many.
        members: usize,
    },
    /// One publisher at a fixed rate.
    Latency {
        /// Who hears it.
        subscribers: usize,
        /// All of them together.
        deliveries_per_second: usize,
    },
    /// Connections that are subscribed, four to a channel, and do nothing.
    Idle {
        /// How many.
        connections: usize,
        /// Between the last of them and the window.
        rest: Duration,
    },
}

/// What a case is measured with.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Where random choices begin.
    pub seed: u64,
    /// Bytes of a payload. Default 200.
    pub payload_bytes: usize,
    /// Cores that server and generator run on; empty for all.
    pub cores: Vec<usize>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { seed: 1, payload_bytes: 200, cores: Vec::new() }
    }
}

/// A load that stands ready: connections are open, and a window measures it.
pub trait Load: fmt::Debug {
    /// Measures for `seconds`, or for as long as the work takes where the work is fixed.
    ///
    /// # Errors
    ///
    /// What went wrong. Single deliveries that are lost are a figure and no error.
    fn window(&mut self, seconds: f64) -> Result<Window, LoadError>;
}

impl Case {
    /// Name of the figure: `fanout-100-w32`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Connect { .. } => "connect".to_owned(),
            Self::Fanout { subscribers, in_flight } => format!("fanout-{subscribers}-w{in_flight}"),
            Self::Rooms { rooms, members, .. } => format!("rooms-{rooms}x{members}"),
            Self::Direct { .. } => "direct".to_owned(),
            Self::Join { members } => format!("join-{members}"),
            Self::Latency { subscribers, .. } => format!("latency-{subscribers}"),
            Self::Idle { connections, .. } => format!("idle-{connections}"),
        }
    }

    /// What is counted.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        match self {
            Self::Connect { .. } | Self::Idle { .. } => "connection",
            Self::Fanout { .. } | Self::Latency { .. } => "delivery",
            Self::Rooms { .. } => "publish",
            Self::Direct { .. } => "send",
            Self::Join { .. } => "member",
        }
    }

    /// Whether one window says everything: a second one would not begin with a fresh server.
    #[must_use]
    pub const fn is_measured_once(&self) -> bool {
        matches!(self, Self::Idle { .. })
    }

    /// Connections that the generator holds for it.
    #[must_use]
    pub const fn connections(&self) -> usize {
        match self {
            Self::Connect { connections } | Self::Idle { connections, .. } => *connections,
            Self::Fanout { subscribers, .. } | Self::Latency { subscribers, .. } => *subscribers + 1,
            Self::Rooms { rooms, members, .. } => *rooms * *members,
            Self::Direct { pairs, .. } => *pairs * 2,
            Self::Join { members } => *members,
        }
    }

    /// Opens what it needs on a server.
    ///
    /// # Errors
    ///
    /// What went wrong on the way.
    pub fn prepare(&self, target: &Target, conditions: &Conditions) -> Result<Box<dyn Load>, LoadError> {
        let bench = Bench {
            rig: Rig::new(target, conditions.payload_bytes, conditions.seed)?,
            processes: Processes::of(target.process),
            cores: conditions.cores.clone(),
            seed: conditions.seed,
        };
        Ok(match *self {
            Self::Connect { connections } => Box::new(connect::Connect::new(bench, connections)),
            Self::Fanout { subscribers, in_flight } => {
                Box::new(publish::Publish::fanout(bench, subscribers, in_flight)?)
            }
            Self::Rooms { rooms, members, in_flight } => {
                Box::new(publish::Publish::rooms(bench, rooms, members, in_flight)?)
            }
            Self::Direct { pairs, in_flight } => Box::new(direct::Direct::new(bench, pairs, in_flight)?),
            Self::Join { members } => Box::new(join::Join::new(bench, members)),
            Self::Latency { subscribers, deliveries_per_second } => {
                Box::new(latency::Latencies::new(bench, subscribers, deliveries_per_second)?)
            }
            Self::Idle { connections, rest } => Box::new(idle::Idle::new(bench, connections, rest)),
        })
    }
}

/// What every load stands on.
#[derive(Debug)]
struct Bench {
    rig: Rig,
    processes: Processes,
    cores: Vec<usize>,
    seed: u64,
}
