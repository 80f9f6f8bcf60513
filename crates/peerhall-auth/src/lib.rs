//! Peerhall credentials.
