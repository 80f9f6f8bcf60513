//! One text frame of the server, held against the rules that bind every frame.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;
use serde_json::value::RawValue;

/// Largest frame a server may send, in bytes (wire protocol, section 2.1).
pub const MAX_FRAME_BYTES: usize = 1_000_000;

/// A text frame as it came: its members are kept as the bytes they were, because `data` may be JSON
/// that no number or string type can hold.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The whole text.
    pub text: String,
    /// When it was read.
    pub at: Instant,
    members: BTreeMap<String, Box<RawValue>>,
}

impl Frame {
    /// Reads a frame, and stops the test when it breaks a rule that holds for all frames: it is one
    /// object with a string `type` and at most 1,000,000 bytes; `presence` has both arrays (checklist
    /// 72), never one id in both (84), and never the reader's own (73); `error` has a code and a message
    /// (100).
    pub(crate) fn read(text: String, reader: Option<&str>) -> Self {
        assert!(text.len() <= MAX_FRAME_BYTES, "a frame of {} bytes", text.len());
        let members =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("no object, {error}: {text}"));
        let frame = Self { text, at: Instant::now(), members };
        match frame.kind().as_str() {
            "presence" => frame.check_presence(reader),
            "error" => {
                assert!(!frame.string("code").is_empty(), "an error without a code: {}", frame.text);
                assert!(!frame.string("message").is_empty(), "an error without a message: {}", frame.text);
            }
            _ => {}
        }
        frame
    }

    fn check_presence(&self, reader: Option<&str>) {
        let (joined, left) = (self.joined(), self.left());
        let both: Vec<_> = joined.iter().filter(|id| left.contains(id)).collect();
        assert!(both.is_empty(), "joined and left in one frame: {}", self.text);
        let own = reader.is_some_and(|own| joined.iter().chain(&left).any(|id| id == own));
        assert!(!own, "a presence frame names its reader: {}", self.text);
    }

    /// The member `type`.
    #[must_use]
    pub fn kind(&self) -> String {
        self.string("type")
    }

    /// Whether the frame has this member at all, `null` included.
    #[must_use]
    pub fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    /// A member as the bytes it was; stops the test when it is absent.
    #[must_use]
    pub fn raw(&self, member: &str) -> &str {
        self.members.get(member).unwrap_or_else(|| panic!("no {member} in {}", self.text)).get()
    }

    /// A member as JSON.
    #[must_use]
    pub fn get(&self, member: &str) -> Value {
        serde_json::from_str(self.raw(member))
            .unwrap_or_else(|error| panic!("{member}, {error}: {}", self.text))
    }

    /// A member that is a string.
    #[must_use]
    pub fn string(&self, member: &str) -> String {
        let value = self.get(member);
        value.as_str().unwrap_or_else(|| panic!("{member} is no string: {}", self.text)).to_owned()
    }

    /// The whole frame as JSON, for comparison.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The ids of `joined`, in their order.
    #[must_use]
    pub fn joined(&self) -> Vec<String> {
        self.ids("joined")
    }

    /// The ids of `left`, in their order.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        self.ids("left")
    }

    fn ids(&self, list: &str) -> Vec<String> {
        let entries = self.get(list);
        let entries = entries.as_array().unwrap_or_else(|| panic!("{list} is no array: {}", self.text));
        entries.iter().map(|entry| entry["peerId"].as_str().expect("a peerId").to_owned()).collect()
    }
}

/// Whether two lists name the same peers, each once, in whatever order.
#[must_use]
pub fn same_peers<A: AsRef<str>, B: AsRef<str>>(some: &[A], others: &[B]) -> bool {
    let set = |ids: &mut dyn Iterator<Item = &str>| ids.map(str::to_owned).collect::<BTreeSet<_>>();
    let (left, right) = (set(&mut some.iter().map(A::as_ref)), set(&mut others.iter().map(B::as_ref)));
    left == right && left.len() == some.len() && right.len() == others.len()
}
