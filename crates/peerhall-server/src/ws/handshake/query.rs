//! Query parameters of the WebSocket endpoint (wire protocol, section 1.1).

use std::borrow::Cow;
use std::fmt;

/// One parameter, percent-decoded. Its `Debug` leaves out the value, which may be a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct Param<'q> {
    /// The name.
    pub name: Cow<'q, str>,
    /// The value, empty when there is none. An error is the sender's, and matters only where the name
    /// does: parameters that the server does not know are ignored, whatever is in them.
    pub value: Result<Cow<'q, str>, QueryError>,
}

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Param({:?}, <redacted>)", self.name)
    }
}

/// Why a value cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A `%` without two hexadecimal digits behind it.
    #[error("a percent sign is not followed by two hexadecimal digits")]
    InvalidEscape,
    /// The decoded bytes are no UTF-8.
    #[error("the value is not UTF-8")]
    InvalidUtf8,
}

/// The parameters of a query, in order, repeated ones included. `+` stays a plus sign: the SDKs
/// percent-encode, they do not submit forms. A name that cannot be decoded is none that the server
/// knows, so its parameter is left out.
pub fn query_params(query: &str) -> impl Iterator<Item = Param<'_>> {
    query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some(Param { name: percent_decode(name).ok()?, value: percent_decode(value) })
    })
}

/// Decodes percent escapes once; everything else, `+` included, stays as it is.
pub(crate) fn percent_decode(raw: &str) -> Result<Cow<'_, str>, QueryError> {
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_first_chunk().ok_or(QueryError::InvalidEscape)?;
            bytes.push(hex_byte(*digits).ok_or(QueryError::InvalidEscape)?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| QueryError::InvalidUtf8)
}

fn hex_byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    Some(digit(high)? << 4 | digit(low)?)
}
