//! What can be sent.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use peerhall_labelled::{ContentId, Kind};
use serde_json::{Map, Value, json};
use tokio::io::AsyncRead;

use super::feed::Reader;

/// Member of a message's info that belongs to the layer, not to the application.
pub(super) const RESERVED: &str = "__peerhall";

/// Label of messages that name none.
pub(super) const DEFAULT_LABEL: &str = "default";

/// A message to send.
pub struct Payload {
    pub(super) kind: Kind,
    pub(super) source: Source,
    pub(super) total: Option<u64>,
    pub(super) content: Option<ContentId>,
    pub(super) name: Option<String>,
    pub(super) mime: Option<String>,
}

/// Where a message's bytes are.
pub(super) enum Source {
    Memory(Bytes),
    Reader(Reader),
}

impl Payload {
    /// A value as JSON.
    ///
    /// # Errors
    ///
    /// What `serde_json` says to the value.
    pub fn json(value: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::memory(Kind::Json, serde_json::to_vec(value)?.into()))
    }

    /// Bytes that arrive as a blob, with a name and a MIME type.
    #[must_use]
    pub fn blob(bytes: impl Into<Bytes>, name: &str, mime: &str) -> Self {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self { name: given(name), mime: given(mime), ..Self::memory(Kind::Blob, bytes.into()) }
    }

    /// A file, with its name. The receiver is asked before the bytes follow, and may go on with what it has
    /// of the same file, which is known by name, size and time of change.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = tokio::fs::File::open(path).await?;
        let metadata = file.metadata().await?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "only files can be sent"));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut content = blake3::Hasher::new();
        content.update(&metadata.len().to_be_bytes());
        content.update(&changed.as_nanos().to_be_bytes());
        content.update(name.as_bytes());
        Ok(Self {
            kind: Kind::Blob,
            source: Source::Reader(Reader::File { file, left: metadata.len() }),
            total: Some(metadata.len()),
            content: Some(ContentId(*content.finalize().as_bytes())),
            name: Some(name),
            mime: None,
        })
    }

    /// Bytes of unknown length, until the reader ends. It cannot begin anew when the receiver starts over.
    #[must_use]
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self {
            kind: Kind::Bytes,
            source: Source::Reader(Reader::Stream(Box::new(reader))),
            total: None,
            content: None,
            name: None,
            mime: None,
        }
    }

    /// The same message once more, if it is in memory.
    pub(super) fn duplicate(&self) -> Option<Self> {
        let Source::Memory(bytes) = &self.source else { return None };
        Some(Self {
            kind: self.kind,
            source: Source::Memory(bytes.clone()),
            total: self.total,
            content: self.content,
            name: self.name.clone(),
            mime: self.mime.clone(),
        })
    }

    /// What goes along with it, on the wire.
    pub(super) fn info(&self, info: Option<Map<String, Value>>) -> Bytes {
        let mut info = info.unwrap_or_default();
        info.remove(RESERVED);
        if self.name.is_some() || self.mime.is_some() {
            info.insert(RESERVED.to_owned(), json!({"name": self.name, "mime": self.mime}));
        }
        if info.is_empty() { Bytes::new() } else { Value::Object(info).to_string().into() }
    }

    fn memory(kind: Kind, bytes: Bytes) -> Self {
        let total = u64::try_from(bytes.len()).ok();
        Self { kind, source: Source::Memory(bytes), total, content: None, name: None, mime: None }
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::memory(Kind::Text, text.into())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::memory(Kind::Bytes, bytes)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::memory(Kind::Bytes, bytes.into())
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::memory(Kind::Json, value.to_string().into())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({:?}, {:?} bytes)", self.kind, self.total)
    }
}

/// How a message is sent.
#[derive(Debug, Clone, Default)]
pub struct SendOptions {
    label: Option<String>,
    info: Option<Map<String, Value>>,
}

impl SendOptions {
    /// On the channel with this label. Default: `default`.
    #[must_use]
    pub fn label(self, label: &str) -> Self {
        Self { label: Some(label.to_owned()), ..self }
    }

    /// What goes along with the message; at most 8 KiB as JSON. Default: nothing.
    #[must_use]
    pub fn info(self, info: Map<String, Value>) -> Self {
        Self { info: Some(info), ..self }
    }

    pub(super) fn into_parts(self) -> (String, Option<Map<String, Value>>) {
        (self.label.unwrap_or_else(|| DEFAULT_LABEL.to_owned()), self.info)
    }
}
