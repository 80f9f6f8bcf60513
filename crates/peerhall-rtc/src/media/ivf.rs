//! IVF files: frames of VP8, VP9 or AV1, each with its time. Most video tools write and play them.
//!
//! A file is a head of 32 bytes (`DKIF`, version 0, its length, the codec in four letters, width,
//! height, ticks in a second as a fraction, number of frames) and for each frame 12 bytes (length,
//! time in ticks) and its data, all little-endian.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use thiserror::Error;

use crate::track::{Codec, Sample};

const HEAD: usize = 32;

/// Longest frame that is read, in bytes; a key frame of 4K video has some 2 MiB.
const MAX_FRAME: u32 = 32 * 1024 * 1024;

/// Ticks in a second of what we write: the clock of video in RTP.
const TICKS: u32 = 90_000;

/// A file cannot be read or written as IVF.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IvfError {
    /// The file itself cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not begin like an IVF file.
    #[error("this is no IVF file")]
    NotIvf,
    /// Its codec is none of VP8, VP9 and AV1.
    #[error("the codec of the file is not VP8, VP9 or AV1")]
    Codec,
    /// A frame is longer than 32 MiB, or the file ends inside one.
    #[error("a frame is damaged")]
    Frame,
}

/// Reads the frames of a file.
#[derive(Debug)]
pub struct IvfReader<R> {
    file: R,
    codec: Codec,
    width: u16,
    height: u16,
    /// Ticks in a second: so many in so many seconds.
    rate: (u32, u32),
}

impl<R: Read> IvfReader<R> {
    /// Reads the head of a file.
    ///
    /// # Errors
    ///
    /// [`IvfError::NotIvf`], [`IvfError::Codec`] and [`IvfError::Io`].
    pub fn new(mut file: R) -> Result<Self, IvfError> {
        let mut head = [0; HEAD];
        file.read_exact(&mut head)?;
        let [d, k, i, f, _, _, l0, l1, c0, c1, c2, c3, w0, w1, h0, h1, rest @ ..] = head;
        let [n0, n1, n2, n3, d0, d1, d2, d3, ..] = rest;
        let rate = (u32::from_le_bytes([n0, n1, n2, n3]), u32::from_le_bytes([d0, d1, d2, d3]));
        if [d, k, i, f] != *b"DKIF" || rate.0 == 0 || rate.1 == 0 {
            return Err(IvfError::NotIvf);
        }
        let more = usize::from(u16::from_le_bytes([l0, l1])).saturating_sub(HEAD);
        io::copy(&mut file.by_ref().take(more as u64), &mut io::sink())?;
        let codec = match &[c0, c1, c2, c3] {
            b"VP80" => Codec::Vp8,
            b"VP90" => Codec::Vp9,
            b"AV01" => Codec::Av1,
            _ => return Err(IvfError::Codec),
        };
        let (width, height) = (u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]));
        Ok(Self { file, codec, width, height, rate })
    }

    /// What the frames are encoded with.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Width and height of the picture, in pixels.
    pub fn size(&self) -> (u16, u16) {
        (self.width, self.height)
    }

    /// The next frame, or `None` at the end of the file. Key frames are told by their first bytes
    /// in VP8; in the other codecs they are not.
    ///
    /// # Errors
    ///
    /// [`IvfError::Frame`] and [`IvfError::Io`].
    pub fn next_frame(&mut self) -> Result<Option<Sample>, IvfError> {
        let mut head = Vec::with_capacity(12);
        self.file.by_ref().take(12).read_to_end(&mut head)?;
        if head.is_empty() {
            return Ok(None);
        }
        let head: [u8; 12] = head.try_into().map_err(|_| IvfError::Frame)?;
        let [l0, l1, l2, l3, time @ ..] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length > MAX_FRAME {
            return Err(IvfError::Frame);
        }
        let mut payload = Vec::new();
        self.file.by_ref().take(u64::from(length)).read_to_end(&mut payload)?;
        if payload.len() as u64 != u64::from(length) {
            return Err(IvfError::Frame);
        }
        let ticks = u128::from(u64::from_le_bytes(time)) * u128::from(self.rate.1);
        let nanos = ticks * 1_000_000_000 / u128::from(self.rate.0);
        let time = Duration::from_nanos(u64::try_from(nanos).map_err(|_| IvfError::Frame)?);
        // RFC 6386 section 9.1: the lowest bit is 0 in a key frame.
        let keyframe = self.codec == Codec::Vp8 && payload.first().is_some_and(|b| b & 1 == 0);
        Ok(Some(Sample { keyframe, ..Sample::new(self.codec, time, payload) }))
    }
}

/// Writes frames to a file.
#[derive(Debug)]
pub struct IvfWriter<W> {
    file: W,
    codec: Codec,
    frames: u32,
    /// Time of the first frame, which becomes zero.
    start: Option<Duration>,
}

impl<W: Write + Seek> IvfWriter<W> {
    /// Begins a file of pictures of this size, in pixels.
    ///
    /// # Errors
    ///
    /// [`IvfError::Codec`] for other codecs than VP8, VP9 and AV1, and [`IvfError::Io`].
    pub fn new(mut file: W, codec: Codec, size: (u16, u16)) -> Result<Self, IvfError> {
        let letters = match codec {
            Codec::Vp8 => b"VP80",
            Codec::Vp9 => b"VP90",
            Codec::Av1 => b"AV01",
            Codec::H264 | Codec::Opus | Codec::Pcmu | Codec::Pcma => return Err(IvfError::Codec),
        };
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(b"DKIF\0\0\x20\0");
        head.extend_from_slice(letters);
        head.extend_from_slice(&size.0.to_le_bytes());
        head.extend_from_slice(&size.1.to_le_bytes());
        head.extend_from_slice(&TICKS.to_le_bytes());
        head.extend_from_slice(&1_u32.to_le_bytes());
        head.extend_from_slice(&[0; 8]);
        file.write_all(&head)?;
        Ok(Self { file, codec, frames: 0, start: None })
    }

    /// Adds a frame. The first one begins the file's time.
    ///
    /// # Errors
    ///
    /// [`IvfError::Codec`] for a frame of another codec, [`IvfError::Frame`] for one longer than 32 MiB,
    /// and [`IvfError::Io`].
    pub fn write(&mut self, frame: &Sample) -> Result<(), IvfError> {
        if frame.codec != self.codec {
            return Err(IvfError::Codec);
        }
        let length = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
        if length > MAX_FRAME {
            return Err(IvfError::Frame);
        }
        let start = *self.start.get_or_insert(frame.time);
        let ticks = frame.time.saturating_sub(start).as_nanos() * u128::from(TICKS) / 1_000_000_000;
        let ticks = u64::try_from(ticks).map_err(|_| IvfError::Frame)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&ticks.to_le_bytes())?;
        self.file.write_all(&frame.payload)?;
        self.frames = self.frames.saturating_add(1);
        Ok(())
    }

    /// Puts the number of frames into the head, and gives the file back. Players do without it.
    ///
    /// # Errors
    ///
    /// [`IvfError::Io`].
    pub fn finish(mut self) -> Result<W, IvfError> {
        self.file.seek(SeekFrom::Start(24))?;
        self.file.write_all(&self.frames.to_le_bytes())?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.flush()?;
        Ok(self.file)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn frame(millis: u64, payload: &[u8]) -> Sample {
        let time = Duration::from_millis(millis);
        Sample::new(Codec::Vp8, time, payload.to_vec())
    }

    fn written(frames: &[Sample]) -> Vec<u8> {
        let mut writer = IvfWriter::new(Cursor::new(Vec::new()), Codec::Vp8, (320, 240)).expect("a head");
        frames.iter().for_each(|frame| writer.write(frame).expect("written"));
        writer.finish().expect("finished").into_inner()
    }

    #[test]
    fn what_is_written_is_read_from_its_first_frame_on() {
        let file = written(&[frame(5_000, &[0x10, 2]), frame(5_040, &[0x11]), frame(5_080, &[])]);
        assert_eq!(file.get(24..28), Some(&[3, 0, 0, 0][..]), "the number of frames");
        let mut reader = IvfReader::new(&file[..]).expect("a head");
        assert_eq!((reader.codec(), reader.size()), (Codec::Vp8, (320, 240)));
        let mut read = Vec::new();
        while let Some(frame) = reader.next_frame().expect("a frame") {
            read.push((frame.time.as_millis(), frame.keyframe, frame.payload.len()));
        }
        assert_eq!(read, [(0, true, 2), (40, false, 1), (80, false, 0)]);
    }

    #[test]
    fn damaged_files_are_told() {
        let file = written(&[frame(0, &[0x10; 100])]);
        let read = |bytes: &[u8]| IvfReader::new(bytes).and_then(|mut file| file.next_frame());
        for cut in 33..file.len() {
            assert!(matches!(read(&file[..cut]), Err(IvfError::Frame)), "cut at {cut}");
        }
        assert!(matches!(read(&file[..20]), Err(IvfError::Io(_))), "cut in the head");
        let mut changed = file.clone();
        changed[0] = b'X';
        assert!(matches!(read(&changed), Err(IvfError::NotIvf)));
        let mut changed = file.clone();
        changed[8] = b'H';
        assert!(matches!(read(&changed), Err(IvfError::Codec)));
        let mut changed = file;
        changed[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(read(&changed), Err(IvfError::Frame)), "a frame of 4 GiB");
    }
}
