//! What people and programs read: results on standard output, complaints on standard error.
//!
//! `anstream` leaves colours out where there is no terminal or `NO_COLOR` is set.

use std::io::Write;

use clap::builder::styling::{AnsiColor, Style};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use serde::Serialize;

use crate::failure::{Failure, Outcome};

/// Style of what stands out.
pub(crate) const BOLD: Style = Style::new().bold();

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Prints a text as it stands and hands it on at once, so that whoever waits for it gets it.
pub(crate) fn print(text: &str) -> Outcome {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Prints one line of JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Outcome {
    let mut line = serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))?;
    line.push('\n');
    print(&line)
}

/// Says what went wrong.
pub(crate) fn complain(failure: &Failure) {
    say(ERROR, "error", &failure.to_string());
}

/// Says what may go wrong later.
pub(crate) fn warn(text: &str) {
    say(WARNING, "warning", text);
}

fn say(style: Style, kind: &str, text: &str) {
    // Where standard error is closed there is nobody to be told.
    let _ = writeln!(anstream::stderr().lock(), "{style}{kind}:{style:#} {text}");
}

/// Rows under a heading, each column as wide as its widest cell. Nothing is cut.
pub(crate) fn table<const COLUMNS: usize>(heading: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let mut widths = heading.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = format!("{BOLD}{}{BOLD:#}\n", aligned(heading, widths));
    for row in rows {
        text.push_str(&aligned(row.each_ref().map(String::as_str), widths));
        text.push('\n');
    }
    text
}

fn aligned<const COLUMNS: usize>(cells: [&str; COLUMNS], widths: [usize; COLUMNS]) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    padded.join("  ").trim_end().to_owned()
}

/// A text as a QR code for the camera of a phone; `None` when it is too long for one.
pub(crate) fn qr_code(text: &str) -> Option<String> {
    // Nothing covers a part of a screen, and the less there is to correct, the smaller is the picture.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    // Cameras want dark on light, and most terminals are dark.
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

/// The day of a time in Unix seconds, in UTC: `2026-11-21`.
pub(crate) fn day(unix_secs: u64) -> String {
    // Days since 1 March of year 0, in whole eras of 400 years: the leap day ends each year.
    let days = unix_secs / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_year_month_day() {
        for (secs, text) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_767_225_599, "2025-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(day(secs), text);
        }
    }

    #[test]
    fn a_picture_for_cameras_has_a_margin_and_is_as_wide_as_every_terminal() {
        let link = "https://realtime.example.org:8443/#code=7k3m-9qxt-2h5w-8vbn&key=pk_live_0123456789abcdef0123456789abcdef";
        let picture = qr_code(link).unwrap();
        let widths: Vec<usize> = picture.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0] && *width <= 60), "{widths:?}");
        assert!(picture.starts_with(&"█".repeat(widths[0])), "{picture}");
        assert_eq!(qr_code(&"x".repeat(3_000)), None, "more than a picture holds");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["größer".to_owned(), "x".to_owned()], ["a".to_owned(), String::new()]];
        let plain = table(["ID", "NAME"], &rows).replace(['\u{1b}'], "");
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[1..], ["größer  x", "a"]);
        assert!(lines[0].contains("ID      NAME"), "{lines:?}");
    }
}
