//! Values of the other side, read and made through the border.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use peerhall_proto::json::{Json, JsonKind};

use crate::js;

/// Makes an object of the other side: `record! { "name": value, … }`. What is undefined is left out.
macro_rules! record {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::value::made_of(concat!($($name, ","),*), &[$($crate::value::Value::from($value)),*])
    };
}

pub(crate) use record;

/// An object with these members, whose names end with a comma each.
pub(crate) fn made_of(names: &str, values: &[Value]) -> Value {
    let values: Vec<u32> = values.iter().map(Value::raw).collect();
    Value::from_raw(js::record(names.as_ptr(), names.len(), values.as_ptr(), values.len()))
}

/// One value of the other side. Cheap to clone; the other side forgets it with the last clone.
#[derive(Clone)]
pub(crate) struct Value(Rc<Handle>);

struct Handle(u32);

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0 > js::TRUE {
            js::release(self.0);
        }
    }
}

impl Value {
    /// Takes over a number that the other side gave.
    pub(crate) fn from_raw(raw: u32) -> Self {
        Self(Rc::new(Handle(raw)))
    }

    /// Gives the other side a number of its own for this value.
    pub(crate) fn into_raw(self) -> u32 {
        match Rc::try_unwrap(self.0) {
            Ok(handle) => {
                let raw = handle.0;
                std::mem::forget(handle);
                raw
            }
            Err(shared) if shared.0 > js::TRUE => js::again(shared.0),
            Err(shared) => shared.0,
        }
    }

    pub(crate) fn undefined() -> Self {
        Self::from_raw(js::UNDEFINED)
    }

    pub(crate) fn number(value: f64) -> Self {
        Self::from_raw(js::number(value))
    }

    /// Adds a member to an object.
    #[cfg(feature = "room")]
    pub(crate) fn with(self, name: &str, value: impl Into<Self>) -> Self {
        js::set(self.raw(), name.as_ptr(), name.len(), value.into().raw());
        self
    }

    pub(crate) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        let list = Self::from_raw(js::list());
        for item in items {
            js::push(list.raw(), item.raw());
        }
        list
    }

    /// Parses a text of the other side.
    pub(crate) fn parse(&self) -> Option<Self> {
        let parsed = js::parse(self.raw());
        (parsed != js::UNDEFINED).then(|| Self::from_raw(parsed))
    }

    /// UTF-16 units of a text, or entries of a list.
    pub(crate) fn len(&self) -> usize {
        js::len(self.raw())
    }

    /// A member, whatever it is.
    pub(crate) fn member(&self, name: &str) -> Option<Self> {
        let raw = js::get(self.raw(), name.as_ptr(), name.len());
        (raw != js::UNDEFINED).then(|| Self::from_raw(raw))
    }

    /// A member that is a text, or an empty one.
    pub(crate) fn text(&self, name: &str) -> String {
        self.text_at(name).unwrap_or_default()
    }

    /// A member that is a number, or 0.
    pub(crate) fn float(&self, name: &str) -> f64 {
        self.member(name).and_then(|value| value.as_number()).unwrap_or_default()
    }

    /// A member that is a whole number, or 0.
    pub(crate) fn whole(&self, name: &str) -> u64 {
        self.float(name) as u64
    }

    /// Whether a member is `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.member(name).is_some_and(|value| value.raw() == js::TRUE)
    }

    pub(crate) fn raw(&self) -> u32 {
        self.0.0
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
        Self::from_raw(js::NULL)
    }

    fn boolean(value: bool) -> Self {
        Self::from_raw(if value { js::TRUE } else { js::FALSE })
    }

    fn integer(value: u64) -> Self {
        Self::from(value)
    }

    fn string(value: &str) -> Self {
        let units: Vec<u16> = value.encode_utf16().collect();
        Self::from_raw(js::text(units.as_ptr(), units.len()))
    }

    fn object<'a>(members: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let object = Self::from_raw(js::object());
        for (name, value) in members {
            if value.raw() != js::UNDEFINED {
                js::set(object.raw(), name.as_ptr(), name.len(), value.raw());
            }
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
        (self.kind() == JsonKind::Bool).then(|| self.raw() == js::TRUE)
    }

    fn get(&self, name: &str) -> Option<Cow<'_, Self>> {
        self.is_object().then(|| self.member(name))?.map(Cow::Owned)
    }

    fn take(&mut self, name: &str) -> Option<Self> {
        self.get(name).map(Cow::into_owned)
    }

    fn into_items(self) -> Option<Vec<Self>> {
        (self.kind() == JsonKind::Array)
            .then(|| (0..self.len()).map(|index| Self::from_raw(js::item(self.raw(), index))).collect())
    }

    fn encoded_len(&self) -> usize {
        js::size(self.raw())
    }
}
