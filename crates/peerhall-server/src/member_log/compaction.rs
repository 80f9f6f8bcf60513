//! What is still true of a log that has grown long, written down by a thread of its own while the shard goes on
//! with a new log.
//!
//! A log is up to three files, in this order: the base says who was there at some moment, the log that was put
//! aside says what followed, and the current log what followed that. Reading a file twice does no harm, so that a
//! crash between two steps of a compaction loses nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use super::{PREFIX, Replay, SUFFIX};

/// The files of one shard.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub(super) base: PathBuf,
    pub(super) aside: PathBuf,
    pub(super) current: PathBuf,
}

impl Paths {
    pub(super) fn of(folder: &Path, shard: usize) -> Self {
        let path = |part: &str| folder.join(format!("{PREFIX}{shard}{part}{SUFFIX}"));
        Self { base: path(".base"), aside: path(".aside"), current: path("") }
    }

    /// The files in the order in which they are read.
    pub(super) fn in_order(&self) -> [&Path; 3] {
        [&self.base, &self.aside, &self.current]
    }
}

/// Begins an empty file.
pub(super) fn begin(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).open(path)
}

/// A compaction under way. Dropping it waits for its end.
#[derive(Debug)]
pub(super) struct Compaction(Option<JoinHandle<io::Result<u64>>>);

impl Compaction {
    /// Begins to put what is true of the base and the log that was put aside into the base.
    pub(super) fn start(paths: Paths) -> io::Result<Self> {
        let thread = std::thread::Builder::new().name("member-log".into());
        Ok(Self(Some(thread.spawn(move || compact(&paths))?)))
    }

    pub(super) fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end. Returns the size of the base in bytes.
    pub(super) fn outcome(mut self) -> io::Result<u64> {
        let panicked = || io::Error::other("the compaction of the log of members panicked");
        self.0.take().map_or_else(|| Err(panicked()), |thread| thread.join().map_err(|_| panicked())?)
    }
}

impl Drop for Compaction {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // Nobody is left who could do anything about a failure: the old files stand.
            let _ = thread.join();
        }
    }
}

fn compact(paths: &Paths) -> io::Result<u64> {
    let text = Replay::read(&[&paths.base, &paths.aside])?.to_log()?;
    let fresh = paths.base.with_extension("new");
    begin(&fresh)?.write_all(&text)?;
    std::fs::rename(&fresh, &paths.base)?;
    std::fs::remove_file(&paths.aside)?;
    Ok(text.len() as u64)
}
