//! Peerhall.
