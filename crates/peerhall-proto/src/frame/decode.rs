//! From the text of one message to a checked client frame, in the order of wire protocol section 6:
//! envelope first, then type, request id, channel or peer, data. The server charges its rate bucket
//! between the two steps, which is why they are two.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::code::ErrorCode;
use crate::frame::client::{ClientFrame, Publish, Request, Send, Subscribe, Unsubscribe};
use crate::ids::{ChannelName, PeerId, RequestId};

/// Why a client's message was refused, with the id under which to say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the `error` frame.
    pub code: ErrorCode,
    /// What is wrong, for people.
    pub message: &'static str,
    /// The request's own id, when it had a valid one.
    pub request_id: Option<RequestId>,
}

/// The members of a client message that the protocol knows, still as raw JSON. Members it does not
/// know have been passed over.
#[derive(Debug, Default)]
pub struct Envelope<'a> {
    kind: Option<&'a RawValue>,
    request_id: Option<&'a RawValue>,
    channel: Option<&'a RawValue>,
    to: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    include_sender_metadata: Option<&'a RawValue>,
    repeated: bool,
}

impl<'a> Envelope<'a> {
    /// Reads the outer object of one message.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::MalformedMessage`] when the text is not one JSON object with a string `type`, or
    /// when an envelope member stands in it twice.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let envelope = reader
            .deserialize_map(EnvelopeVisitor)
            .and_then(|envelope| reader.end().map(|()| envelope))
            .map_err(|_| malformed("not a JSON object", None))?;
        if envelope.repeated {
            return Err(malformed("a member is given twice", None));
        }
        if envelope.kind.and_then(text_of).is_none() {
            return Err(malformed("no string member `type`", envelope.valid_request_id()));
        }
        Ok(envelope)
    }

    /// Checks the members that the frame's type needs and builds the frame. Nesting of `data` deeper
    /// than `max_data_depth` arrays and objects is refused; 0 lifts that limit.
    ///
    /// # Errors
    ///
    /// The first failed check of wire protocol section 6: `unknown_type`, `malformed_message` (a bad
    /// `requestId`), `invalid_channel`, `invalid_peer_id`, `missing_data`, and `malformed_message`
    /// for `data` nested too deeply.
    pub fn decode(self, max_data_depth: usize) -> Result<Request<'a>, Refusal> {
        let kind = self.kind.and_then(text_of).unwrap_or_default();
        if !matches!(&*kind, "subscribe" | "unsubscribe" | "publish" | "send" | "ping") {
            return Err(Refusal {
                code: ErrorCode::UnknownType,
                message: "unknown message type",
                request_id: self.valid_request_id(),
            });
        }
        let request_id = self.checked_request_id()?;
        let frame = self.frame(&kind, max_data_depth).map_err(|(code, message)| Refusal {
            code,
            message,
            request_id: request_id.clone(),
        })?;
        Ok(Request { frame, request_id })
    }

    fn frame(&self, kind: &str, max_data_depth: usize) -> Result<ClientFrame<'a>, (ErrorCode, &'static str)> {
        Ok(match kind {
            "subscribe" => ClientFrame::Subscribe(Subscribe {
                channel: self.checked_channel()?,
                include_sender_metadata: self.include_sender_metadata.is_some_and(|raw| raw.get() == "true"),
            }),
            "unsubscribe" => ClientFrame::Unsubscribe(Unsubscribe { channel: self.checked_channel()? }),
            "publish" => ClientFrame::Publish(Publish {
                channel: self.checked_channel()?,
                data: self.checked_data(max_data_depth)?,
            }),
            "send" => {
                ClientFrame::Send(Send { to: self.checked_to()?, data: self.checked_data(max_data_depth)? })
            }
            _ => ClientFrame::Ping,
        })
    }

    fn valid_request_id(&self) -> Option<RequestId> {
        self.checked_request_id().ok().flatten()
    }

    fn checked_request_id(&self) -> Result<Option<RequestId>, Refusal> {
        let Some(raw) = self.request_id else { return Ok(None) };
        text_of(raw)
            .and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or_else(|| malformed("`requestId` is a string of 1 to 128 bytes", None))
    }

    fn checked_channel(&self) -> Result<ChannelName, (ErrorCode, &'static str)> {
        self.channel.and_then(text_of).and_then(|text| text.parse().ok()).ok_or((
            ErrorCode::InvalidChannel,
            "`channel` is a string of 1 to 256 bytes without control characters",
        ))
    }

    fn checked_to(&self) -> Result<PeerId, (ErrorCode, &'static str)> {
        self.to
            .and_then(text_of)
            .and_then(|text| text.parse().ok())
            .ok_or((ErrorCode::InvalidPeerId, "`to` is a string of 1 to 128 printable ASCII characters"))
    }

    fn checked_data(&self, max_depth: usize) -> Result<&'a RawValue, (ErrorCode, &'static str)> {
        let data = self.data.ok_or((ErrorCode::MissingData, "`data` is missing"))?;
        if max_depth > 0 && !nests_within(data.get(), max_depth) {
            return Err((ErrorCode::MalformedMessage, "`data` is nested too deeply"));
        }
        Ok(data)
    }
}

/// Whether the arrays and objects of a valid JSON text nest at most `max_depth` deep.
#[must_use]
pub fn nests_within(json: &str, max_depth: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                if depth > max_depth {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

/// The text of a JSON string, unescaped; `None` for every other value and for lone surrogates.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

fn malformed(message: &'static str, request_id: Option<RequestId>) -> Refusal {
    Refusal { code: ErrorCode::MalformedMessage, message, request_id }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(member) = map.next_key::<Member>()? {
            let place = match member {
                Member::Type => &mut envelope.kind,
                Member::RequestId => &mut envelope.request_id,
                Member::Channel => &mut envelope.channel,
                Member::To => &mut envelope.to,
                Member::Data => &mut envelope.data,
                Member::IncludeSenderMetadata => &mut envelope.include_sender_metadata,
                Member::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value = map.next_value::<&'de RawValue>()?;
            envelope.repeated |= place.replace(value).is_some();
        }
        Ok(envelope)
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Member {
    Type,
    RequestId,
    Channel,
    To,
    Data,
    IncludeSenderMetadata,
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests;
