//! How a client can break the WebSocket protocol.

/// A rule of RFC 6455, or a limit of the server, that a client broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// RSV1, RSV2 or RSV3 is set though no extension was agreed on (section 5.2).
    #[error("a reserved bit is set and no extension was agreed on")]
    ReservedBits,
    /// The opcode is one that the RFC keeps for later (section 5.2).
    #[error("opcode {opcode:#x} is reserved")]
    ReservedOpcode {
        /// The opcode, 0x3 to 0x7 or 0xb to 0xf.
        opcode: u8,
    },
    /// A client must mask every frame (section 5.1).
    #[error("a frame of a client must be masked")]
    Unmasked,
    /// A ping, pong or close claims more than 125 bytes (section 5.5).
    #[error("a control frame may carry 125 bytes")]
    ControlTooLong,
    /// A ping, pong or close without FIN (section 5.5).
    #[error("a control frame cannot be fragmented")]
    ControlFragmented,
    /// The length is written in more bytes than it needs (section 5.2).
    #[error("the payload length is not in its shortest form")]
    LengthNotMinimal,
    /// A length of 64 bits has its top bit set (section 5.2).
    #[error("the payload length has its top bit set")]
    LengthOutOfRange,
    /// A continuation, and no message to continue (section 5.4).
    #[error("a continuation without a message to continue")]
    NothingToContinue,
    /// A new message inside an unfinished one (section 5.4).
    #[error("a new message began inside a fragmented one")]
    MessageInterrupted,
    /// A close body of one byte (section 5.5.1).
    #[error("a close body of one byte holds no code")]
    TruncatedCloseCode,
    /// A close code that may not stand on the wire (section 7.4).
    #[error("close code {code} may not be sent")]
    InvalidCloseCode {
        /// The code as sent.
        code: u16,
    },
    /// A text message or a close reason is no UTF-8 (section 8.1).
    #[error("the text is not UTF-8")]
    InvalidUtf8,
    /// The message is larger than [`Limits::max_message`](super::Limits::max_message).
    #[error("a message of {bytes} bytes or more exceeds the limit of {limit}")]
    TooLarge {
        /// Payload bytes of the message as far as its headers have told.
        bytes: u64,
        /// The limit, in bytes.
        limit: usize,
    },
}

impl ProtocolError {
    /// The code of the close frame that this error earns (RFC 6455, section 7.4.1; wire protocol,
    /// section 8): 1007 for bad UTF-8, 1009 for a message over the limit, 1002 for all else.
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::InvalidUtf8 => 1007,
            Self::TooLarge { .. } => 1009,
            Self::ReservedBits
            | Self::ReservedOpcode { .. }
            | Self::Unmasked
            | Self::ControlTooLong
            | Self::ControlFragmented
            | Self::LengthNotMinimal
            | Self::LengthOutOfRange
            | Self::NothingToContinue
            | Self::MessageInterrupted
            | Self::TruncatedCloseCode
            | Self::InvalidCloseCode { .. } => 1002,
        }
    }
}
