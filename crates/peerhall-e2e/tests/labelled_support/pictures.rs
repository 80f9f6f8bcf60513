//! Pictures that can be told apart by their size, without a codec.

use std::time::Duration;

use peerhall::{Codec, LocalStream, LocalTrack, RemoteStream, Sample};
use peerhall_e2e::native::soon;
use tokio::task::JoinHandle;

/// First bytes of a VP8 key frame of 16 by 16 pixels (RFC 6386, section 9.1).
const VP8_KEY: [u8; 10] = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00];

/// Fifty key frames a second of one size, until this is dropped or the track is stopped.
pub(crate) struct Pictures {
    track: LocalTrack,
    stream: LocalStream,
    task: JoinHandle<()>,
}

impl Pictures {
    pub(crate) fn of(size: usize) -> Self {
        let track = LocalTrack::new(Codec::Vp8, None);
        let stream = LocalStream::new([track.clone()]);
        let task = tokio::spawn(show(track.clone(), size));
        Self { track, stream, task }
    }

    pub(crate) fn track(&self) -> &LocalTrack {
        &self.track
    }

    pub(crate) fn stream(&self) -> LocalStream {
        self.stream.clone()
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn show(track: LocalTrack, size: usize) {
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    for number in 0_u32.. {
        clock.tick().await;
        let mut payload = VP8_KEY.to_vec();
        payload.resize(size, 0x55);
        if track.write(&Sample::new(Codec::Vp8, Duration::from_millis(20) * number, payload)).is_err() {
            return;
        }
    }
}

/// Waits for a picture of this size on the only track of its kind.
pub(crate) async fn arrives(stream: &RemoteStream, size: usize) {
    let track = stream.tracks().first().expect("a track");
    let found = async {
        loop {
            let frame = track.recv().await.expect("the track goes on");
            if frame.payload.len() == size {
                return;
            }
        }
    };
    soon(&format!("a picture of {size} bytes"), found).await;
}
