//! Files as tracks.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::time::Duration;

use ogg::PacketReader;
use peerhall_rtc::{Codec, LocalTrack, Sample, WriteError};
use tokio::time::Instant;

use super::file::{IVF, IVF_FRAME_HEAD, IVF_HEAD, MediaFileError, OPUS_RATE};

/// Largest frame that is taken from a file, in bytes.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// An IVF file with VP8, VP9 or AV1, or an Ogg file with Opus.
pub struct MediaFile {
    codec: Codec,
    form: Form,
}

enum Form {
    Ivf { input: BufReader<File>, tick: f64 },
    Ogg { input: Box<PacketReader<BufReader<File>>>, before: u64 },
}

impl MediaFile {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`MediaFileError::Io`] and [`MediaFileError::Format`].
    pub fn open(path: &Path) -> Result<Self, MediaFileError> {
        let mut input = BufReader::new(File::open(path)?);
        let mut head = [0; IVF_HEAD];
        let magic = {
            let mut magic = [0; 4];
            input.read_exact(&mut magic)?;
            input.rewind()?;
            magic
        };
        if &magic == b"OggS" {
            return Self::open_ogg(input);
        }
        input.read_exact(&mut head).map_err(|_| MediaFileError::Format)?;
        let [
            b'D',
            b'K',
            b'I',
            b'F',
            _,
            _,
            _,
            _,
            c0,
            c1,
            c2,
            c3,
            _,
            _,
            _,
            _,
            d0,
            d1,
            d2,
            d3,
            n0,
            n1,
            n2,
            n3,
            ..,
        ] = head
        else {
            return Err(MediaFileError::Format);
        };
        let codec = IVF.iter().find(|(fourcc, _)| **fourcc == [c0, c1, c2, c3]).map(|(_, codec)| *codec);
        let (rate, scale) = (u32::from_le_bytes([d0, d1, d2, d3]), u32::from_le_bytes([n0, n1, n2, n3]));
        if rate == 0 {
            return Err(MediaFileError::Format);
        }
        let tick = f64::from(scale) / f64::from(rate);
        Ok(Self { codec: codec.ok_or(MediaFileError::Format)?, form: Form::Ivf { input, tick } })
    }

    fn open_ogg(input: BufReader<File>) -> Result<Self, MediaFileError> {
        let mut input = PacketReader::new(input);
        let head = input.read_packet().map_err(damaged)?.ok_or(MediaFileError::Format)?;
        if !head.data.starts_with(b"OpusHead") {
            return Err(MediaFileError::Format);
        }
        let _tags = input.read_packet().map_err(damaged)?;
        Ok(Self { codec: Codec::Opus, form: Form::Ogg { input: Box::new(input), before: 0 } })
    }

    /// What the file holds.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The next frame; `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// [`MediaFileError::Format`] when the file is damaged.
    pub fn read(&mut self) -> Result<Option<Sample>, MediaFileError> {
        match &mut self.form {
            Form::Ivf { input, tick } => {
                let mut head = [0; IVF_FRAME_HEAD];
                if input.read(&mut head[..1])? == 0 {
                    return Ok(None);
                }
                input.read_exact(&mut head[1..]).map_err(|_| MediaFileError::Format)?;
                let [l0, l1, l2, l3, moment @ ..] = head;
                let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
                if length > MAX_FRAME {
                    return Err(MediaFileError::Format);
                }
                let mut frame = vec![0; length];
                input.read_exact(&mut frame).map_err(|_| MediaFileError::Format)?;
                let seconds = u64::from_le_bytes(moment) as f64 * *tick;
                let time = Duration::try_from_secs_f64(seconds).map_err(|_| MediaFileError::Format)?;
                Ok(Some(Sample::new(self.codec, time, frame)))
            }
            Form::Ogg { input, before } => loop {
                let Some(packet) = input.read_packet().map_err(damaged)? else { return Ok(None) };
                if packet.data.is_empty() {
                    continue;
                }
                let time = Duration::from_micros(before.saturating_mul(1_000_000) / OPUS_RATE);
                *before = before.saturating_add(opus_ticks(&packet.data));
                return Ok(Some(Sample::new(Codec::Opus, time, packet.data)));
            },
        }
    }

    /// Plays the file on a track, at its own speed.
    ///
    /// # Errors
    ///
    /// [`MediaFileError::OtherCodec`] when the track carries something else, [`MediaFileError::Stopped`] when
    /// it is stopped, and those of [`read`](Self::read).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops playing.
    pub async fn play(mut self, track: &LocalTrack) -> Result<(), MediaFileError> {
        let started = Instant::now();
        while let Some(sample) = self.read()? {
            tokio::time::sleep_until(started + sample.time).await;
            track.write(&sample).map_err(|error| match error {
                WriteError::OtherCodec { expected, found } => {
                    MediaFileError::OtherCodec { file: found, track: expected }
                }
                WriteError::Stopped => MediaFileError::Stopped,
            })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for MediaFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MediaFile({:?})", self.codec)
    }
}

fn damaged(error: ogg::OggReadError) -> MediaFileError {
    match error {
        ogg::OggReadError::ReadError(error) => MediaFileError::Io(error),
        ogg::OggReadError::NoCapturePatternFound
        | ogg::OggReadError::InvalidStreamStructVer(_)
        | ogg::OggReadError::HashMismatch(..)
        | ogg::OggReadError::InvalidData => MediaFileError::Format,
    }
}

/// Length of an Opus packet in ticks of 48 kHz (RFC 6716, section 3.1).
fn opus_ticks(packet: &[u8]) -> u64 {
    let Some(toc) = packet.first() else { return 0 };
    let config = toc >> 3;
    let frame = match config {
        0..=11 => [480, 960, 1_920, 2_880].into_iter().nth(usize::from(config % 4)).unwrap_or(960),
        12..=15 => 480 << (config % 2),
        16.. => 120 << (config % 4),
    };
    let frames = match toc & 0x03 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1).map_or(0, |count| count & 0x3f)),
    };
    frame * frames
}

#[cfg(test)]
mod tests {
    use std::io::BufWriter;

    use super::super::record::{MediaWriter, extension};
    use super::*;

    fn round_trip(codec: Codec, frames: &[&[u8]]) -> Vec<(Duration, Vec<u8>)> {
        let folder = std::env::temp_dir().join(format!("peerhall-media-{}-{codec:?}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("track").with_extension(extension(codec));
        let mut writer = MediaWriter::new(BufWriter::new(File::create(&path).unwrap()), codec).unwrap();
        for (n, frame) in (5_u32..).zip(frames) {
            writer.write(&Sample::new(codec, Duration::from_millis(20) * n, frame.to_vec())).unwrap();
        }
        drop(writer.finish().unwrap());
        let mut file = MediaFile::open(&path).unwrap();
        assert_eq!(file.codec(), codec);
        let mut read = Vec::new();
        while let Some(sample) = file.read().unwrap() {
            read.push((sample.time, sample.payload.to_vec()));
        }
        std::fs::remove_dir_all(&folder).unwrap();
        read
    }

    #[test]
    fn what_is_recorded_can_be_played() {
        let twenty_millis = Duration::from_millis(20);
        // A packet of Opus with one frame of 20 ms, and one of two frames.
        let packets: [&[u8]; 3] = [&[0x78, 1], &[0x79, 2, 2], &[0x78, 3]];
        let read = round_trip(Codec::Opus, &packets);
        assert_eq!(read[0], (Duration::ZERO, vec![0x78, 1]));
        assert_eq!(read[2], (twenty_millis * 3, vec![0x78, 3]));
        for codec in [Codec::Vp8, Codec::Vp9, Codec::Av1] {
            let read = round_trip(codec, &[b"one", b"two"]);
            assert_eq!(read, [(Duration::ZERO, b"one".to_vec()), (twenty_millis, b"two".to_vec())]);
        }
    }

    #[test]
    fn what_is_no_media_file_is_refused() {
        let path = std::env::temp_dir().join(format!("peerhall-no-media-{}", std::process::id()));
        for bytes in [
            &b"DKIF"[..],
            b"OggSnonsense",
            &[0; 64],
            b"DKIF\0\0\x20\0XXXX\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert!(MediaFile::open(&path).is_err(), "{bytes:?}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
