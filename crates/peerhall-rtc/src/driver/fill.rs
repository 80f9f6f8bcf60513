//! How many bytes of messages the engine holds: few on a near path, where they would only take memory and keep other
//! channels waiting, and more on a far one, where they are what is on its way.

use std::time::{Duration, Instant};

/// What the engine may hold in any case: what a fast near path takes at a time.
const LEAST: usize = 128 * 1024;

/// What the engine may hold on the farthest path: the receive window of a native remote, 10 MB/s at a round trip of
/// 100 ms.
pub(super) const MOST: usize = 1024 * 1024;

/// The part by which the engine may hold more than a path has carried, so that it shows whether it carries more.
const MORE: usize = 4;

/// The part of what was acknowledged by which the limit grows: what goes out at once stays so much above what the path
/// takes, and small queues on it do not run over.
const GROWTH: usize = 8;

/// The limit: what it was, made smaller as a round trip takes longer than the shortest one, and a little more. That is
/// FAST TCP's window (Jin, Wei and Low, 2004) in its simplest form, from one round trip at a time. Where round trips
/// differ by more than what is added, or have become longer for good without another path, it is what it is on a near
/// path. Only channels that lose nothing count: others give messages up before their round trip is over.
#[derive(Debug)]
pub(super) struct Fill {
    limit: usize,
    /// What the limit grows to.
    target: usize,
    /// Bytes that the engine was given and bytes that were acknowledged, since the beginning.
    written: u64,
    released: u64,
    /// The message whose round trip is measured.
    mark: Option<Mark>,
    /// The shortest round trip on this path.
    shortest: Option<Duration>,
}

#[derive(Debug)]
struct Mark {
    written_at: Instant,
    /// All that was written by then, with this message.
    written: u64,
    /// What the limit was then.
    limit: usize,
    /// Whether it has kept a message waiting since.
    is_reached: bool,
}

impl Default for Fill {
    fn default() -> Self {
        Self { limit: LEAST, target: LEAST, written: 0, released: 0, mark: None, shortest: None }
    }
}

impl Fill {
    /// Whether there is room for a message beside the bytes that the engine holds. A long one that does not fit in goes as
    /// soon as half of them have left: were it to wait until all before it is acknowledged, it would wait for the
    /// acknowledgement of a lonely last packet, which the other side holds back for 200 ms (RFC 9260, section 6.2).
    pub(super) fn has_room(&self, held: usize, message: usize) -> bool {
        held <= self.limit / 2 || held + message <= self.limit
    }

    /// A message found no room.
    pub(super) fn was_reached(&mut self) {
        if let Some(mark) = &mut self.mark {
            mark.is_reached = true;
        }
    }

    /// The engine was given so many bytes.
    pub(super) fn wrote(&mut self, bytes: usize, now: Instant) {
        if bytes == 0 {
            return;
        }
        self.written += bytes as u64;
        let (written, limit) = (self.written, self.limit);
        self.mark.get_or_insert(Mark { written_at: now, written, limit, is_reached: false });
    }

    /// The remote has acknowledged so many bytes.
    pub(super) fn acknowledged(&mut self, bytes: usize, now: Instant) {
        self.released += bytes as u64;
        if let Some(mark) = self.mark.take_if(|mark| mark.written <= self.released) {
            self.measured(&mark, now.saturating_duration_since(mark.written_at));
        }
        self.limit = self.target.min(self.limit + bytes / GROWTH);
    }

    fn measured(&mut self, mark: &Mark, round_trip: Duration) {
        let shortest = self.shortest.map_or(round_trip, |shortest| shortest.min(round_trip));
        self.shortest = Some(shortest);
        // Somebody who sends less than would be taken learns nothing about the path.
        if mark.is_reached {
            // What the path carries while nothing waits on it.
            let carried = mark.limit as u128 * shortest.as_nanos() / round_trip.as_nanos().max(1);
            let carried = usize::try_from(carried).unwrap_or(MOST);
            self.target = (carried + carried / MORE).clamp(LEAST, MOST);
        }
    }

    /// So many bytes of a channel that is no more have left the engine, acknowledged or not.
    pub(super) fn discarded(&mut self, bytes: usize) {
        if bytes > 0 {
            self.released += bytes as u64;
            self.mark = None;
        }
    }

    /// Another path is used now. What the last one carried may be far too much for it, and would be taken for what it
    /// carries, since nobody would see a shorter round trip than with all of that waiting.
    pub(super) fn path_changed(&mut self) {
        let Self { written, released, .. } = *self;
        *self = Self { written, released, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: usize = 16 * 1024;

    /// Sends for so many round trips, each of which takes what `time_of` says for the bytes under way.
    fn rounds(fill: &mut Fill, now: &mut Instant, count: usize, time_of: impl Fn(usize) -> Duration) {
        for _ in 0..count {
            let mut held = 0;
            while fill.has_room(held, MESSAGE) {
                fill.wrote(MESSAGE, *now);
                held += MESSAGE;
            }
            fill.was_reached();
            *now += time_of(held);
            fill.acknowledged(held, *now);
        }
    }

    fn far(_: usize) -> Duration {
        Duration::from_millis(100)
    }

    #[test]
    fn a_path_that_takes_more_in_the_same_time_is_given_more_up_to_a_bound() {
        let (mut fill, mut now) = (Fill::default(), Instant::now());
        let mut before = fill.limit;
        for _ in 0..40 {
            rounds(&mut fill, &mut now, 1, far);
            assert!(fill.limit <= before + before / GROWTH, "{} after {before}", fill.limit);
            before = fill.limit;
        }
        assert_eq!(fill.limit, MOST);
    }

    #[test]
    fn a_path_on_which_more_takes_longer_is_given_no_more() {
        let (mut fill, mut now) = (Fill::default(), Instant::now());
        // A megabyte a second: what is there waits.
        rounds(&mut fill, &mut now, 40, |held| {
            Duration::from_micros(held as u64).max(Duration::from_millis(5))
        });
        assert!(fill.limit <= LEAST + LEAST / MORE, "{}", fill.limit);
        // Ten of them, and 50 ms to go: half a megabyte is under way.
        let mut fill = Fill::default();
        let time = |held: usize| Duration::from_micros(held as u64 / 10).max(Duration::from_millis(50));
        rounds(&mut fill, &mut now, 80, time);
        assert!((500_000..650_000).contains(&fill.limit), "{}", fill.limit);
    }

    #[test]
    fn another_path_is_not_judged_by_the_round_trip_of_the_last() {
        let (mut fill, mut now) = (Fill::default(), Instant::now());
        rounds(&mut fill, &mut now, 5, |_| Duration::from_millis(1));
        fill.path_changed();
        rounds(&mut fill, &mut now, 40, far);
        assert_eq!(fill.limit, MOST);
        fill.path_changed();
        rounds(&mut fill, &mut now, 40, |held| Duration::from_micros(8 * held as u64));
        assert!(fill.limit <= LEAST + LEAST / MORE, "{}", fill.limit);
    }

    #[test]
    fn who_sends_little_changes_nothing() {
        let (mut fill, mut now) = (Fill::default(), Instant::now());
        rounds(&mut fill, &mut now, 40, far);
        for _ in 0..40 {
            fill.wrote(100, now);
            now += Duration::from_millis(300);
            fill.acknowledged(100, now);
        }
        assert_eq!(fill.limit, MOST);
    }

    #[test]
    fn a_channel_that_ends_with_bytes_under_way_stops_no_measuring() {
        let (mut fill, mut now) = (Fill::default(), Instant::now());
        // Much more than a round trip carries, so that one that waits for it all measures nothing for long.
        fill.wrote(100 * MOST, now);
        fill.discarded(100 * MOST);
        assert_eq!(fill.shortest, None, "nobody has acknowledged anything");
        for _ in 0..40 {
            rounds(&mut fill, &mut now, 1, far);
            // Another one ends with nothing under way, each time.
            fill.wrote(MESSAGE, now);
            fill.discarded(0);
            now += far(MESSAGE);
            fill.acknowledged(MESSAGE, now);
        }
        assert_eq!(fill.limit, MOST);
    }
}
