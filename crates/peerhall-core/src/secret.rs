//! What must never be seen in logs, errors and dumps (sdk-behaviour, section 3.13).

use std::fmt;

/// A text that `Debug` does not show: keys, tokens, connect URLs, TURN passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Parameters of a URL whose values are credentials.
const QUERY: [&str; 3] = ["token", "key", "resume"];

/// Words of session descriptions and server lists whose values are credentials.
const FIELDS: [&str; 3] = ["ice-pwd", "ice-ufrag", "credential"];

/// The text with credentials replaced by `***`: values of `token`, `key` and `resume` in a query, and
/// of `ice-pwd`, `ice-ufrag` and `credential` before `:` or `=`, in any letter case.
#[must_use]
pub fn scrub(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        if let Some((shown, hidden)) = query_value(rest).or_else(|| field_value(rest, before)) {
            clean.push_str(rest.get(..shown).unwrap_or_default());
            clean.push_str("***");
            rest = rest.get(shown + hidden..).unwrap_or_default();
            before = Some('*');
        } else {
            clean.push(first);
            before = Some(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    clean
}

/// Lengths of what stays and of what is hidden, when `text` starts with `?token=…` or the like.
fn query_value(text: &str) -> Option<(usize, usize)> {
    let mark = text.strip_prefix(['?', '&'])?;
    let name = QUERY
        .iter()
        .find(|name| starts_with(mark, name) && mark.get(name.len()..).is_some_and(|r| r.starts_with('=')))?;
    let shown = 1 + name.len() + 1;
    let value = text.get(shown..)?;
    let hidden = value
        .find(|c: char| c == '&' || c.is_ascii_whitespace() || c == '"' || c == '\'')
        .unwrap_or(value.len());
    Some((shown, hidden))
}

/// The same for `ice-pwd:…` and the like; `before` is the character in front, for whole words.
fn field_value(text: &str, before: Option<char>) -> Option<(usize, usize)> {
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || !c.is_ascii() || c == '_') {
        return None;
    }
    let name = FIELDS.iter().find(|name| starts_with(text, name))?;
    let after = text.get(name.len()..)?;
    // In JSON the name ends with a quotation mark.
    let after = after.strip_prefix(['"', '\'']).unwrap_or(after).trim_start_matches(' ');
    let value = after.strip_prefix([':', '='])?.trim_start_matches(' ');
    let shown = text.len() - value.len();
    let hidden = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            value.get(1..).and_then(|inner| inner.find(quote)).map_or(value.len(), |end| end + 2)
        }
        Some(_) | None => {
            value.find(|c: char| c.is_ascii_whitespace() || c == ',' || c == ';').unwrap_or(value.len())
        }
    };
    Some((shown, hidden))
}

fn starts_with(text: &str, word: &str) -> bool {
    text.as_bytes().get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r68_keys_and_tokens_in_a_url_are_masked_in_any_letter_case() {
        assert_eq!(scrub("GET wss://h/v1?token=abc.def&x=1 failed"), "GET wss://h/v1?token=***&x=1 failed");
        assert_eq!(scrub("\"wss://h/v1?KEY=pk_live_1\""), "\"wss://h/v1?KEY=***\"");
        assert_eq!(scrub("?x=1&resume=zz"), "?x=1&resume=***");
        assert_eq!(scrub("monkey=1 ?keys=2"), "monkey=1 ?keys=2");
    }

    #[test]
    fn r69_ice_passwords_and_credentials_are_masked() {
        assert_eq!(scrub("a=ice-pwd:SECRET\r\na=ice-ufrag:ab"), "a=ice-pwd:***\r\na=ice-ufrag:***");
        assert_eq!(scrub(r#"{"credential": "p w", "x": 1}"#), r#"{"credential": ***, "x": 1}"#);
        assert_eq!(scrub("ICE-PWD = 'a b', next"), "ICE-PWD = ***, next");
        assert_eq!(scrub("my_credential=shown, ücredential:shown"), "my_credential=shown, ücredential:shown");
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("sk")), "<redacted>");
    }
}
