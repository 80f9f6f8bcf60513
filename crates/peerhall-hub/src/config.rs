//! The figures a hub works with.

use std::time::Duration;

use peerhall_proto::limits;

/// Settings of one hub. `Default` is the specification's defaults (wire protocol, section 12).
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// `welcome.maxMessageSize`, in bytes. Default: 65,536.
    pub max_message_bytes: usize,
    /// Deepest nesting of `data`; 0 lifts the limit. Default: 64.
    pub max_data_depth: usize,
    /// Channels, names and patterns together, of one connection. Default: 100.
    pub channels_per_connection: usize,
    /// Client frames of one connection in a second; 0 lifts the limit. Default: 100.
    pub frames_per_second: f64,
    /// Client frames of one connection at once. Default: 200.
    pub frame_burst: f64,
    /// Pause between `ack` and snapshot for clients that need it (section 9.2). Default: 20 ms.
    pub pause: Duration,
    /// How long a dropped peer may take to come back unannounced (section 9.4). Default: 15 s.
    pub linger: Duration,
    /// How long a direct to a dropped peer is held (section 9.4). Default: 10 s.
    pub hold: Duration,
    /// Directs held for one dropped peer (section 9.4). Default: 64.
    pub hold_frames: usize,
    /// Bytes held for one dropped peer (section 9.4). Default: 256 KiB.
    pub hold_bytes: usize,
    /// Largest presence frame, in bytes (section 9.5). Default: 1,000,000.
    pub max_outbound_bytes: usize,
    /// Whether [`Effect::Remember`](crate::Effect::Remember) is wanted. Default: no.
    pub remember: bool,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            max_message_bytes: limits::MAX_MESSAGE_BYTES,
            max_data_depth: limits::MAX_DATA_DEPTH,
            channels_per_connection: limits::MAX_CHANNELS_PER_CONNECTION,
            frames_per_second: 100.0,
            frame_burst: 200.0,
            pause: Duration::from_millis(20),
            linger: Duration::from_secs(15),
            hold: Duration::from_secs(10),
            hold_frames: 64,
            hold_bytes: 256 * 1024,
            max_outbound_bytes: limits::MAX_OUTBOUND_BYTES,
            remember: false,
        }
    }
}
