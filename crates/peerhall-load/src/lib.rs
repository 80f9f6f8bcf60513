//! Load on a Peerhall server, from outside.
//!
//! [`crowd`] is many WebSocket clients in one thread: the ground that everything else stands on.

pub mod crowd;
