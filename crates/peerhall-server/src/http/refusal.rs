//! Every answer that is not what was asked for (REST API, section 1.3).

use std::fmt::Display;

use axum::http::header::{CACHE_CONTROL, CONNECTION, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use peerhall_proto::limits::MAX_REST_BODY_BYTES;
use peerhall_proto::rest::{RestError, RestErrorCode};

use super::{NO_STORE, json};
use crate::control::Stopping;
use crate::ws::handshake;

/// Bytes of a message. Parsers repeat what they did not like, and that can be a whole body.
const MAX_MESSAGE_BYTES: usize = 300;

/// Why a request does not get what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A code of the API, and a sentence for people.
    Rest {
        /// The contract.
        code: RestErrorCode,
        /// May change.
        message: String,
    },
    /// A body over the limit.
    BodyTooLarge,
    /// A rate of a key or of an address is used up.
    TooManyRequests {
        /// Seconds until the next request is welcome.
        retry_after: u64,
    },
    /// A plain request to the WebSocket endpoint (wire protocol, section 1.2).
    UpgradeRequired,
}

impl Refusal {
    pub(crate) fn rest(code: RestErrorCode, message: impl Display) -> Self {
        let mut message = message.to_string();
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        Self::Rest { code, message }
    }

    /// 400: the request breaks a rule.
    pub(crate) fn invalid(why: impl Display) -> Self {
        Self::rest(RestErrorCode::InvalidRequest, why)
    }

    /// 401: always the same, so that it tells nothing about which keys exist (authentication, section 9).
    pub(crate) fn unauthorized() -> Self {
        Self::rest(
            RestErrorCode::Unauthorized,
            "send a secret key as `Authorization: Bearer <sk_id_…>:<sk_secret_…>`",
        )
    }

    /// 404: no such path, or not with this method.
    pub(crate) fn not_found() -> Self {
        Self::rest(RestErrorCode::NotFound, "no such path, or not with this method")
    }

    /// 503: a passing fault.
    pub(crate) fn internal(why: impl Display) -> Self {
        Self::rest(RestErrorCode::InternalError, why)
    }
}

impl From<Stopping> for Refusal {
    fn from(stopping: Stopping) -> Self {
        Self::internal(stopping)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Rest { code, message } => {
                let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                let mut response = json(status, &RestError { error: code, message });
                if code == RestErrorCode::Unauthorized {
                    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                }
                response
            }
            Self::BodyTooLarge => {
                let message = format!("the body may have {MAX_REST_BODY_BYTES} bytes");
                let error = RestError { error: RestErrorCode::InvalidRequest, message };
                let mut response = json(StatusCode::PAYLOAD_TOO_LARGE, &error);
                // The rest of the body is not read, so nothing can follow it.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
            Self::TooManyRequests { retry_after } => (
                StatusCode::TOO_MANY_REQUESTS,
                [(RETRY_AFTER, HeaderValue::from(retry_after)), (CACHE_CONTROL, NO_STORE)],
            )
                .into_response(),
            Self::UpgradeRequired => {
                let websocket = HeaderValue::from_static("websocket");
                let headers = [(UPGRADE, websocket), (CACHE_CONTROL, NO_STORE)];
                let words = format!("{}\n", handshake::Refusal::UpgradeRequired);
                (StatusCode::UPGRADE_REQUIRED, headers, words).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_never_repeats_a_whole_body() {
        let Refusal::Rest { message, .. } = Refusal::invalid("ü".repeat(20_000)) else { panic!("no code") };
        assert_eq!(message.len(), MAX_MESSAGE_BYTES);
    }
}
