//! The files that are sent.

use std::io;
use std::path::{Path, PathBuf};

use peerhall::labelled::Payload;
use peerhall_proto::files::{FileInfo, MAX_WORDS_BYTES, OfferedFile, Words};
use serde_json::Value;

use super::nonce;
use crate::failure::Failure;

/// Files of at most so many bytes go out without asking first what the receiver has of them: the question would
/// take longer than they do.
const SMALL: u64 = 256 * 1024;

/// The files that are sent together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) id: String,
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    offered: OfferedFile,
}

impl Batch {
    /// Looks at every file.
    pub(super) fn of(paths: &[PathBuf]) -> Result<Self, Failure> {
        let files = paths.iter().map(|path| File::at(path)).collect::<Result<_, _>>()?;
        let batch = Self { id: nonce()?, files };
        let words =
            Words::Offer { batch: batch.id.clone(), files: batch.offered(), proof: Some("0".repeat(64)) };
        let offer = serde_json::to_vec(&words).unwrap_or_default();
        if offer.len() > MAX_WORDS_BYTES {
            let text =
                format!("{} files are too many for one offer; pack them first, with tar or zip", paths.len());
            return Err(Failure::Usage(text));
        }
        Ok(batch)
    }

    /// What there is.
    pub(super) fn offered(&self) -> Vec<OfferedFile> {
        self.files.iter().map(|file| file.offered.clone()).collect()
    }

    /// Places of the files, with their names and sizes.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, &OfferedFile)> {
        (0..).zip(self.files.iter().map(|file| &file.offered))
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.offered.size).sum()
    }

    /// Opens a file to be sent, with what goes along with it.
    pub(super) async fn open(&self, place: u32) -> io::Result<(Payload, serde_json::Map<String, Value>)> {
        let index = usize::try_from(place).unwrap_or(usize::MAX);
        let file = self.files.get(index).ok_or(io::ErrorKind::NotFound)?;
        let info = FileInfo { batch: self.id.clone(), file: place };
        let info = serde_json::to_value(info)?.as_object().cloned().unwrap_or_default();
        let payload = if file.offered.size <= SMALL {
            Payload::blob(tokio::fs::read(&file.path).await?, &file.offered.name, "")
        } else {
            Payload::file(&file.path).await?
        };
        Ok((payload, info))
    }
}

impl File {
    fn at(path: &Path) -> Result<Self, Failure> {
        let failed = |source| Failure::File { path: path.to_owned(), source };
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() {
            let text = format!("{} is not a file; pack a folder first, with tar or zip", path.display());
            return Err(Failure::Usage(text));
        }
        // One that cannot be read is found out now, not when somebody waits for it.
        std::fs::File::open(path).map_err(failed)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { path: path.to_owned(), offered: OfferedFile { name, size: metadata.len() } })
    }
}
