//! A picture that a program makes by itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use peerhall_rtc::{Codec, LocalTrack, Sample};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::vp8::Picture;

/// Pictures in a second.
const RATE: u32 = 10;

/// Macroblocks across and down: 576 by 320 pixels.
const COLUMNS: usize = 36;
const ROWS: usize = 20;

/// Brightest and darkest grey of video (ITU-R BT.601).
const WHITE: u8 = 235;
const BLACK: u8 = 16;

/// Where the clock begins.
const CLOCK: (usize, usize) = (2, 3);

/// The row on which the square moves, and its side.
const LANE: usize = 13;
const SQUARE: usize = 4;

/// Digits of three by five dots, a row in three bits, and the colon.
const DIGITS: [[u8; 5]; 11] = [
    [0b111, 0b101, 0b101, 0b101, 0b111],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b001, 0b010, 0b010],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
    [0b000, 0b010, 0b000, 0b010, 0b000],
];

/// Place of the colon among them.
const COLON: usize = 10;

/// A test picture as a track: the time of day (UTC) and a square that moves, ten pictures a second in VP8,
/// each of them a key frame, so that whoever comes sees the next one.
///
/// Dropping it ends the picture; the track stays, and shows nothing new. Stopping the track ends it too.
#[derive(Debug)]
pub struct TestPattern {
    track: LocalTrack,
    task: AbortHandle,
}

impl TestPattern {
    /// Starts the picture. Must be called on a tokio runtime with time.
    #[must_use]
    pub fn start() -> Self {
        let track = LocalTrack::new(Codec::Vp8, None);
        let task = tokio::spawn(show(track.clone())).abort_handle();
        Self { track, task }
    }

    /// The track to add to a peer.
    #[must_use]
    pub fn track(&self) -> &LocalTrack {
        &self.track
    }
}

impl Drop for TestPattern {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn show(track: LocalTrack) {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / RATE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let begin = Instant::now();
    for number in 0.. {
        clock.tick().await;
        if track.is_stopped() {
            return;
        }
        // A picture that nobody is sent costs nothing.
        if track.sender_count() > 0 {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let frame = picture(now.as_secs(), number).key_frame();
            // The codec is the track's own.
            let _ = track.write(&Sample::new(Codec::Vp8, begin.elapsed(), frame));
        }
    }
}

/// The picture of a moment, in seconds since the epoch.
fn picture(seconds: u64, number: usize) -> Picture {
    let mut picture = Picture::new(COLUMNS, ROWS, BLACK);
    for row in 0..picture.rows() {
        let shade = BLACK.saturating_add(u8::try_from(row * 4).unwrap_or(WHITE));
        (0..picture.columns()).for_each(|column| picture.set(column, row, shade));
    }
    for (place, symbol) in symbols(seconds).into_iter().enumerate() {
        draw(&mut picture, CLOCK.0 + place * 4, symbol);
    }
    // There and back.
    let way = COLUMNS - SQUARE;
    let left = way.abs_diff(number % (2 * way));
    for (column, row) in (0..SQUARE * SQUARE).map(|dot| (dot % SQUARE, dot / SQUARE)) {
        picture.set(left + column, LANE + row, WHITE);
    }
    picture
}

/// Hours, minutes and seconds of a day as places in [`DIGITS`].
fn symbols(seconds: u64) -> [usize; 8] {
    let digit = |divisor: u64, base: u64| usize::try_from(seconds / divisor % base).unwrap_or_default();
    let hours = usize::try_from(seconds / 3_600 % 24).unwrap_or_default();
    let (tens, ones) = (hours / 10, hours % 10);
    [tens, ones, COLON, digit(600, 6), digit(60, 10), COLON, digit(10, 6), digit(1, 10)]
}

fn draw(picture: &mut Picture, left: usize, symbol: usize) {
    let Some(rows) = DIGITS.get(symbol) else { return };
    for (down, row) in rows.iter().enumerate() {
        for across in (0..3).filter(|across| row & (0b100 >> across) != 0) {
            picture.set(left + across, CLOCK.1 + down, WHITE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_shows_hours_minutes_and_seconds_of_the_day() {
        assert_eq!(symbols(0), [0, 0, COLON, 0, 0, COLON, 0, 0]);
        assert_eq!(symbols(86_399), [2, 3, COLON, 5, 9, COLON, 5, 9]);
        assert_eq!(symbols(3 * 86_400 + 13 * 3_600 + 7 * 60 + 45), [1, 3, COLON, 0, 7, COLON, 4, 5]);
    }

    #[test]
    fn two_pictures_of_one_second_differ_and_a_round_of_the_square_ends_where_it_began() {
        assert_ne!(picture(5, 0), picture(5, 1));
        assert_eq!(picture(5, 0), picture(5, 2 * (COLUMNS - SQUARE)));
    }

    #[test]
    fn a_second_of_it_is_small() {
        let bytes: usize = (0..10).map(|number| picture(45_296, number).key_frame().len()).sum();
        assert!(bytes < 20_000, "{bytes}");
    }
}
