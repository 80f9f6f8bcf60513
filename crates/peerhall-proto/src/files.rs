//! What those who hand files to each other say on the labelled channel of the files, as JSON messages. The files
//! themselves follow on the same channel as blobs (`docs/protocol-additions.md`).

use serde::{Deserialize, Serialize};

/// Label of the channel on which files are offered, asked for and sent.
pub const LABEL: &str = "peerhall files";

/// Longest of these messages that is read, in bytes: an offer of some thousands of files.
pub const MAX_WORDS_BYTES: usize = 1024 * 1024;

/// One message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Words {
    /// The sender says what there is.
    Offer {
        /// Names the files of this offer together.
        batch: String,
        /// Them, in the order in which they are sent.
        files: Vec<OfferedFile>,
        /// Proves that the sender knows the code, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<String>,
    },
    /// The receiver wants to know what there is, before it takes anything.
    Ask {
        /// Proves that the receiver knows the code, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<String>,
    },
    /// The receiver wants the files.
    Take {
        /// Which it was offered before; nothing before the first offer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batch: Option<String>,
        /// Names the receiver, also after it came back as another peer.
        receiver: String,
        /// Places in the offer of files that it has.
        #[serde(default)]
        have: Vec<u32>,
        /// Proves that the receiver knows the code, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<String>,
    },
    /// The sender has sent all that was taken.
    Done {
        /// Of this offer.
        batch: String,
    },
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names of files and proofs concern nobody else.
        f.write_str(match self {
            Self::Offer { .. } => "Offer",
            Self::Ask { .. } => "Ask",
            Self::Take { .. } => "Take",
            Self::Done { .. } => "Done",
        })
    }
}

/// One file of an offer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedFile {
    /// Its name, as the sender has it: not safe to be stored under.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

impl std::fmt::Debug for OfferedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OfferedFile({} bytes)", self.size)
    }
}

/// What goes along with a file as the `info` of its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// The offer that it belongs to.
    pub batch: String,
    /// Its place in the offer.
    pub file: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_documented() {
        let file = OfferedFile { name: "a.txt".to_owned(), size: 3 };
        let offer = Words::Offer { batch: "b".to_owned(), files: vec![file], proof: None };
        let text = r#"{"type":"offer","batch":"b","files":[{"name":"a.txt","size":3}]}"#;
        assert_eq!(serde_json::to_string(&offer).unwrap(), text);
        let take: Words = serde_json::from_str(r#"{"type":"take","receiver":"r","later":1}"#).unwrap();
        let expected = Words::Take { batch: None, receiver: "r".to_owned(), have: Vec::new(), proof: None };
        assert_eq!(take, expected);
        let ask: Words = serde_json::from_str(r#"{"type":"ask"}"#).unwrap();
        assert_eq!(ask, Words::Ask { proof: None });
        assert!(!format!("{offer:?}").contains("a.txt"));
    }
}
