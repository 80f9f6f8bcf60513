//! Who is in which room, written down as it happens, so that a server that crashed knows on its next
//! start whom to expect back (wire protocol, section 9.4).
//!
//! One append-only file for each shard, one JSON object a line. It is written before the sockets of
//! the same turn and never synced: it outlives the process, which is what matters, and a power cut
//! ends every call anyway. A line that a crash has torn is passed over.
//!
//! A log that has grown long is put aside, and a thread of its own writes what is still true of it down
//! ([`compaction`]), because reading some megabytes takes longer than anybody should wait for a turn.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use peerhall_hub::{LostMember, MemberChange, MemberEvent, Now, Tick};
use peerhall_proto::ids::{AppId, ChannelName, PeerId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::compaction::{Compaction, Paths, begin};

mod compaction;

/// A start later than this after the last sign of life expects nobody back.
const MEMORY: Duration = Duration::from_secs(60);

/// How often a quiet log says that its server lives.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Size after which a log is put aside, unless most of it is still true.
const COMPACT_AT: u64 = 4 * 1024 * 1024;

/// How long a log rests after a failed write: the disk may be full, and live traffic goes on.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Bytes that are kept while the log rests. Beyond it they are forgotten: the next start would then
/// take some who left for members, for the linger.
const MAX_PENDING: usize = 1024 * 1024;

const PREFIX: &str = "members-";
const SUFFIX: &str = ".log";

/// One line. `e` is `h` for a heartbeat, `+` for a member, `~` for one that dropped, `-` for one that
/// is gone.
#[derive(Debug, Serialize, Deserialize)]
struct Line<'a> {
    #[serde(rename = "t")]
    unix_ms: i64,
    #[serde(rename = "e")]
    event: &'a str,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    app: Option<AppId>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    channel: Option<ChannelName>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    peer: Option<PeerId>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

type Place = (AppId, ChannelName, PeerId);

/// What a log says when it is read to its end.
#[derive(Debug, Default)]
struct Replay {
    members: HashMap<Place, Option<Box<RawValue>>>,
    last_sign: i64,
}

/// The log of one shard.
#[derive(Debug)]
pub(crate) struct MemberLog {
    paths: Paths,
    file: File,
    /// The thread that writes down what is still true of the log that was put aside.
    compaction: Option<Compaction>,
    pending: Vec<u8>,
    size: u64,
    /// Size of the current file after which it is put aside.
    compact_at: u64,
    /// There are older files than the current one.
    has_past: bool,
    heartbeat: Tick,
    resting_until: Option<Tick>,
}

/// Reads the logs of an earlier run and clears them away. Members are returned when the last sign of
/// life is at most a minute old.
///
/// # Errors
///
/// Whatever the folder or a file answers.
pub(crate) fn recover(folder: &Path, now_unix_ms: i64) -> io::Result<Vec<LostMember>> {
    let mut shards = BTreeSet::new();
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        let shard = rest.and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
        shards.extend(shard);
    }
    let mut found: HashMap<Place, Option<Box<RawValue>>> = HashMap::new();
    for paths in shards.into_iter().map(|shard| Paths::of(folder, shard)) {
        let replay = Replay::read(&paths.in_order())?;
        let silent = now_unix_ms.saturating_sub(replay.last_sign);
        if silent <= i64::try_from(MEMORY.as_millis()).unwrap_or(i64::MAX) {
            found.extend(replay.members);
        }
        for path in paths.in_order() {
            remove_if_there(path)?;
        }
    }
    let lost = found.into_iter().map(|((app, channel, peer), metadata)| LostMember {
        app,
        channel,
        peer,
        metadata: metadata.map(Arc::new),
    });
    Ok(lost.collect())
}

impl Replay {
    /// Reads logs that follow each other, as far as they are there.
    fn read(paths: &[&Path]) -> io::Result<Self> {
        let mut replay = Self::default();
        for path in paths {
            match File::open(path) {
                Ok(file) => replay.go_on(BufReader::new(file))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(replay)
    }

    fn go_on(&mut self, log: impl BufRead) -> io::Result<()> {
        for line in log.split(b'\n') {
            let line = line?;
            if let Ok(line) = serde_json::from_slice::<Line<'_>>(&line) {
                self.apply(line);
            }
        }
        Ok(())
    }

    fn apply(&mut self, line: Line<'_>) {
        self.last_sign = line.unix_ms;
        let (Some(app), Some(channel), Some(peer)) = (line.app, line.channel, line.peer) else { return };
        match line.event {
            "+" => drop(self.members.insert((app, channel, peer), line.metadata.map(ToOwned::to_owned))),
            "-" => drop(self.members.remove(&(app, channel, peer))),
            // A peer that dropped is expected back like one that was there.
            _ => {}
        }
    }

    /// A log that says the same in the fewest lines.
    fn to_log(&self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        for ((app, channel, peer), metadata) in &self.members {
            let line = Line {
                unix_ms: self.last_sign,
                event: "+",
                app: Some(app.clone()),
                channel: Some(channel.clone()),
                peer: Some(peer.clone()),
                metadata: metadata.as_deref(),
            };
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        Ok(text)
    }
}

impl MemberLog {
    /// Begins an empty log for a shard.
    ///
    /// # Errors
    ///
    /// Whatever the folder answers.
    pub(crate) fn create(folder: &Path, shard: usize) -> io::Result<Self> {
        let paths = Paths::of(folder, shard);
        let file = begin(&paths.current)?;
        Ok(Self {
            paths,
            file,
            compaction: None,
            pending: Vec::new(),
            size: 0,
            compact_at: COMPACT_AT,
            has_past: false,
            heartbeat: Tick(0),
            resting_until: None,
        })
    }

    /// Notes a change; it is written at the end of the turn.
    pub(crate) fn record(&mut self, event: &MemberEvent, now: Now) {
        let (mark, metadata) = match &event.change {
            MemberChange::Present(metadata) => ("+", metadata.as_ref().map(|metadata| &***metadata)),
            MemberChange::Dropped => ("~", None),
            MemberChange::Gone => ("-", None),
        };
        self.push(&Line {
            unix_ms: now.unix_ms,
            event: mark,
            app: Some(event.app.clone()),
            channel: Some(event.channel.clone()),
            peer: Some(event.peer.clone()),
            metadata,
        });
    }

    fn push(&mut self, line: &Line<'_>) {
        // Writing to memory cannot fail, and a line holds nothing that has no JSON.
        if serde_json::to_writer(&mut self.pending, line).is_ok() {
            self.pending.push(b'\n');
        }
    }

    /// Whether somebody may be in it, so that the next start must know how old it is.
    fn knows_anybody(&self) -> bool {
        self.size > 0 || self.has_past
    }

    /// When the log wants [`end_turn`](Self::end_turn) next.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        (self.knows_anybody() || !self.pending.is_empty())
            .then(|| self.resting_until.unwrap_or(self.heartbeat))
    }

    /// Writes what has been noted, or a heartbeat when it is time for one.
    pub(crate) fn end_turn(&mut self, now: Now) {
        if self.resting_until.is_some_and(|until| now.at < until) {
            if self.pending.len() > MAX_PENDING {
                self.pending.clear();
            }
            return;
        }
        if self.pending.is_empty() && self.knows_anybody() && now.at >= self.heartbeat {
            self.push(&Line {
                unix_ms: now.unix_ms,
                event: "h",
                app: None,
                channel: None,
                peer: None,
                metadata: None,
            });
        }
        if self.pending.is_empty() {
            return;
        }
        self.resting_until = None;
        self.heartbeat = now.at + HEARTBEAT;
        if let Err(error) = self.write() {
            tracing::warn!(%error, "cannot write down who is in which room; a restart would not know them");
            self.resting_until = Some(now.at + REST_AFTER_FAILURE);
        }
    }

    fn write(&mut self) -> io::Result<()> {
        // A write that failed half-way leaves a torn line; the line break keeps it from spoiling the next.
        self.file.write_all(&self.pending).inspect_err(|_| self.pending.insert(0, b'\n'))?;
        self.size += self.pending.len() as u64;
        self.pending.clear();
        if self.size >= self.compact_at { self.compact() } else { Ok(()) }
    }

    /// Puts the log aside and begins to replace it by what is still true of it, unless an earlier one is
    /// being replaced.
    fn compact(&mut self) -> io::Result<()> {
        match self.compaction.take() {
            Some(compaction) if !compaction.is_finished() => {
                self.compaction = Some(compaction);
                return Ok(());
            }
            Some(compaction) => {
                // After a failure it is tried again when as much has come.
                let outcome = compaction.outcome();
                let grown = |_| self.size + COMPACT_AT;
                self.compact_at = outcome.as_ref().map_or_else(grown, |size| COMPACT_AT.max(*size));
                outcome?;
            }
            None => {}
        }
        if self.size < self.compact_at {
            return Ok(());
        }
        // A log whose compaction failed is still there, and is to be read first.
        if !self.paths.aside.exists() {
            std::fs::rename(&self.paths.current, &self.paths.aside)?;
            self.file = begin(&self.paths.current)?;
            self.size = 0;
            self.has_past = true;
        }
        self.compaction = Some(Compaction::start(self.paths.clone())?);
        Ok(())
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads a log of any bytes; returns who is in it, sorted, and the same log after one compaction.
#[cfg(feature = "fuzzing")]
pub(crate) fn replay_and_compact(log: &[u8]) -> io::Result<(Vec<String>, Vec<u8>)> {
    let mut replay = Replay::default();
    replay.go_on(log)?;
    let text = |metadata: &Option<Box<RawValue>>| metadata.as_deref().map(|raw| raw.get().to_owned());
    let members = replay.members.iter().map(|(place, metadata)| format!("{place:?} {:?}", text(metadata)));
    let mut members: Vec<String> = members.collect();
    members.sort();
    Ok((members, replay.to_log()?))
}

#[cfg(test)]
mod tests;
