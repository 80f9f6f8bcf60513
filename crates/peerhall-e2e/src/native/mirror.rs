//! Media without a codec: what comes from a camera goes back to who sent it.

use peerhall::{Codec, LocalStream, LocalTrack, MediaKind, RemoteTrack, Sample};
use tokio::task::JoinHandle;

/// A stream of a picture and a sound that are somebody else's.
#[derive(Debug)]
pub struct Mirror {
    stream: LocalStream,
    video: LocalTrack,
    audio: LocalTrack,
    reflections: Vec<Reflection>,
}

impl Mirror {
    /// A stream under this id that shows nothing yet.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let video = LocalTrack::new(Codec::Vp8, Some(&format!("{id}-video")));
        let audio = LocalTrack::new(Codec::Opus, Some(&format!("{id}-audio")));
        Self {
            stream: LocalStream::with_id(id, [video.clone(), audio.clone()]),
            video,
            audio,
            reflections: Vec::new(),
        }
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &LocalStream {
        &self.stream
    }

    /// Its picture.
    #[must_use]
    pub fn video(&self) -> &LocalTrack {
        &self.video
    }

    /// Shows a track until it ends, on the track of its kind.
    pub fn reflect(&mut self, track: RemoteTrack) {
        let to = match track.kind() {
            MediaKind::Video => &self.video,
            MediaKind::Audio => &self.audio,
        };
        self.reflections.push(Reflection::of(track, to.clone()));
    }
}

/// Writes what comes in on one track to another, until the first ends or this is dropped.
#[derive(Debug)]
pub struct Reflection(JoinHandle<()>);

impl Reflection {
    /// Begins with a key frame, when there are such.
    #[must_use]
    pub fn of(from: RemoteTrack, to: LocalTrack) -> Self {
        Self(tokio::spawn(reflect(from, to)))
    }
}

impl Drop for Reflection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn reflect(from: RemoteTrack, to: LocalTrack) {
    from.request_keyframe();
    loop {
        tokio::select! {
            frame = from.recv() => match frame {
                Some(frame) => write(&to, &frame),
                None => return,
            },
            () = to.keyframe_requested() => from.request_keyframe(),
        }
    }
}

fn write(to: &LocalTrack, frame: &Sample) {
    to.write(frame).expect("a frame of the track's codec");
}
