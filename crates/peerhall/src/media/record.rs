//! Tracks as files that common players open.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ogg::{PacketWriteEndInfo, PacketWriter};
use peerhall_rtc::{Codec, RemoteTrack, Sample};

use super::file::{IVF, IVF_FRAME_HEAD, IVF_HEAD, MediaFileError, OPUS_RATE};

/// The usual ending of a file with this codec.
#[must_use]
pub fn extension(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "ogg",
        Codec::Pcmu | Codec::Pcma => "wav",
        Codec::Vp8 | Codec::Vp9 | Codec::Av1 => "ivf",
        Codec::H264 => "h264",
        _ => "bin",
    }
}

/// Writes samples of one track: Opus as Ogg, G.711 as WAV, VP8, VP9 and AV1 as IVF, H.264 as it is.
pub struct MediaWriter<W: Write + Seek> {
    form: Form<W>,
    codec: Codec,
    first: Option<Duration>,
}

enum Form<W: Write + Seek> {
    Ivf { out: W, fourcc: [u8; 4], frames: u32, size: (u16, u16) },
    Wav { out: W, tag: u16, bytes: u32 },
    Ogg { out: Box<PacketWriter<'static, W>>, last: u64 },
    Raw(W),
}

impl<W: Write + Seek> MediaWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// [`MediaFileError::Io`], and [`MediaFileError::NoForm`] for a codec that has no file form here.
    pub fn new(mut out: W, codec: Codec) -> Result<Self, MediaFileError> {
        let form = match codec {
            Codec::Vp8 | Codec::Vp9 | Codec::Av1 => {
                let fourcc = IVF.iter().find(|(_, known)| *known == codec).map(|(fourcc, _)| **fourcc);
                // The head is written at the end, when the number of frames is known.
                out.write_all(&[0; IVF_HEAD])?;
                Form::Ivf {
                    out,
                    fourcc: fourcc.ok_or(MediaFileError::NoForm(codec))?,
                    frames: 0,
                    size: (0, 0),
                }
            }
            Codec::Pcmu | Codec::Pcma => {
                out.write_all(&[0; 44])?;
                Form::Wav { out, tag: if codec == Codec::Pcmu { 7 } else { 6 }, bytes: 0 }
            }
            Codec::Opus => {
                let mut out = PacketWriter::new(out);
                out.write_packet(opus_head(), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
                out.write_packet(opus_tags(), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
                Form::Ogg { out: Box::new(out), last: 0 }
            }
            Codec::H264 => Form::Raw(out),
            _ => return Err(MediaFileError::NoForm(codec)),
        };
        Ok(Self { form, codec, first: None })
    }

    /// Writes a frame.
    ///
    /// # Errors
    ///
    /// [`MediaFileError::Io`], and [`MediaFileError::OtherCodec`] for a frame of another codec.
    pub fn write(&mut self, sample: &Sample) -> Result<(), MediaFileError> {
        if sample.codec != self.codec {
            return Err(MediaFileError::OtherCodec { file: self.codec, track: sample.codec });
        }
        let time = sample.time.saturating_sub(*self.first.get_or_insert(sample.time));
        match &mut self.form {
            Form::Ivf { out, frames, size, .. } => {
                let mut head = [0; IVF_FRAME_HEAD];
                let (length, moment) = head.split_at_mut(4);
                length
                    .copy_from_slice(&u32::try_from(sample.payload.len()).unwrap_or(u32::MAX).to_le_bytes());
                moment.copy_from_slice(&u64::try_from(time.as_millis()).unwrap_or(u64::MAX).to_le_bytes());
                out.write_all(&head)?;
                out.write_all(&sample.payload)?;
                *frames = frames.saturating_add(1);
                if let Some(found) = vp8_size(self.codec, &sample.payload) {
                    *size = found;
                }
            }
            Form::Wav { out, bytes, .. } => {
                out.write_all(&sample.payload)?;
                *bytes = bytes.saturating_add(u32::try_from(sample.payload.len()).unwrap_or(u32::MAX));
            }
            Form::Ogg { out, last } => {
                // Positions count what has been played at the end of a packet; 20 ms is what WebRTC sends.
                *last = u64::try_from(time.as_micros()).unwrap_or(u64::MAX) * OPUS_RATE / 1_000_000
                    + OPUS_RATE / 50;
                out.write_packet(sample.payload.to_vec(), SERIAL, PacketWriteEndInfo::NormalPacket, *last)?;
            }
            Form::Raw(out) => out.write_all(&sample.payload)?,
        }
        Ok(())
    }

    /// Ends the file: what could only be known at the end is written now.
    ///
    /// # Errors
    ///
    /// [`MediaFileError::Io`].
    pub fn finish(self) -> Result<W, MediaFileError> {
        let mut out = match self.form {
            Form::Ivf { mut out, fourcc, frames, size } => {
                out.seek(SeekFrom::Start(0))?;
                out.write_all(&ivf_head(fourcc, size, frames))?;
                out
            }
            Form::Wav { mut out, tag, bytes } => {
                out.seek(SeekFrom::Start(0))?;
                out.write_all(&wav_head(tag, bytes))?;
                out
            }
            Form::Ogg { mut out, last } => {
                out.write_packet(Vec::new(), SERIAL, PacketWriteEndInfo::EndStream, last)?;
                out.into_inner()
            }
            Form::Raw(out) => out,
        };
        out.seek(SeekFrom::End(0))?;
        out.flush()?;
        Ok(out)
    }
}

impl<W: Write + Seek> std::fmt::Debug for MediaWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MediaWriter({:?})", self.codec)
    }
}

/// Records a track until it ends; `stem` gets the ending of what comes first. Returns where, or `None`
/// when nothing came.
///
/// # Errors
///
/// [`MediaFileError`].
///
/// # Cancel safety
///
/// Dropping the future leaves a file whose head is missing.
pub async fn record(track: &RemoteTrack, stem: &Path) -> Result<Option<PathBuf>, MediaFileError> {
    let Some(first) = track.recv().await else { return Ok(None) };
    let path = stem.with_extension(extension(first.codec));
    let mut writer = MediaWriter::new(BufWriter::new(File::create(&path)?), first.codec)?;
    let mut next = Some(first);
    while let Some(sample) = next {
        // A sender may change its codec; what does not fit into the file is left out.
        match writer.write(&sample) {
            Ok(()) | Err(MediaFileError::OtherCodec { .. }) => {}
            Err(error) => return Err(error),
        }
        next = track.recv().await;
    }
    writer.finish()?;
    Ok(Some(path))
}

/// There is one stream in a file; its number says nothing.
const SERIAL: u32 = 1;

/// Two channels, no gain (RFC 7845, section 5.1).
fn opus_head() -> Vec<u8> {
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend(0_u16.to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// No comments (RFC 7845, section 5.2).
fn opus_tags() -> Vec<u8> {
    let vendor = b"peerhall";
    let mut tags = b"OpusTags".to_vec();
    tags.extend(u32::try_from(vendor.len()).unwrap_or(0).to_le_bytes());
    tags.extend(vendor);
    tags.extend(0_u32.to_le_bytes());
    tags
}

fn ivf_head(fourcc: [u8; 4], (width, height): (u16, u16), frames: u32) -> Vec<u8> {
    let mut head = b"DKIF\0\0\x20\0".to_vec();
    head.extend(fourcc);
    head.extend(width.to_le_bytes());
    head.extend(height.to_le_bytes());
    // Times count milliseconds.
    head.extend(1_000_u32.to_le_bytes());
    head.extend(1_u32.to_le_bytes());
    head.extend(frames.to_le_bytes());
    head.extend(0_u32.to_le_bytes());
    head
}

fn wav_head(tag: u16, bytes: u32) -> Vec<u8> {
    let mut head = b"RIFF".to_vec();
    head.extend(bytes.saturating_add(36).to_le_bytes());
    head.extend(b"WAVEfmt \x10\0\0\0");
    head.extend(tag.to_le_bytes());
    head.extend(1_u16.to_le_bytes());
    head.extend(8_000_u32.to_le_bytes());
    head.extend(8_000_u32.to_le_bytes());
    head.extend(1_u16.to_le_bytes());
    head.extend(8_u16.to_le_bytes());
    head.extend(b"data");
    head.extend(bytes.to_le_bytes());
    head
}

/// Width and height in the head of a key frame of VP8 (RFC 6386, section 9.1).
fn vp8_size(codec: Codec, frame: &[u8]) -> Option<(u16, u16)> {
    let [first, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = frame else { return None };
    let is_key = codec == Codec::Vp8 && first & 1 == 0;
    is_key.then(|| (u16::from_le_bytes([*w0, *w1]) & 0x3fff, u16::from_le_bytes([*h0, *h1]) & 0x3fff))
}
