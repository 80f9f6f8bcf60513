//! What is seen of transfers: bars on a terminal, lines of JSON for programs.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use peerhall::labelled::Progress;
use serde_json::{Value, json};

use super::printable;
use crate::failure::Outcome;
use crate::output::{print, print_json};

/// Least time between two lines of JSON about one file.
const BETWEEN_LINES: Duration = Duration::from_millis(250);

/// How a bar looks: the same as the rows of the page.
const BAR: &str = "{prefix:.bold} {wide_bar} {bytes}/{total_bytes} {msg}";

/// Where everything is shown. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Show {
    json: bool,
    bars: MultiProgress,
}

impl Show {
    pub(super) fn new(json: bool) -> Self {
        // Bars go to standard error, and nowhere when that is no terminal.
        Self { json, bars: MultiProgress::new() }
    }

    /// Says something that happened.
    pub(super) fn say(&self, line: &str, value: impl FnOnce() -> Value) -> Outcome {
        if self.json { print_json(&value()) } else { self.bars.suspend(|| print(&format!("{line}\n"))) }
    }

    /// A bar for one file on its way from or to somebody.
    pub(super) fn bar(&self, who: &str, file: u32, name: &str, total: Option<u64>) -> Bar {
        let name = printable(name);
        let bar = (!self.json).then(|| {
            let bar = self.bars.add(total.map_or_else(ProgressBar::no_length, ProgressBar::new));
            if let Ok(style) = ProgressStyle::with_template(BAR) {
                bar.set_style(style.progress_chars("█▓░"));
            }
            bar.set_prefix(if who.is_empty() { name.clone() } else { format!("{} {name}", printable(who)) });
            bar
        });
        Bar { show: self.clone(), bar, who: who.to_owned(), file, name, last: None }
    }
}

/// How far one file is.
#[derive(Debug)]
pub(super) struct Bar {
    show: Show,
    bar: Option<ProgressBar>,
    who: String,
    file: u32,
    name: String,
    last: Option<Instant>,
}

impl Bar {
    /// So many bytes of it are confirmed.
    pub(super) fn at(&mut self, progress: Progress) -> Outcome {
        if let Some(bar) = &self.bar {
            bar.set_position(progress.acked);
            let left =
                progress.left.map(|left| format!(", {} s left", left.as_secs() + 1)).unwrap_or_default();
            if progress.rate > 0 {
                bar.set_message(format!("{}/s{left}", indicatif::HumanBytes(progress.rate)));
            }
            return Ok(());
        }
        if self.last.is_some_and(|last| last.elapsed() < BETWEEN_LINES) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        print_json(&json!({
            "event": "progress", "peer": self.who, "file": self.file, "name": self.name,
            "bytes": progress.acked, "total": progress.total, "bytesPerSecond": progress.rate,
        }))
    }

    /// It arrived, and what arrived is what was sent.
    pub(super) fn arrived(self, bytes: u64, proof: &str, event: &str, path: Option<&str>) -> Outcome {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let to = path.unwrap_or(&self.name);
        let who = if self.who.is_empty() { String::new() } else { format!(" ({})", printable(&self.who)) };
        self.show.say(&format!("✓ {to}, {}{who}", indicatif::HumanBytes(bytes)), || {
            json!({
                "event": event, "peer": self.who, "file": self.file, "name": self.name, "path": path,
                "bytes": bytes, "blake3": proof,
            })
        })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
