//! The engines of `peerhall-core` for browsers, behind five functions that speak plain JavaScript values.
//!
//! ```text
//! open(options) → {engine} or {error}      poll(engine) → the next output, or undefined
//! call(engine, now, request) → the answer  deadline(engine) → milliseconds, or Infinity
//! shut(engine)
//! ```
//!
//! Requests, answers and outputs are objects without methods. JSON stays on the other side: a value here is
//! the number of a value there, so that the browser's own parser does all parsing and no parser has to travel.
//! What the outputs ask for is carried out by `packages/peerhall/src`; nothing is decided there.
//!
//! | file | what it is about |
//! |---|---|
//! | `js.rs` | the border itself: functions of the other side, and ours for it |
//! | `value.rs` | values of the other side as JSON |
//! | `engines.rs` | all engines of a page, by number |
//! | `options.rs` | what engines are made with |
//! | `client.rs`, `peer.rs`, `rtc.rs` | requests |
//! | `output.rs`, `event.rs`, `remote_event.rs`, `command.rs` | outputs |
//! | `failure.rs` | errors, by the classes that they have over there |
//! | `labels.rs` | labelled channels, transfers and shares, beside a peer |
//! | `file_code.rs` | codes by which files are taken |
//!
//! On other targets than WebAssembly this crate is empty.

#[cfg(target_arch = "wasm32")]
mod client;
#[cfg(all(target_arch = "wasm32", feature = "room"))]
mod command;
#[cfg(target_arch = "wasm32")]
mod engines;
#[cfg(target_arch = "wasm32")]
mod event;
#[cfg(target_arch = "wasm32")]
mod failure;
#[cfg(all(target_arch = "wasm32", feature = "labelled"))]
mod file_code;
#[cfg(target_arch = "wasm32")]
mod js;
#[cfg(all(target_arch = "wasm32", feature = "labelled"))]
mod labels;
#[cfg(target_arch = "wasm32")]
mod options;
#[cfg(target_arch = "wasm32")]
mod output;
#[cfg(all(target_arch = "wasm32", feature = "room"))]
mod peer;
#[cfg(all(target_arch = "wasm32", feature = "room"))]
mod remote_event;
#[cfg(all(target_arch = "wasm32", feature = "room"))]
mod rtc;
#[cfg(target_arch = "wasm32")]
mod value;
