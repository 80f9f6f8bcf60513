//! What a sender says about a stream or track.

use serde_json::{Map, Value};

/// A plain JSON object with two members that everybody understands, and whatever else an application
/// puts in. Receivers get it as the sender sent it: it is a hint, and no proof of anything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamMetadata(Map<String, Value>);

impl StreamMetadata {
    /// Metadata without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the role: `camera`, `screen`, `canvas`, `file`, or a word of one's own.
    #[must_use]
    pub fn with_role(self, role: &str) -> Self {
        self.with("role", role)
    }

    /// With a label for people.
    #[must_use]
    pub fn with_label(self, label: &str) -> Self {
        self.with("label", label)
    }

    /// With another member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The role, when there is one.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.get("role")?.as_str()
    }

    /// The label, when there is one.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.get("label")?.as_str()
    }

    /// Any member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    pub(crate) fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self(members)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        }
    }
}

impl From<Map<String, Value>> for StreamMetadata {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}
