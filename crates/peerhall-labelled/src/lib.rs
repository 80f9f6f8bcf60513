//! Labelled channels and transfers between two peers: one channel for each label, whichever side opens
//! it, and messages of any size with credit, progress, abort, resume and proof. Without channels, clocks
//! or tasks of its own: a driver for native programs and one for browsers carry out what is decided here.
//!
//! The contract, in ten lines:
//!
//! 1. A [`Session`] is what two peers share; it outlives the connections between them.
//! 2. Whatever happens is a method call with the time since the driver's start.
//! 3. Calls never wait. What is wrong at once is their `Err`; what has its answer later is an
//!    [`OutgoingId`], answered once by [`Event::Sent`] or [`Event::SendFailed`].
//! 4. After each call take [`Output`]s until there are none, and carry them out in order.
//! 5. Data channels are known by numbers; what one that was given up still reports is ignored.
//! 6. Call [`Session::handle_timeout`] no later than [`Session::deadline`] says.
//! 7. Tell the bytes that a channel holds back with each report about it: a lane stops at
//!    [`BUFFER_CEILING`], on a fast line at up to [`Config::buffer`], and goes on at [`BUFFER_LOW`].
//! 8. Bytes are asked for ([`Output::Want`]) and never kept once the receiver has read them.
//! 9. What arrives is bounded by the credit that the application gives by reading.
//! 10. A remote that breaks a rule is cut off ([`Event::CutOff`]); nothing it says can panic.

mod detour;
mod error;
mod event;
mod file_code;
mod file_name;
pub mod frame;
mod incoming;
mod lane;
mod options;
mod outgoing;
mod progress;
mod session;
mod standing;

pub use error::{CutOff, DirectError, SendError, TransferError};
pub use event::{ChannelChange, ChannelId, Event, IncomingId, Offer, OutgoingId, Output, Receipt, Way};
pub use file_code::{FileCode, Speaker, certificate_of};
pub use file_name::{MAX_FILE_NAME_BYTES, safe_file_name};
pub use frame::{ContentId, Kind, Proof};
pub use options::{
    BUFFER_CEILING, BUFFER_LOW, CHUNK, CONTROL_LABEL, ChannelOptions, Config, MAX_LABEL_UNITS, MAX_LABELS,
    MAX_OPEN_TRANSFERS, PROTOCOL, STALL_LIMIT, WINDOW, labelled_protocol,
};
pub use progress::Progress;
pub use session::{Have, Message, RemoteChannel, Role, Sending, Session};
pub use standing::StandingLabels;
