//! STUN (RFC 8489) and TURN (RFC 8656) as a service.
//!
//! [`Engine`] decides: it is told what came, from whom and when, and says through [`Outside`] what is to
//! be sent and which relay ports are to be opened. It has no socket and no clock. [`TurnServer`] is the
//! body: threads with sockets for UDP, TCP and TLS, each with an engine of its own, so that no packet
//! waits for a lock.
//!
//! The trip of a relayed packet, from a client to its peer:
//!
//! 1. `server/datagrams.rs`: a thread receives up to 32 datagrams in one call.
//! 2. `engine.rs`: ChannelData or STUN?
//! 3. `engine/relay.rs`: whose allocation, which peer, may it, is there bandwidth left?
//! 4. `server/batch.rs`: datagrams of one size to one peer leave in one call.
//!
//! What was left out on purpose: relaying over TCP (RFC 6062), mobility (RFC 8016), ALTERNATE-SERVER, and
//! MESSAGE-INTEGRITY-SHA256, which a server offers by a longer challenge that no browser takes up.

mod accounts;
mod counters;
mod engine;
mod filter;
mod framing;
mod live_ports;
mod network;
mod nonce;
mod options;
mod refusal;
mod server;
mod slots;
mod throttle;

pub use accounts::{Accounts, Usage};
pub use counters::{Counted, Counters, Dropped};
pub use engine::{Client, Common, Door, Engine, Family, Now, Outside, Ports, RelayId, Transport};
pub use filter::PeerFilter;
pub use framing::is_stun;
pub use live_ports::LivePorts;
pub use network::{Network, NetworkError};
pub use options::{EngineOptions, Quotas, RelayAddress};
pub use refusal::Refusal;
pub use server::{Adopted, Handle, Setup, StartError, TurnServer};
