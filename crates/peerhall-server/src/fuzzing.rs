//! Doors for fuzz targets to parsers that are private otherwise. Nothing here touches a socket or a
//! disk.

use std::io;

pub use crate::http::fuzzing::{RestCall, rest_call};

/// Reads a member log of any bytes, as the start after a crash does. Returns its members, each as a
/// sorted line of text, and a log that says the same in the fewest lines.
///
/// # Errors
///
/// None that bytes in memory can give; the reader is that of files.
pub fn read_member_log(log: &[u8]) -> io::Result<(Vec<String>, Vec<u8>)> {
    crate::member_log::replay_and_compact(log)
}
