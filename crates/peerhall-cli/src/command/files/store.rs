//! Files that come: parts of them, which outlive this process, and whole ones under names that are free.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use peerhall::labelled::{Hasher, Incoming, Progress, Receipt, TransferError};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use super::nonce;
use super::show::Bar;
use crate::failure::{Failure, Outcome};

/// Bytes of a part that are read at once.
const READ: usize = 256 * 1024;

/// Names that are tried when one is taken: `name (1)`, and so on.
const NAMES: u32 = 10_000;

/// The folder that files come into.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

/// Why a file is not here.
#[derive(Debug, thiserror::Error)]
pub(super) enum Missed {
    /// It did not arrive; what is here of it is kept.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The disk did not take it.
    #[error(transparent)]
    Disk(#[from] Failure),
}

/// A file that has come to its end and matches its proof.
#[derive(Debug)]
pub(super) struct Whole {
    part: PathBuf,
    name: String,
    pub(super) receipt: Receipt,
}

impl Store {
    /// Makes the folder if it is not there.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|source| Failure::File { path: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Takes a file to its end, going on with what is here of it. It has no name until it is placed.
    pub(super) async fn take(&self, mut message: Incoming, bar: &mut Bar) -> Result<Whole, Missed> {
        let part = match Part::open(&self.folder, &message) {
            Ok(part) => part,
            Err(failure) => {
                message.reject("the receiver cannot store it");
                return Err(failure.into());
            }
        };
        let path = part.path.clone();
        match part.fill(&mut message, bar).await {
            Ok(()) => {}
            Err(Missed::Disk(failure)) => {
                message.reject("the receiver cannot store it");
                return Err(failure.into());
            }
            Err(error) => {
                let useless = matches!(error, Missed::Transfer(TransferError::ProofMismatch));
                if useless || message.content().is_none() {
                    // What is in the way next time is no worse than what is here now.
                    let _ = fs::remove_file(&path);
                }
                return Err(error);
            }
        }
        let receipt = message.receipt().ok_or(TransferError::Closed)?;
        let name = message.name().unwrap_or_else(|| "file".to_owned());
        Ok(Whole { part: path, name, receipt })
    }

    /// Gives a whole file its name, or the next that is free. Nothing that is here is replaced.
    pub(super) fn place(&self, whole: &Whole) -> Result<PathBuf, Failure> {
        let Whole { part, name, .. } = whole;
        let mut wanted = self.folder.join(name);
        for attempt in 1..=NAMES {
            match OpenOptions::new().write(true).create_new(true).open(&wanted) {
                Ok(_) => {
                    fs::rename(part, &wanted)
                        .map_err(|source| Failure::File { path: wanted.clone(), source })?;
                    return Ok(wanted);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    wanted = self.folder.join(numbered(name, attempt));
                }
                Err(source) => return Err(Failure::File { path: wanted, source }),
            }
        }
        Err(Failure::File { path: wanted, source: io::ErrorKind::AlreadyExists.into() })
    }
}

/// `film.mp4` becomes `film (1).mp4`.
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => format!("{stem} ({number}).{ending}"),
        _ => format!("{name} ({number})"),
    }
}

/// What is here of a file that comes.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    /// Finds what an earlier attempt has left, or begins. Two processes do not write to one.
    fn open(folder: &Path, message: &Incoming) -> Result<Self, Failure> {
        let name = match message.content() {
            Some(content) => content.to_string(),
            None => nonce()?,
        };
        let path = folder.join(format!(".peerhall-{name}.part"));
        let failed = |source| Failure::File { path: path.clone(), source };
        // Somebody else's link would lead out of the folder.
        if fs::symlink_metadata(&path).is_ok_and(|known| !known.is_file()) {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::WouldBlock) => Err(failed(io::ErrorKind::ResourceBusy.into())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Writes what comes behind what is here.
    async fn fill(self, message: &mut Incoming, bar: &mut Bar) -> Result<(), Missed> {
        let Self { path, file } = self;
        let failed = |source| Failure::File { path: path.clone(), source };
        let total = message.total();
        let read = tokio::task::spawn_blocking(move || known(file, total)).await;
        let (file, mut bytes, hasher) = read.map_err(io::Error::other).flatten().map_err(failed)?;
        message.go_on(bytes, hasher);
        let mut file = tokio::fs::File::from_std(file);
        let (began, before) = (Instant::now(), bytes);
        while let Some(chunk) = message.chunk().await? {
            file.write_all(&chunk).await.map_err(failed)?;
            bytes = bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            let seconds = began.elapsed().as_secs_f64().max(0.001);
            let rate = (bytes.saturating_sub(before) as f64 / seconds) as u64;
            bar.at(Progress { current: bytes, acked: bytes, total, rate, ..Progress::default() })?;
        }
        file.flush().await.map_err(failed)?;
        Ok(())
    }
}

/// Reads what is here of a file of this size, and stops behind it.
fn known(mut file: File, total: Option<u64>) -> io::Result<(File, u64, Hasher)> {
    let mut hasher = Hasher::new();
    if total.is_some_and(|total| file.metadata().is_ok_and(|known| known.len() > total)) {
        file.set_len(0)?;
    }
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; READ];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((file, bytes, hasher));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        bytes += u64::try_from(count).unwrap_or_default();
    }
}

/// How many offers are remembered at most: in an open channel anybody may make them.
const OFFERS: usize = 64;

/// Which files of which offers are here, for a receiver that is started again.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Journal {
    #[serde(skip)]
    path: PathBuf,
    /// Names this receiver to the sender.
    pub(super) receiver: String,
    /// Offers of which something is here, the one that was made last at the end.
    offers: Vec<Taken>,
}

/// What is here of an offer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Taken {
    pub(super) batch: String,
    /// Places of files that are here.
    pub(super) have: Vec<u32>,
}

impl Journal {
    /// What an earlier run for the same channel has left.
    pub(super) fn open(folder: &Path, channel: &str) -> Result<Self, Failure> {
        let name = Hasher::new().update(channel.as_bytes()).finalize().to_hex();
        let path = folder.join(format!(".peerhall-{}.json", name.get(..16).unwrap_or_default()));
        // One that is damaged costs no more than sending again.
        let is_file = fs::symlink_metadata(&path).is_ok_and(|known| known.is_file());
        let read = is_file
            .then(|| fs::read(&path).ok())
            .flatten()
            .and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        Ok(match read {
            Some(known) => Self { path, ..known },
            None => Self { path, receiver: nonce()?, ..Self::default() },
        })
    }

    /// What is here of an offer; of the last one that something is here of, where none is named.
    pub(super) fn of(&self, batch: Option<&str>) -> Option<&Taken> {
        match batch {
            Some(batch) => self.offers.iter().find(|known| known.batch == batch),
            None => self.offers.last(),
        }
    }

    /// Whether a file of an offer is here.
    pub(super) fn has(&self, batch: &str, place: u32) -> bool {
        self.of(Some(batch)).is_some_and(|known| known.have.contains(&place))
    }

    /// A file is here.
    pub(super) fn note(&mut self, batch: &str, place: u32) -> Result<(), Failure> {
        match self.offers.iter_mut().find(|known| known.batch == batch) {
            Some(known) if known.have.contains(&place) => return Ok(()),
            Some(known) => known.have.push(place),
            None => {
                let excess = (self.offers.len() + 1).saturating_sub(OFFERS);
                self.offers.drain(..excess);
                self.offers.push(Taken { batch: batch.to_owned(), have: vec![place] });
            }
        }
        self.write()
    }

    /// Everything of an offer is here. What is here of others stays known.
    pub(super) fn finish(&mut self, batch: &str) -> Outcome {
        self.offers.retain(|known| known.batch != batch);
        if self.offers.is_empty() {
            // It may never have been written.
            let _ = fs::remove_file(&self.path);
            return Ok(());
        }
        self.write()
    }

    /// In one step, and in the place of what is there: somebody else's link is not followed.
    fn write(&self) -> Outcome {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let failed = |source| Failure::File { path: self.path.clone(), source };
        let fresh = self.path.with_extension(format!("{}.new", nonce()?));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&fresh).map_err(failed)?;
        file.write_all(&text).and_then(|()| fs::rename(&fresh, &self.path)).map_err(|source| {
            // It would only be in the way.
            let _ = fs::remove_file(&fresh);
            failed(source)
        })
    }
}

#[cfg(test)]
mod tests {
    use peerhall::labelled::Proof;

    use super::*;

    #[test]
    fn a_file_that_comes_replaces_none_that_is_here() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for expected in ["a.tar.gz", "a.tar (1).gz", "a.tar (2).gz"] {
            let part = folder.path().join("part");
            fs::write(&part, expected).unwrap();
            let receipt = Receipt { bytes: 1, proof: Proof([7; 32]) };
            let placed = store.place(&Whole { part, name: "a.tar.gz".to_owned(), receipt }).unwrap();
            assert_eq!(placed, folder.path().join(expected));
            assert_eq!(fs::read_to_string(placed).unwrap(), expected);
        }
        assert_eq!((numbered("name", 3), numbered(".rc", 1)), ("name (3)".to_owned(), ".rc (1)".to_owned()));
    }

    #[test]
    fn what_is_left_of_a_file_is_known_again_unless_it_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let path = folder.path().join("part");
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
        };
        fs::write(folder.path().join("part"), b"0123456789").unwrap();
        let (_, bytes, hasher) = known(open(), Some(20)).unwrap();
        assert_eq!((bytes, hasher.finalize()), (10, Hasher::new().update(b"0123456789").finalize()));
        let (_, bytes, _) = known(open(), Some(5)).unwrap();
        assert_eq!(bytes, 0);
    }

    #[test]
    #[cfg(unix)]
    fn a_journal_is_not_written_through_a_link_of_somebody_else() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        let mut journal = Journal::open(folder.path(), "room").unwrap();
        std::os::unix::fs::symlink(&victim, &journal.path).unwrap();
        journal.note("one", 0).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert!(Journal::open(folder.path(), "room").unwrap().has("one", 0));
    }

    #[test]
    fn a_journal_keeps_offers_apart_and_survives_damage() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), "room").unwrap();
        journal.note("one", 3).unwrap();
        journal.note("one", 3).unwrap();
        journal.note("another", 4).unwrap();
        let mut again = Journal::open(folder.path(), "room").unwrap();
        assert_eq!(again.receiver, journal.receiver);
        assert_eq!(again.of(Some("one")).map(|known| known.have.as_slice()), Some([3].as_slice()));
        assert_eq!(again.of(None).map(|known| known.batch.as_str()), Some("another"));
        assert!(again.has("another", 4) && !again.has("one", 4) && !again.has("third", 3));
        again.finish("another").unwrap();
        assert!(Journal::open(folder.path(), "room").unwrap().has("one", 3));
        fs::write(&again.path, "{").unwrap();
        assert!(Journal::open(folder.path(), "room").unwrap().of(None).is_none());
        again.finish("one").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_journal_does_not_grow_with_the_offers_of_strangers() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), "room").unwrap();
        for offer in 0..2 * OFFERS {
            journal.note(&offer.to_string(), 0).unwrap();
        }
        assert_eq!(Journal::open(folder.path(), "room").unwrap().offers.len(), OFFERS);
    }
}
