//! Frames between tracks and the engine.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use str0m::Rtc;
use str0m::media::{Frequency, KeyframeRequestKind, MediaData, MediaTime, Mid};

use crate::track::{Codec, Delivery, Sample, SenderId};
use crate::transceiver::Transceivers;

/// The clocks of what is sent: a receiver sees one clock for a section, whatever is played in it.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    all: HashMap<SenderId, Clock>,
}

#[derive(Debug)]
struct Clock {
    /// Added to the time of each sample.
    offset: Duration,
    /// Time of the last one sent, and when that was.
    last: Duration,
    at: Instant,
    /// Whether the next sample is the first of another source.
    splice: bool,
}

impl Clocks {
    /// Another source takes over; its first sample follows the last one of the old by what has passed.
    pub(super) fn splice(&mut self, sender: SenderId) {
        if let Some(clock) = self.all.get_mut(&sender) {
            clock.splice = true;
        }
    }

    pub(super) fn forget(&mut self, sender: SenderId) {
        self.all.remove(&sender);
    }

    /// Time on the wire of a sample, and whether it is the first of the sender.
    fn place(&mut self, sender: SenderId, time: Duration, now: Instant) -> (Duration, bool) {
        let first = !self.all.contains_key(&sender);
        let fresh = Clock { offset: Duration::ZERO, last: time, at: now, splice: false };
        let clock = self.all.entry(sender).or_insert(fresh);
        if std::mem::take(&mut clock.splice) {
            clock.offset = (clock.last + (now - clock.at)).saturating_sub(time);
        }
        clock.last = time + clock.offset;
        clock.at = now;
        (clock.last, first)
    }
}

/// Hands a frame to the engine. Says whether it took it.
pub(super) fn write(
    rtc: &mut Rtc,
    transceivers: &mut Transceivers,
    clocks: &mut Clocks,
    delivery: Delivery,
    now: Instant,
) -> bool {
    let Some(transceiver) = transceivers.by_sender(delivery.sender) else { return false };
    let Some(mid) = transceiver.mid.as_deref().map(Mid::from) else { return false };
    let sending = rtc.media(mid).is_some_and(|media| media.direction().is_sending());
    if !sending || !rtc.is_connected() {
        return false;
    }
    let Some(writer) = rtc.writer(mid) else { return false };
    let codec = delivery.codec.engine();
    let pt = writer.payload_params().find(|params| params.spec().codec == codec).map(|p| p.pt());
    let Some(pt) = pt else { return false };
    let (time, first) = clocks.place(delivery.sender, delivery.time, now);
    if first && let Some(source) = transceiver.sender.as_ref().and_then(|s| s.source.as_ref()) {
        // The receiver has only just joined and can do nothing with what builds on earlier frames.
        source.track.request_keyframe();
    }
    let written = writer.write(pt, now, media_time(delivery.codec, time), delivery.payload);
    if let Err(error) = &written {
        tracing::debug!(%error, "a frame was refused by the engine");
    }
    written.is_ok()
}

/// Whether the remote takes a codec in a section, as far as that has been negotiated.
pub(super) fn takes(rtc: &mut Rtc, mid: &str, codec: Codec) -> bool {
    let engine = codec.engine();
    rtc.writer(mid.into()).is_some_and(|writer| writer.payload_params().any(|p| p.spec().codec == engine))
}

/// A received frame goes to its track.
pub(super) fn received(transceivers: &Transceivers, data: MediaData) {
    let Some(codec) = Codec::from_engine(data.params.spec().codec) else { return };
    let feed = transceivers.by_mid(&data.mid).and_then(|t| t.receiver.as_ref());
    let Some(feed) = feed.filter(|feed| !feed.is_abandoned()) else { return };
    let keyframe = codec.kind() == crate::track::MediaKind::Audio || data.is_keyframe();
    let nanos = u128::from(data.time.numer()) * 1_000_000_000;
    let nanos = nanos / u128::from(data.time.frequency().get());
    feed.push(Sample {
        codec,
        time: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
        keyframe,
        contiguous: data.contiguous,
        payload: Bytes::from_owner(data.data),
    });
}

/// Asks the remote for a key frame. Says whether the engine has something to send for it.
pub(super) fn request_keyframe(rtc: &mut Rtc, mid: Mid) -> bool {
    let Some(mut writer) = rtc.writer(mid) else { return false };
    let kinds = [KeyframeRequestKind::Pli, KeyframeRequestKind::Fir];
    let kind = kinds.into_iter().find(|kind| writer.is_request_keyframe_possible(*kind));
    kind.is_some_and(|kind| writer.request_keyframe(None, kind).is_ok())
}

fn media_time(codec: Codec, time: Duration) -> MediaTime {
    let rate = codec.clock_rate();
    let ticks = time.as_nanos() * u128::from(rate) / 1_000_000_000;
    // Every clock rate is at least 8,000.
    let frequency = Frequency::new(rate).unwrap_or(Frequency::NINETY_KHZ);
    MediaTime::new(u64::try_from(ticks).unwrap_or(u64::MAX), frequency)
}
