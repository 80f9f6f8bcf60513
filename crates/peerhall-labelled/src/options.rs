//! Limits and choices, with their sources: labelled-peer, section 7.

use std::time::Duration;

/// Label of the channel on which two sessions talk about channels (section 7.2).
pub const CONTROL_LABEL: &str = "__peerhall";

/// Protocol of the control channel and of framed channels; the start of that of raw ones.
pub const PROTOCOL: &str = "peerhall.1";

/// Version that is spoken.
pub(crate) const VERSION: u8 = 1;

/// Bytes of the parts in which a message goes over a channel, unless the driver wants larger ones (section 7.4).
pub const CHUNK: usize = 16 * 1024;

/// A second brings so many parts of a message at least where they are larger than [`CHUNK`], and so many buffers where
/// they hold more than [`BUFFER_CEILING`]: what is said on other channels may have to wait until the part before it is
/// over, and on this one until the buffer is.
pub(crate) const PARTS_PER_SECOND: u64 = 32;

/// Bytes of a channel that may be on their way or unread (section 7.4).
pub const WINDOW: usize = 1024 * 1024;

/// Bytes that may wait in a channel's own buffer, unless the driver wants more (section 7.4).
pub const BUFFER_CEILING: usize = 256 * 1024;

/// Bytes in a channel's buffer at which sending goes on. Section 7.4 has 64 KiB, which a fast line has sent before a busy
/// page has noticed.
pub const BUFFER_LOW: usize = low_mark(BUFFER_CEILING);

/// Bytes at which sending goes on where so many may wait.
pub(crate) const fn low_mark(ceiling: usize) -> usize {
    ceiling / 2
}

/// Bytes of a channel that may wait on the way through the server, where those of all channels stand in one line.
pub(crate) const DETOUR_CEILING: usize = 64 * 1024;

/// Bytes of answers that may wait; a remote that lets more come up is not listening.
pub(crate) const DEAF_LIMIT: usize = 2 * 1024 * 1024;

/// Transfers of a channel that have begun and are not acknowledged (section 7.4).
pub const MAX_OPEN_TRANSFERS: usize = 64;

/// Bytes of receipts that are told at once: what one packet holds.
pub(crate) const MAX_RECEIPTS: usize = 1_024;

/// How long a receipt waits for others at most.
pub(crate) const RECEIPT_DELAY: Duration = Duration::from_millis(10);

/// How often the progress of a message is told at most, but for its last; screens show no more.
pub(crate) const PROGRESS_STEP: Duration = Duration::from_millis(16);

/// Labels of one remote (section 7.4).
pub const MAX_LABELS: usize = 64;

/// Longest label, in UTF-16 code units (section 7.4).
pub const MAX_LABEL_UNITS: usize = 256;

/// Time without movement after which a transfer is given up (section 7.4).
pub const STALL_LIMIT: Duration = Duration::from_secs(30);

/// How long a channel that closed without a word may belong to a connection that is about to be replaced.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// How long who does not create channels leaves it to the other side to have the connection negotiate: two
/// offers at the same moment cost a roll-back, after which Chromium may never gather candidates again.
pub(crate) const PROBE_DELAY: Duration = Duration::from_millis(500);

/// Choices of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Time without any movement in the waited-for direction after which a transfer fails; `None` never.
    /// Default: [`STALL_LIMIT`].
    pub stall_limit: Option<Duration>,
    /// Largest message whose size is told that is taken, in bytes. Default: no limit.
    pub max_message: u64,
    /// Whether messages go through the server while no connection can be made, where it sees them and counts
    /// them. Default: yes.
    pub fallback: bool,
    /// Bytes of the largest parts in which a message goes over a channel of a connection, at least [`CHUNK`], which is
    /// the default, and at most [`MAX_MESSAGE_BYTES`](crate::frame::MAX_MESSAGE_BYTES). Large ones pay where a send costs
    /// more than its bytes, as in browsers; only messages that go so fast that a part takes at most a 32nd of a second
    /// have them.
    pub chunk: usize,
    /// Bytes that may wait in the own buffer of a channel of a connection where that sends so many in a 32nd of a second, at
    /// least [`BUFFER_CEILING`], which is the default. More pay where the driver learns late that there is room again, as
    /// busy pages do. However large, sending goes on at [`BUFFER_LOW`].
    pub buffer: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stall_limit: Some(STALL_LIMIT),
            max_message: u64::MAX,
            fallback: true,
            chunk: CHUNK,
            buffer: BUFFER_CEILING,
        }
    }
}

/// How a labelled channel behaves, as in the browser's `RTCDataChannelInit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelOptions {
    /// Whether messages arrive in the order of their sending. Default: yes.
    pub ordered: bool,
    /// How often a lost message is sent again; `None`, the default, without limit.
    pub max_retransmits: Option<u16>,
    /// For how many milliseconds a lost message is sent again; `None`, the default, without limit.
    pub max_packet_life_time: Option<u16>,
    /// Protocol of the application. Default: none.
    pub protocol: String,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self { ordered: true, max_retransmits: None, max_packet_life_time: None, protocol: String::new() }
    }
}

impl ChannelOptions {
    /// Whether messages are framed; otherwise the application's raw messages go over it.
    #[must_use]
    pub const fn is_framed(&self) -> bool {
        self.ordered
            && self.max_retransmits.is_none()
            && self.max_packet_life_time.is_none()
            && self.protocol.is_empty()
    }

    /// The protocol that the data channel is opened with, from which the other side knows that it is a
    /// labelled one.
    #[must_use]
    pub fn wire_protocol(&self) -> String {
        if self.is_framed() { PROTOCOL.to_owned() } else { format!("{PROTOCOL}+{}", self.protocol) }
    }
}

/// The application's part of a labelled channel's protocol; `None` for a channel that is not labelled.
#[must_use]
pub fn labelled_protocol(protocol: &str) -> Option<&str> {
    let rest = protocol.strip_prefix(PROTOCOL)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('+') }
}

/// Whether a label may be given by an application.
pub(crate) fn is_label(label: &str) -> bool {
    !label.is_empty() && !label.starts_with("__") && label.encode_utf16().count() <= MAX_LABEL_UNITS
}
