//! What travels between Peerhall servers and clients, and nothing that moves it.
pub mod ids;
pub mod limits;
