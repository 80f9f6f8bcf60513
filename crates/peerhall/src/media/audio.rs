//! Sound that a program makes: synthesised speech, music, a tone.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use peerhall_rtc::{Codec, LocalTrack, Sample};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::g711;

/// Samples of sound in a second: what G.711 carries.
pub const AUDIO_RATE: u32 = 8_000;

/// Length of one packet, the usual one for G.711 (RFC 3551, section 4.2).
const PACKET: Duration = Duration::from_millis(20);

/// Samples of one packet.
const PACKET_SAMPLES: usize = 160;

/// Samples that may wait to be played: ten seconds.
const WAITING: usize = 80_000;

/// A track that plays what a program writes, at the speed of sound as it were: writers wait while ten
/// seconds are ahead. Between what was written there is silence.
///
/// Dropping all handles ends it; the track stays, and is silent. Once the track is stopped, what is written
/// is lost, and nobody waits any more.
#[derive(Clone)]
pub struct AudioSource {
    inner: Arc<Inner>,
}

struct Inner {
    track: LocalTrack,
    waiting: Mutex<VecDeque<i16>>,
    /// There is room again, or everything was played.
    played: Notify,
}

impl AudioSource {
    /// A source that is silent until something is written. Must be called on a tokio runtime with time.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            track: LocalTrack::new(Codec::Pcmu, None),
            waiting: Mutex::new(VecDeque::new()),
            played: Notify::new(),
        };
        let inner = Arc::new(inner);
        tokio::spawn(play(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// The track to add to a peer.
    #[must_use]
    pub fn track(&self) -> &LocalTrack {
        &self.inner.track
    }

    /// Plays samples of 16 bits, one channel, [`AUDIO_RATE`] a second, behind those written before. Waits
    /// while ten seconds are ahead.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave a part of the samples unplayed.
    pub async fn write(&self, samples: &[i16]) {
        for part in samples.chunks(PACKET_SAMPLES) {
            loop {
                let played = self.inner.played.notified();
                {
                    let mut waiting = self.inner.waiting();
                    if self.inner.track.is_stopped() {
                        return;
                    }
                    if waiting.len() < WAITING {
                        waiting.extend(part);
                        break;
                    }
                }
                played.await;
            }
        }
    }

    /// Resolves when everything that was written has been played.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn finished(&self) {
        loop {
            let played = self.inner.played.notified();
            if self.inner.waiting().is_empty() {
                return;
            }
            played.await;
        }
    }

    /// Plays a tone of `hertz` for as long as the source lives, in place of silence.
    pub fn tone(&self, hertz: f64) {
        let inner = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            for second in 0_u64.. {
                let Some(inner) = inner.upgrade().filter(|inner| !inner.track.is_stopped()) else { return };
                AudioSource { inner }.write(&sine(hertz, second * u64::from(AUDIO_RATE))).await;
                // The writer's handle is gone here, so that it does not keep the source alive for ten seconds.
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
        });
    }
}

/// A second of a tone, at a quarter of full volume.
fn sine(hertz: f64, start: u64) -> Vec<i16> {
    let rate = f64::from(AUDIO_RATE);
    (0..u64::from(AUDIO_RATE))
        .map(|n| ((TAU * hertz * ((start + n) as f64) / rate).sin() * 8_000.0) as i16)
        .collect()
}

impl Default for AudioSource {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<i16>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AudioSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AudioSource({} samples wait)", self.inner.waiting().len())
    }
}

async fn play(source: Weak<Inner>) {
    let mut clock = tokio::time::interval(PACKET);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut time = Duration::ZERO;
    loop {
        clock.tick().await;
        let Some(inner) = source.upgrade() else { return };
        let packet: Vec<u8> = {
            let mut waiting = inner.waiting();
            (0..PACKET_SAMPLES).map(|_| g711::encode(waiting.pop_front().unwrap_or(0))).collect()
        };
        // The codec is the track's own, so that it was stopped if it does not take a packet.
        let stopped = inner.track.write(&Sample::new(Codec::Pcmu, time, packet)).is_err();
        if stopped {
            inner.waiting().clear();
        }
        inner.played.notify_waiters();
        if stopped {
            return;
        }
        time += PACKET;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writers_wait_while_ten_seconds_are_ahead() {
        let source = AudioSource::new();
        let started = tokio::time::Instant::now();
        source.write(&vec![1; WAITING]).await;
        assert!(started.elapsed() < Duration::from_secs(1));
        source.write(&vec![1; usize::try_from(AUDIO_RATE).unwrap()]).await;
        let waited = started.elapsed();
        assert!(waited >= Duration::from_millis(900) && waited < Duration::from_secs(3), "{waited:?}");
        source.finished().await;
        assert!(started.elapsed() >= Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_track_that_was_stopped() {
        let source = AudioSource::new();
        source.write(&vec![1; WAITING]).await;
        let writes = tokio::spawn({
            let source = source.clone();
            async move { source.write(&vec![1; WAITING]).await }
        });
        tokio::task::yield_now().await;
        let started = tokio::time::Instant::now();
        source.track().stop();
        writes.await.unwrap();
        source.finished().await;
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }
}
