//! Every cap of the wire, with its unit and its source. Where a cap is a server setting, this is its
//! default (wire protocol, section 12).

/// `welcome.maxMessageSize`: bytes of JSON of one `data` value (section 2.1).
pub const MAX_MESSAGE_BYTES: usize = 65_536;

/// Bytes that an envelope may add around a `data` of the largest size (section 2.1, D3). The vendor's
/// SDK lets a payload through whose frame has 65,632 bytes.
pub const ENVELOPE_BYTES: usize = 4_096;

/// Largest frame the server sends, in bytes (section 2.1, D17): the SDKs close above 1 MiB.
pub const MAX_OUTBOUND_BYTES: usize = 1_000_000;

/// Deepest nesting of arrays and objects in `data`. A deeper value costs receivers their connection:
/// the vendor's Python SDK dies of it (reliability findings, section 0).
pub const MAX_DATA_DEPTH: usize = 64;

/// Bytes of UTF-8 of a channel name or pattern (section 3).
pub const MAX_CHANNEL_BYTES: usize = 256;

/// Bytes of a peer id (section 3).
pub const MAX_PEER_ID_BYTES: usize = 128;

/// Bytes of a request id (section 3).
pub const MAX_REQUEST_ID_BYTES: usize = 128;

/// Channels, names and patterns together, of one connection (section 12).
pub const MAX_CHANNELS_PER_CONNECTION: usize = 100;

/// Entries of a token's `channels` claim and of a key's patterns (section 12).
pub const MAX_PATTERNS: usize = 100;

/// Entries of a token's `permissions` claim (section 12).
pub const MAX_PERMISSIONS: usize = 16;

/// Bytes of compact JSON of a token's `peerMetadata` claim (section 12).
pub const MAX_PEER_METADATA_BYTES: usize = 4_096;

/// Bytes of compact JSON of a token's `metadata` claim (section 12).
pub const MAX_METADATA_BYTES: usize = 8_192;

/// Bytes of a token in compact form (section 12).
pub const MAX_TOKEN_BYTES: usize = 24 * 1024;

/// Bytes of an HTTP request target (section 1.1).
pub const MAX_REQUEST_TARGET_BYTES: usize = 32 * 1024;

/// Bytes of a REST body (REST API, section 1.2).
pub const MAX_REST_BODY_BYTES: usize = 32 * 1024;

/// Keys of one app (section 12).
pub const MAX_KEYS_PER_APP: usize = 50;

/// Peers in one answer of the REST peer list (REST API, section 3).
pub const MAX_LISTED_PEERS: usize = 10_000;

/// Longest life of a token minted over REST, in seconds (REST API, section 2).
pub const MAX_TOKEN_LIFETIME_SECS: u64 = 86_400;

/// Life of a token minted over REST when none is asked for, in seconds (REST API, section 2).
pub const DEFAULT_TOKEN_LIFETIME_SECS: u64 = 3_600;

/// Bytes of a WebSocket close reason (RFC 6455, section 5.5: 125 less the two of the code).
pub const MAX_CLOSE_REASON_BYTES: usize = 123;
