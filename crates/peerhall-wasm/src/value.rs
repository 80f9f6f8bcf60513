//! Values of the other side, read and made through the border.

use std::borrow::Cow;
use std::fmt;
use std::mem::ManuallyDrop;
use std::num::NonZeroU32;
use std::time::Duration;

use peerhall_proto::json::{Json, JsonKind};

use crate::js;

/// Makes an object of the other side: `record! { "name": value, … }`. What is undefined is left out.
macro_rules! record {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::value::made_of(concat!($($name, ","),*), &[$($crate::value::Value::from($value).given()),*])
    };
}

pub(crate) use record;

/// An object with these members, whose names end with a comma each. Their values are given away.
pub(crate) fn made_of(names: &'static str, values: &[u32]) -> Value {
    js::record(names.as_ptr(), names.len(), values.as_ptr(), values.len())
}

/// The number of one value of the other side, which forgets it when this is dropped.
#[repr(transparent)]
pub(crate) struct Value(NonZeroU32);

impl Clone for Value {
    fn clone(&self) -> Self {
        js::again(self.raw())
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        js::release(self.raw());
    }
}

impl Value {
    /// The number for the other side, which forgets it when it has used it.
    pub(crate) fn given(self) -> u32 {
        ManuallyDrop::new(self).raw()
    }

    pub(crate) fn undefined() -> Self {
        Self(js::UNDEFINED)
    }

    pub(crate) fn number(value: f64) -> Self {
        js::number(value)
    }

    /// Adds a member to an object.
    #[cfg(feature = "room")]
    pub(crate) fn with(self, name: &'static str, value: impl Into<Self>) -> Self {
        js::set(self.raw(), name.as_ptr(), name.len(), value.into());
        self
    }

    pub(crate) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        let list = js::list();
        for item in items {
            js::push(list.raw(), item);
        }
        list
    }

    /// A text that is a constant here, of ASCII.
    #[cfg(feature = "labelled")]
    pub(crate) fn word(word: &'static str) -> Self {
        js::word(word.as_ptr(), word.len())
    }

    /// New bytes of the other side.
    #[cfg(feature = "labelled")]
    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        js::bytes(bytes.as_ptr(), bytes.len())
    }

    /// A copy of bytes of the other side.
    #[cfg(feature = "labelled")]
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len()];
        js::fill(self.raw(), bytes.as_mut_ptr());
        bytes
    }

    /// Parses a text of the other side.
    pub(crate) fn parse(&self) -> Option<Self> {
        js::parse(self.raw())
    }

    /// UTF-16 units of a text, entries of a list, or how many bytes.
    pub(crate) fn len(&self) -> usize {
        js::len(self.raw())
    }

    /// A member, whatever it is.
    pub(crate) fn member(&self, name: &'static str) -> Option<Self> {
        js::get(self.raw(), name.as_ptr(), name.len())
    }

    /// A member that is a text, or an empty one.
    pub(crate) fn text(&self, name: &'static str) -> String {
        self.text_at(name).unwrap_or_default()
    }

    /// A member that is a number, or 0.
    pub(crate) fn float(&self, name: &'static str) -> f64 {
        self.member(name).and_then(|value| value.as_number()).unwrap_or_default()
    }

    /// A member that is a whole number, or 0.
    pub(crate) fn whole(&self, name: &'static str) -> u64 {
        self.float(name) as u64
    }

    /// Whether a member is `true`.
    pub(crate) fn flag(&self, name: &'static str) -> bool {
        self.member(name).is_some_and(|value| value.0 == js::TRUE)
    }

    fn raw(&self) -> u32 {
        self.0.get()
    }
}

/// So many milliseconds, as JavaScript counts time; none for what is no time.
pub(crate) fn millis(millis: f64) -> Duration {
    Duration::from_micros((millis * 1_000.0) as u64)
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::number(value as f64)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::number(value as f64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::string(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::string(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::boolean(value)
    }
}

impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        Self::number(value.as_secs_f64() * 1_000.0)
    }
}

impl From<Option<Self>> for Value {
    fn from(value: Option<Self>) -> Self {
        value.unwrap_or_else(Self::undefined)
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        value.as_ref().map(Self::from).into()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value")
    }
}

impl Json for Value {
    fn null() -> Self {
        Self(js::NULL)
    }

    fn boolean(value: bool) -> Self {
        Self(if value { js::TRUE } else { js::FALSE })
    }

    fn integer(value: u64) -> Self {
        Self::from(value)
    }

    fn string(value: &str) -> Self {
        let units: Vec<u16> = value.encode_utf16().collect();
        js::text(units.as_ptr(), units.len())
    }

    fn object(members: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        let object = js::object();
        for (name, value) in members {
            js::set(object.raw(), name.as_ptr(), name.len(), value);
        }
        object
    }

    fn kind(&self) -> JsonKind {
        match js::kind(self.raw()) {
            1 => JsonKind::Bool,
            2 => JsonKind::Number,
            3 => JsonKind::String,
            4 => JsonKind::Array,
            5 => JsonKind::Object,
            _ => JsonKind::Null,
        }
    }

    fn as_text(&self) -> Option<Cow<'_, str>> {
        if self.kind() != JsonKind::String {
            return None;
        }
        let mut units = vec![0_u16; self.len()];
        js::copy(self.raw(), units.as_mut_ptr());
        Some(Cow::Owned(String::from_utf16_lossy(&units)))
    }

    fn as_number(&self) -> Option<f64> {
        (self.kind() == JsonKind::Number).then(|| js::float(self.raw()))
    }

    fn as_bool(&self) -> Option<bool> {
        (self.kind() == JsonKind::Bool).then(|| self.0 == js::TRUE)
    }

    fn get(&self, name: &'static str) -> Option<Cow<'_, Self>> {
        self.is_object().then(|| self.member(name))?.map(Cow::Owned)
    }

    fn take(&mut self, name: &'static str) -> Option<Self> {
        self.get(name).map(Cow::into_owned)
    }

    fn into_items(self) -> Option<Vec<Self>> {
        (self.kind() == JsonKind::Array)
            .then(|| (0..self.len()).map(|index| js::item(self.raw(), index)).collect())
    }

    fn encoded_len(&self) -> usize {
        js::size(self.raw())
    }
}
