//! Who is in which room, written down as it happens, so that a server that crashed knows on its next
//! start whom to expect back (wire protocol, section 9.4).
//!
//! One append-only file for each shard, one JSON object a line. It is written before the sockets of
//! the same turn and never synced: it outlives the process, which is what matters, and a power cut
//! ends every call anyway. A line that a crash has torn is passed over.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use peerhall_hub::{LostMember, MemberChange, MemberEvent, Now, Tick};
use peerhall_proto::ids::{AppId, ChannelName, PeerId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A start later than this after the last sign of life expects nobody back.
const MEMORY: Duration = Duration::from_secs(60);

/// How often a quiet log says that its server lives.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Size after which a log is written anew, unless most of it is still true.
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
    path: PathBuf,
    file: File,
    pending: Vec<u8>,
    size: u64,
    compact_at: u64,
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
    let mut found: HashMap<Place, Option<Box<RawValue>>> = HashMap::new();
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            let replay = Replay::read(&path)?;
            let silent = now_unix_ms.saturating_sub(replay.last_sign);
            if silent <= i64::try_from(MEMORY.as_millis()).unwrap_or(i64::MAX) {
                found.extend(replay.members);
            }
            files.push(path);
        }
    }
    for path in files {
        std::fs::remove_file(path)?;
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
    fn read(path: &Path) -> io::Result<Self> {
        Self::of(BufReader::new(File::open(path)?))
    }

    fn of(log: impl BufRead) -> io::Result<Self> {
        let mut replay = Self::default();
        for line in log.split(b'\n') {
            let line = line?;
            if let Ok(line) = serde_json::from_slice::<Line<'_>>(&line) {
                replay.apply(line);
            }
        }
        Ok(replay)
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
        let path = folder.join(format!("{PREFIX}{shard}{SUFFIX}"));
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
        Ok(Self {
            path,
            file,
            pending: Vec::new(),
            size: 0,
            compact_at: COMPACT_AT,
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

    /// When the log wants [`end_turn`](Self::end_turn) next.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        (self.size > 0 || !self.pending.is_empty()).then(|| self.resting_until.unwrap_or(self.heartbeat))
    }

    /// Writes what has been noted, or a heartbeat when it is time for one.
    pub(crate) fn end_turn(&mut self, now: Now) {
        if self.resting_until.is_some_and(|until| now.at < until) {
            if self.pending.len() > MAX_PENDING {
                self.pending.clear();
            }
            return;
        }
        if self.pending.is_empty() && self.size > 0 && now.at >= self.heartbeat {
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

    /// Replaces the log by one that holds only what is still true.
    fn compact(&mut self) -> io::Result<()> {
        let text = Replay::read(&self.path)?.to_log()?;
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&fresh)?;
        file.write_all(&text)?;
        std::fs::rename(&fresh, &self.path)?;
        self.file = file;
        self.size = text.len() as u64;
        self.compact_at = COMPACT_AT.max(self.size * 2);
        Ok(())
    }
}

/// Reads a log of any bytes; returns who is in it, sorted, and the same log after one compaction.
#[cfg(feature = "fuzzing")]
pub(crate) fn replay_and_compact(log: &[u8]) -> io::Result<(Vec<String>, Vec<u8>)> {
    let replay = Replay::of(log)?;
    let text = |metadata: &Option<Box<RawValue>>| metadata.as_deref().map(|raw| raw.get().to_owned());
    let members = replay.members.iter().map(|(place, metadata)| format!("{place:?} {:?}", text(metadata)));
    let mut members: Vec<String> = members.collect();
    members.sort();
    Ok((members, replay.to_log()?))
}

#[cfg(test)]
mod tests;
