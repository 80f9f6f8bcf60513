//! JSON as a client sees it, without a parser: programs bring `serde_json`, browsers their own
//! parser. What reads frames is written once, against this trait.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde_json::{Map, Number, Value};

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// Any number.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// A plain object.
    Object,
}

/// One JSON value. Names of members are constants, so that a representation may know them by their place.
pub trait Json: Clone + fmt::Debug + 'static {
    /// `null`.
    fn null() -> Self;
    /// A truth value.
    fn boolean(value: bool) -> Self;
    /// A whole number.
    fn integer(value: u64) -> Self;
    /// A text.
    fn string(value: &str) -> Self;
    /// An object with these members, in this order where the representation keeps one.
    fn object(members: impl IntoIterator<Item = (&'static str, Self)>) -> Self;

    /// What the value is.
    fn kind(&self) -> JsonKind;
    /// The text of a string.
    fn as_text(&self) -> Option<Cow<'_, str>>;
    /// The value of a number, rounded where 64 bits do not hold it.
    fn as_number(&self) -> Option<f64>;
    /// A truth value.
    fn as_bool(&self) -> Option<bool>;
    /// A member of an object; `None` when there is none, or when this is no object.
    fn get(&self, name: &'static str) -> Option<Cow<'_, Self>>;
    /// Takes a member out of an object that is not needed any more; otherwise as [`get`](Self::get).
    fn take(&mut self, name: &'static str) -> Option<Self>;
    /// The entries of an array.
    fn into_items(self) -> Option<Vec<Self>>;
    /// Bytes of UTF-8 of the compact JSON text.
    fn encoded_len(&self) -> usize;

    /// Whether this is a plain object.
    fn is_object(&self) -> bool {
        self.kind() == JsonKind::Object
    }

    /// The text of a member that is a string.
    fn text_at(&self, name: &'static str) -> Option<String> {
        self.get(name).and_then(|value| value.as_text().map(Cow::into_owned))
    }
}

impl Json for Value {
    fn null() -> Self {
        Self::Null
    }

    fn boolean(value: bool) -> Self {
        Self::Bool(value)
    }

    fn integer(value: u64) -> Self {
        Self::Number(Number::from(value))
    }

    fn string(value: &str) -> Self {
        Self::String(value.to_owned())
    }

    fn object(members: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    }

    fn kind(&self) -> JsonKind {
        match self {
            Self::Null => JsonKind::Null,
            Self::Bool(_) => JsonKind::Bool,
            Self::Number(_) => JsonKind::Number,
            Self::String(_) => JsonKind::String,
            Self::Array(_) => JsonKind::Array,
            Self::Object(_) => JsonKind::Object,
        }
    }

    fn as_text(&self) -> Option<Cow<'_, str>> {
        self.as_str().map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<f64> {
        self.as_f64()
    }

    fn as_bool(&self) -> Option<bool> {
        Value::as_bool(self)
    }

    fn get(&self, name: &'static str) -> Option<Cow<'_, Self>> {
        self.as_object()?.get(name).map(Cow::Borrowed)
    }

    fn take(&mut self, name: &'static str) -> Option<Self> {
        self.as_object_mut()?.remove(name)
    }

    fn into_items(self) -> Option<Vec<Self>> {
        match self {
            Self::Array(items) => Some(items),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Object(_) => None,
        }
    }

    fn encoded_len(&self) -> usize {
        let mut count = Count(0);
        // Counting cannot fail, and a tree of values has only text for keys.
        match serde_json::to_writer(&mut count, self) {
            Ok(()) => count.0,
            Err(_) => usize::MAX,
        }
    }
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_length_is_that_of_the_compact_text() {
        for value in [json!(null), json!({"a": [1, 2.5, "ü\n"], "b": {"c": true}}), json!("x".repeat(1_000))]
        {
            assert_eq!(value.encoded_len(), serde_json::to_string(&value).unwrap().len());
        }
    }

    #[test]
    fn a_member_is_read_from_objects_only() {
        let mut value = json!({"a": {"b": "c"}});
        assert_eq!(Json::get(&value, "a").and_then(|inner| inner.text_at("b")).as_deref(), Some("c"));
        assert!(Json::get(&json!([1]), "0").is_none());
        assert_eq!(Json::take(&mut value, "a"), Some(json!({"b": "c"})));
        assert!(Json::get(&value, "a").is_none());
    }
}
