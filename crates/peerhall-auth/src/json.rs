//! Work on JSON text that leaves numbers and strings as they were written.

use peerhall_proto::frame::decode::nests_within;
use serde_json::value::RawValue;

/// Deepest nesting of arrays and objects in a token: what JSON parsers commonly take. Metadata travels
/// on to other peers, and a parser that gives up there costs them their connection.
pub(crate) const MAX_DEPTH: usize = 128;

/// Why a value cannot be a metadata claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The value is no JSON object.
    #[error("has to be a JSON object")]
    NotAnObject,
    /// The object is larger than its cap. Both numbers are bytes of compact JSON.
    #[error("has {size} bytes of compact JSON, the limit is {cap}")]
    TooLarge {
        /// Size of the object.
        size: usize,
        /// The limit.
        cap: usize,
    },
    /// Arrays and objects nest too deep.
    #[error("nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// The object without insignificant whitespace, its members in their order, numbers and strings byte
/// for byte, if it has at most `cap` bytes in that form.
pub(crate) fn compact_object(value: &RawValue, cap: usize) -> Result<Box<RawValue>, MetadataError> {
    if !value.get().starts_with('{') {
        return Err(MetadataError::NotAnObject);
    }
    if !nests_within(value.get(), MAX_DEPTH) {
        return Err(MetadataError::TooDeep);
    }
    let compact = compact(value.get());
    if compact.len() > cap {
        return Err(MetadataError::TooLarge { size: compact.len(), cap });
    }
    RawValue::from_string(compact).map_err(|_| MetadataError::NotAnObject)
}

/// A valid JSON text without the whitespace between its tokens.
fn compact(json: &str) -> String {
    let mut strings = Strings::default();
    json.chars().filter(|c| strings.contains(*c) || !matches!(c, ' ' | '\t' | '\n' | '\r')).collect()
}

/// Whether a valid JSON object has the member `name`, however its key is escaped.
pub(crate) fn has_member(object: &str, name: &str) -> bool {
    let mut strings = Strings::default();
    let mut depth = 0_usize;
    let mut opened = 0;
    let mut inside = false;
    for (at, c) in object.char_indices() {
        let was_inside = std::mem::replace(&mut inside, strings.contains(c));
        match (was_inside, inside) {
            (false, true) => opened = at,
            (true, false) if depth == 1 => {
                let (literal, rest) = (object.get(opened..=at), object.get(at + 1..));
                let is_key = rest.is_some_and(|rest| rest.trim_start().starts_with(':'));
                if is_key && literal.is_some_and(|literal| reads_as(literal, name)) {
                    return true;
                }
            }
            (false, false) => match c {
                '{' | '[' => depth += 1,
                '}' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            },
            (true, _) => {}
        }
    }
    false
}

fn reads_as(literal: &str, name: &str) -> bool {
    // A key with a lone surrogate cannot be read, and cannot be the one that is looked for.
    serde_json::from_str::<String>(literal).is_ok_and(|key| key == name)
}

/// Follows a valid JSON text and tells string contents from structure.
#[derive(Default)]
struct Strings {
    open: bool,
    escaped: bool,
}

impl Strings {
    /// Whether a string is open after `c`, the next character of the text.
    fn contains(&mut self, c: char) -> bool {
        match c {
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = self.open,
            '"' => self.open = !self.open,
            _ => {}
        }
        self.open
    }
}

#[cfg(test)]
mod tests;
