//! Who may do what: keys, tokens, channel patterns and the grants they give.
//!
//! Pure: nothing here reads a clock, a socket or a file. Time is an argument, and randomness is drawn
//! only in the constructors named `generate`.
//!
//! | to | go to |
//! |---|---|
//! | admit a connection or a REST call | [`keyring::Keyring`] |
//! | ask what an admitted connection may do | [`grants::Grants`] |
//! | store or create keys and apps | [`key::KeyRecord`], [`key::AppRecord`] |
//! | mint a token | [`token::MintRequest`], [`token::mint`] |
//! | hand out TURN credentials | [`turn`] |
//! | let a peer with a publishable key keep its id | [`resume`] |
//!
//! The rules are those of the authentication document; patterns are section 11 of the wire protocol.

pub mod action;
pub mod grants;
mod json;
pub mod key;
pub mod keyring;
mod mac;
pub mod origin;
pub mod pattern;
pub mod random;
pub mod resume;
pub mod token;
pub mod turn;
