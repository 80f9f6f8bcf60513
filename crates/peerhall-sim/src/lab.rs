//! The clock, and everybody who lives by it.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | how a lab is set up |
//! | `run.rs` | the clock, and what happens when |
//! | `dispatch.rs` | carrying out what minds want |
//! | `wires.rs` | the way between clients and server |
//! | `faults.rs` | what goes wrong |
//! | `people.rs` | who takes part, and what they are asked |
//! | `shares.rs`, `labels.rs` | the same for streams and messages under labels |
//! | `look.rs` | what a test looks at |

mod dispatch;
mod faults;
mod labels;
mod look;
mod options;
mod people;
mod run;
mod shares;
mod wires;

use std::fmt;

use peerhall_core::Time;
use serde_json::Value;

pub use options::LabOptions;

use crate::actor::{Actor, ActorId};
use crate::events::Queue;
use crate::network::{Dialling, Weather, Wire};
use crate::rtc::World;
use crate::server::Server;

/// What becomes of a frame on its way.
#[derive(Debug, Clone, PartialEq)]
pub enum Tamper {
    /// It arrives.
    Pass,
    /// It is lost, as on no ordered stream; for servers that swallow.
    Drop,
    /// The server refuses the request with this code, without looking at it.
    Refuse(String),
    /// The client gets these frames; from a client to the server: in the server's stead.
    Instead(Vec<Value>),
}

/// Looks at frames on their way.
pub(crate) type Inspector = Box<dyn FnMut(ActorId, &Value) -> Tamper>;

/// A simulated world.
pub struct Lab {
    pub(crate) now: Time,
    pub(crate) queue: Queue,
    pub(crate) rng: fastrand::Rng,
    pub(crate) weather: Weather,
    pub(crate) dialling: Dialling,
    pub(crate) actors: Vec<Actor>,
    pub(crate) wires: Vec<Wire>,
    pub(crate) server: Server,
    pub(crate) world: World,
    pub(crate) turn_at: Option<Time>,
    pub(crate) on_up: Option<Inspector>,
    pub(crate) on_down: Option<Inspector>,
    pub(crate) broken: Vec<String>,
    pub(crate) records: bool,
    pub(crate) events: u64,
}

impl Lab {
    /// An empty world with a server that is up.
    #[must_use]
    pub fn new(options: LabOptions) -> Self {
        let mut rng = fastrand::Rng::with_seed(options.seed);
        Self {
            now: Time::ZERO,
            queue: Queue::default(),
            world: World::seeded(rng.u64(..), options.media),
            rng,
            weather: options.weather,
            dialling: Dialling::Works,
            actors: Vec::new(),
            wires: Vec::new(),
            server: Server::new(options.setup),
            turn_at: None,
            on_up: None,
            on_down: None,
            broken: Vec::new(),
            records: options.records,
            events: 0,
        }
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("now", &self.now).field("actors", &self.actors).finish_non_exhaustive()
    }
}
