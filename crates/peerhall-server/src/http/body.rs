//! Bodies and path parameters: from bytes of a stranger to checked text (REST API, section 1.2).

use std::fmt::Display;
use std::future::poll_fn;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use peerhall_proto::limits::MAX_REST_BODY_BYTES;
use serde::Deserialize;

use super::Refusal;
use crate::ws::handshake::percent_decode;

/// Reads a body of at most 32,768 bytes; a larger one is refused as soon as that shows. `patience` is
/// how long the client may take.
pub(super) async fn read(body: Body, patience: Duration) -> Result<String, Refusal> {
    if body.size_hint().lower() > MAX_REST_BODY_BYTES as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let bytes = tokio::time::timeout(patience, collect(body))
        .await
        .map_err(|_| Refusal::invalid("the body did not arrive in time"))??;
    String::from_utf8(bytes).map_err(|_| Refusal::invalid("the body is not UTF-8"))
}

async fn collect(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Refusal::invalid("the body broke off"))?;
        let Ok(chunk) = frame.into_data() else { continue };
        if bytes.len().saturating_add(chunk.len()) > MAX_REST_BODY_BYTES {
            return Err(Refusal::BodyTooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads a JSON object. Unknown members are ignored, a known one given twice is refused.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, Refusal> {
    // A list of values in the order of the members would be read as well.
    if !body.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        return Err(Refusal::invalid("the body has to be a JSON object"));
    }
    serde_json::from_str(body).map_err(Refusal::invalid)
}

/// Decodes and checks a parameter of the path.
pub(crate) fn param<T: FromStr<Err: Display>>(raw: &str) -> Result<T, Refusal> {
    let text = percent_decode(raw).map_err(Refusal::invalid)?;
    text.parse().map_err(Refusal::invalid)
}
