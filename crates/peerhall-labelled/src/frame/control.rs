//! What two sessions say to each other about channels, on the control channel (labelled-peer, sections 7.2
//! and 7.3). Written and read as strictly as the frames of transfers.

use std::sync::Arc;

use bytes::Bytes;

use super::read::{Reader, cut, flags};
use super::{FrameError, MAX_MESSAGE_BYTES};
use crate::options::{ChannelOptions, MAX_LABEL_UNITS};

/// Longest protocol of a channel, in bytes.
const MAX_PROTOCOL_BYTES: usize = 256;

const HELLO: u8 = 0x11;
const ASK: u8 = 0x12;
const ANSWER: u8 = 0x13;
const CLOSED: u8 = 0x14;

const ORDERED: u8 = 1;
const RETRANSMITS: u8 = 1 << 1;
const LIFE_TIME: u8 = 1 << 2;

/// One message of the control channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// The first one of each side on each control channel.
    Hello {
        /// Version that is spoken.
        version: u8,
        /// Names the session: another tag than before is another session, which knows nothing.
        tag: u64,
    },
    /// To the side that creates: please create this channel.
    Ask {
        /// Told back in the answer.
        nonce: u32,
        /// Its label.
        label: Arc<str>,
        /// Its behaviour.
        options: ChannelOptions,
    },
    /// Answer to `Ask`.
    Answer {
        /// That of the question.
        nonce: u32,
        /// What became of it.
        status: AskStatus,
        /// How the channel really behaves.
        options: ChannelOptions,
    },
    /// This side closed a channel for good.
    Closed {
        /// Its number on the wire, since there may be a new one of the same label already.
        stream: u16,
        /// Its label.
        label: Arc<str>,
    },
}

/// What became of the wish for a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskStatus {
    /// It was created.
    Created,
    /// There is one of this label, perhaps with other options.
    Exists,
    /// There will be none.
    Refused,
}

impl Control {
    /// Reads one message.
    ///
    /// # Errors
    ///
    /// [`FrameError`] for what is not exactly one message.
    pub fn decode(message: Bytes) -> Result<Self, FrameError> {
        let mut reader = Reader::new(message)?;
        let control = match reader.u8()? {
            HELLO => Self::Hello { version: reader.u8()?, tag: reader.u64()? },
            ASK => {
                let nonce = reader.u32()?;
                let options = read_options(&mut reader)?;
                Self::Ask { nonce, options, label: read_label(&mut reader)? }
            }
            ANSWER => {
                let nonce = reader.u32()?;
                let status = AskStatus::of(reader.u8()?)?;
                Self::Answer { nonce, status, options: read_options(&mut reader)? }
            }
            CLOSED => Self::Closed { stream: reader.u16()?, label: read_label(&mut reader)? },
            other => return Err(FrameError::UnknownKind(other)),
        };
        reader.end()?;
        Ok(control)
    }

    /// Writes one message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(64);
        match self {
            Self::Hello { version, tag } => {
                out.extend_from_slice(&[HELLO, *version]);
                out.extend_from_slice(&tag.to_be_bytes());
            }
            Self::Ask { nonce, label, options } => {
                out.push(ASK);
                out.extend_from_slice(&nonce.to_be_bytes());
                write_options(&mut out, options);
                out.extend_from_slice(label.as_bytes());
            }
            Self::Answer { nonce, status, options } => {
                out.push(ANSWER);
                out.extend_from_slice(&nonce.to_be_bytes());
                out.push(status.code());
                write_options(&mut out, options);
            }
            Self::Closed { stream, label } => {
                out.push(CLOSED);
                out.extend_from_slice(&stream.to_be_bytes());
                out.extend_from_slice(label.as_bytes());
            }
        }
        out.into()
    }
}

impl AskStatus {
    const fn code(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::Exists => 1,
            Self::Refused => 2,
        }
    }

    const fn of(code: u8) -> Result<Self, FrameError> {
        match code {
            0 => Ok(Self::Created),
            1 => Ok(Self::Exists),
            2 => Ok(Self::Refused),
            other => Err(FrameError::UnknownValue(other)),
        }
    }
}

fn read_options(reader: &mut Reader) -> Result<ChannelOptions, FrameError> {
    let flags = reader.u8()?;
    if flags & !(ORDERED | RETRANSMITS | LIFE_TIME) != 0 {
        return Err(FrameError::UnknownValue(flags));
    }
    let retransmits = reader.u16()?;
    let life_time = reader.u16()?;
    let length = usize::from(reader.u16()?);
    Ok(ChannelOptions {
        ordered: flags & ORDERED != 0,
        max_retransmits: (flags & RETRANSMITS != 0).then_some(retransmits),
        max_packet_life_time: (flags & LIFE_TIME != 0).then_some(life_time),
        protocol: reader.text(length, MAX_PROTOCOL_BYTES)?,
    })
}

fn write_options(out: &mut Vec<u8>, options: &ChannelOptions) {
    out.push(flags([
        (options.ordered, ORDERED),
        (options.max_retransmits.is_some(), RETRANSMITS),
        (options.max_packet_life_time.is_some(), LIFE_TIME),
    ]));
    out.extend_from_slice(&options.max_retransmits.unwrap_or(0).to_be_bytes());
    out.extend_from_slice(&options.max_packet_life_time.unwrap_or(0).to_be_bytes());
    let protocol = cut(&options.protocol, MAX_PROTOCOL_BYTES);
    out.extend_from_slice(&u16::try_from(protocol.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(protocol.as_bytes());
}

fn read_label(reader: &mut Reader) -> Result<Arc<str>, FrameError> {
    let label = reader.rest_as_text(MAX_MESSAGE_BYTES)?;
    match label.encode_utf16().count() {
        0 => Err(FrameError::Short),
        units if units > MAX_LABEL_UNITS => Err(FrameError::Long),
        _ => Ok(label.into()),
    }
}
