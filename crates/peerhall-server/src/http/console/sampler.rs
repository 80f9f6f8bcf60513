//! Figures of every second, for the graphs: taken while somebody looks and a minute longer, and always in
//! `peerhall dev`. The last ten minutes are kept.

use std::collections::VecDeque;
use std::sync::atomic::{
    AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::response::Response;
use peerhall_hub::HubStats;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::super::Refusal;
use super::super::reports::Reports;
use super::events::{self, Places, event};
use crate::clock::{Clock, unix_ms};
use crate::control::Control;
use crate::metrics::{Counts, Metrics};

/// Distance of two samples.
const EVERY: Duration = Duration::from_secs(1);

/// Samples that are kept: ten minutes.
const KEPT: usize = 600;

/// Seconds without a viewer after which it stops.
const IDLE: u32 = 60;

/// Viewers at the same time.
const MAX_VIEWERS: usize = 32;

/// Events that may wait for a slow viewer; what finds no room is left out.
const WAITING: usize = 16;

/// One second.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    /// Unix milliseconds at its end.
    at: i64,
    connections: u64,
    rooms: u64,
    /// Frames from clients in this second.
    frames_in: u64,
    publishes: u64,
    directs: u64,
    /// Copies of messages to clients.
    deliveries: u64,
    errors: u64,
    bytes_in: u64,
    bytes_out: u64,
    /// Microseconds from the read of a shard to the write; `null` when nothing was delivered.
    fanout_p50: Option<u64>,
    fanout_p99: Option<u64>,
    /// Bytes of calls that went through the relay of this server; `null` without one.
    relay_bytes: Option<u64>,
    /// Bytes of calls that went from peer to peer, as pages tell; `null` when none does.
    direct_bytes: Option<u64>,
}

/// Sums since the start, of which a sample shows the growth.
#[derive(Debug, Clone, Default)]
struct Sums {
    hub: HubStats,
    bytes_in: u64,
    bytes_out: u64,
    fanout: Counts,
    relay_bytes: Option<u64>,
}

/// Who knows of the bytes that go past the shards.
pub(super) struct Calls {
    pub(super) relay: Option<peerhall_turn::Handle>,
    pub(super) reports: Arc<Reports>,
    pub(super) clock: Clock,
}

/// Takes the samples and hands them out.
pub(super) struct Sampler {
    metrics: Metrics,
    control: Control,
    calls: Calls,
    /// Goes on without viewers.
    always: bool,
    running: AtomicBool,
    past: Mutex<VecDeque<Arc<Sample>>>,
    latest: watch::Sender<Arc<Sample>>,
    viewers: Places,
}

impl Sampler {
    pub(super) fn new(metrics: Metrics, control: Control, calls: Calls, always: bool) -> Self {
        Self {
            metrics,
            control,
            calls,
            always,
            running: AtomicBool::new(false),
            past: Mutex::default(),
            latest: watch::Sender::default(),
            viewers: Places::new(MAX_VIEWERS),
        }
    }

    /// Begins to take samples, unless it does. Wants a runtime.
    pub(super) fn wake(self: &Arc<Self>) {
        if !self.running.swap(true, AcqRel) {
            self.metrics.watch(true);
            self.control.watch_pairs(true);
            tokio::spawn(self.clone().run());
        }
    }

    /// The last ten minutes and every second from now on, for as long as `is_welcome` says so.
    pub(super) fn stream(
        self: &Arc<Self>,
        is_welcome: impl Fn() -> bool + Send + 'static,
    ) -> Result<Response, Refusal> {
        let place = self.viewers.take().ok_or_else(|| Refusal::internal("too many viewers"))?;
        let mut latest = self.latest.subscribe();
        self.wake();
        let (sender, receiver) = mpsc::channel(WAITING);
        let past: Vec<_> = self.past().iter().map(|sample| Sample::clone(sample)).collect();
        // There is room for the first one.
        let _ = sender.try_send(event("past", &past));
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = latest.changed() => {
                        if changed.is_err() || !is_welcome() {
                            return;
                        }
                        let sample = latest.borrow_and_update().clone();
                        let _ = sender.try_send(event("sample", &*sample));
                    }
                    () = sender.closed() => return,
                }
            }
        });
        Ok(events::response(receiver, place))
    }

    async fn run(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first tick is now.
        ticks.tick().await;
        let mut sums = self.sums();
        let mut since = Instant::now();
        let mut idle = 0;
        while idle < IDLE {
            ticks.tick().await;
            let now = self.sums();
            let direct_bytes = self.calls.reports.direct_bytes(self.calls.clock.tick());
            let sample = Arc::new(Sample { direct_bytes, ..now.sample(&sums, since.elapsed()) });
            (sums, since) = (now, Instant::now());
            let mut past = self.past();
            if past.len() >= KEPT {
                past.pop_front();
            }
            past.push_back(sample.clone());
            drop(past);
            self.latest.send_replace(sample);
            let is_alone = !self.always && self.latest.receiver_count() == 0;
            idle = if is_alone { idle + 1 } else { 0 };
        }
        self.metrics.watch(false);
        self.control.watch_pairs(false);
        self.past().clear();
        self.running.store(false, Release);
        // Somebody who came just now found it running and waits.
        if self.latest.receiver_count() > 0 {
            self.wake();
        }
    }

    /// Whether samples are taken.
    pub(super) fn is_awake(&self) -> bool {
        self.running.load(Acquire)
    }

    fn sums(&self) -> Sums {
        let relayed = self.calls.relay.as_ref().map(peerhall_turn::Handle::counted);
        let relay_bytes =
            relayed.map(|counted| counted.bytes_to_peers.saturating_add(counted.bytes_to_clients));
        Sums { relay_bytes, ..Sums::read(&self.metrics) }
    }

    fn past(&self) -> MutexGuard<'_, VecDeque<Arc<Sample>>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    fn read(metrics: &Metrics) -> Self {
        let relayed = metrics.relay().map(peerhall_turn::Handle::counted);
        let relay_bytes = relayed.map(|relayed| relayed.bytes_to_peers + relayed.bytes_to_clients);
        let mut sums = Self { relay_bytes, ..Self::default() };
        for shard in metrics.shards() {
            let hub = shard.hub();
            sums.hub.frames_in += hub.frames_in;
            sums.hub.publishes += hub.publishes;
            sums.hub.deliveries += hub.deliveries;
            sums.hub.directs += hub.directs;
            sums.hub.errors += hub.errors;
            sums.hub.sessions += hub.sessions;
            // A room is counted by every shard that serves it; the largest count is the closest.
            sums.hub.rooms = sums.hub.rooms.max(hub.rooms);
            sums.bytes_in += shard.bytes_in.load(Relaxed);
            sums.bytes_out += shard.bytes_out.load(Relaxed);
            sums.fanout.add(&shard.fanout.counts());
        }
        sums
    }

    /// What came since `before`, as rates of one second.
    fn sample(&self, before: &Self, span: Duration) -> Sample {
        let rate = |now: u64, before: u64| {
            let grown = now.saturating_sub(before) as f64 / span.as_secs_f64().max(0.001);
            grown.round() as u64
        };
        let fanout = self.fanout.since(&before.fanout);
        Sample {
            at: unix_ms(),
            connections: self.hub.sessions,
            rooms: self.hub.rooms,
            frames_in: rate(self.hub.frames_in, before.hub.frames_in),
            publishes: rate(self.hub.publishes, before.hub.publishes),
            directs: rate(self.hub.directs, before.hub.directs),
            deliveries: rate(self.hub.deliveries, before.hub.deliveries),
            errors: rate(self.hub.errors, before.hub.errors),
            bytes_in: rate(self.bytes_in, before.bytes_in),
            bytes_out: rate(self.bytes_out, before.bytes_out),
            fanout_p50: fanout.percentile(50),
            fanout_p99: fanout.percentile(99),
            relay_bytes: self.relay_bytes.map(|now| rate(now, before.relay_bytes.unwrap_or(0))),
            direct_bytes: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_what_came_in_its_second_however_long_that_was() {
        let metrics = Metrics::new(2);
        let before = Sums::read(&metrics);
        for shard in metrics.shards() {
            let stats =
                HubStats { frames_in: 40, deliveries: 100, sessions: 3, rooms: 2, ..HubStats::default() };
            shard.publish(stats, 0);
            shard.bytes_in.store(1_000, Relaxed);
            shard.fanout.record(Duration::from_micros(50), 100);
        }
        let now = Sums { relay_bytes: Some(9_000), ..Sums::read(&metrics) };
        let before = Sums { relay_bytes: Some(1_000), ..before };
        let sample = now.sample(&before, Duration::from_secs(2));
        assert_eq!(sample.relay_bytes, Some(4_000));
        assert_eq!((sample.frames_in, sample.deliveries, sample.bytes_in), (40, 100, 1_000));
        assert_eq!((sample.connections, sample.rooms), (6, 2));
        assert_eq!((sample.fanout_p50, sample.fanout_p99), (Some(55), Some(55)));
        let quiet = Sums::read(&metrics).sample(&Sums::read(&metrics), EVERY);
        assert_eq!((quiet.frames_in, quiet.fanout_p99, quiet.relay_bytes), (0, None, None));
    }
}
