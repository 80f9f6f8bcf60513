//! From method and raw path to what is asked for (REST API, section 1.2).
//!
//! Paths are taken apart as they came: a channel is everything between the fixed parts, so it may hold
//! raw slashes, dot segments and escapes.

use axum::http::Method;

use super::console::Call;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'p> {
    /// A file of the page at `/`, if there is one of this path.
    Page(&'p str),
    /// `/health`
    Health,
    /// `/ready`
    Ready,
    /// `/metrics`
    Metrics,
    /// The WebSocket endpoint, without an upgrade.
    Socket,
    /// Something under `/console/api/`; `None` when there is nothing of this path and method.
    Console(Option<Call>),
    /// `POST /page/report`: how the calls of a page go.
    Report,
    /// Something under `/v1/`; `None` when there is nothing of this path and method.
    ControlPlane(Option<Endpoint<'p>>),
    /// Nothing that there is.
    Unknown,
}

/// One of the five endpoints, with the raw parameter of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint<'p> {
    /// `POST /v1/tokens`
    MintToken,
    /// `GET /v1/channels/:id/peers`
    ListPeers {
        /// Still percent-encoded.
        channel: &'p str,
    },
    /// `POST /v1/channels/:id/publish`
    Publish {
        /// Still percent-encoded.
        channel: &'p str,
    },
    /// `DELETE /v1/peers/:id`
    DisconnectPeer {
        /// Still percent-encoded.
        peer: &'p str,
    },
    /// `GET /v1/usage`
    Usage,
}

impl<'p> Route<'p> {
    pub(super) fn of(method: &Method, path: &'p str) -> Self {
        if let Some(rest) = path.strip_prefix("/v1") {
            return match rest {
                "" | "/" if method == Method::GET => Self::Socket,
                _ if rest.is_empty() || rest.starts_with('/') => {
                    Self::ControlPlane(Endpoint::of(method, rest))
                }
                _ => Self::Unknown,
            };
        }
        if let Some(rest) = path.strip_prefix("/console/api/") {
            return Self::Console(Call::of(method, rest));
        }
        if path == "/page/report" && method == Method::POST {
            return Self::Report;
        }
        if method != Method::GET && method != Method::HEAD {
            return Self::Unknown;
        }
        match path {
            "/health" | "/health/" => Self::Health,
            "/ready" | "/ready/" => Self::Ready,
            "/metrics" | "/metrics/" => Self::Metrics,
            _ => Self::Page(path),
        }
    }
}

impl<'p> Endpoint<'p> {
    /// `rest` is what follows `/v1`.
    fn of(method: &Method, rest: &'p str) -> Option<Self> {
        let (get, post, delete) = (method == Method::GET, method == Method::POST, method == Method::DELETE);
        match rest {
            "/tokens" | "/tokens/" => post.then_some(Self::MintToken),
            "/usage" | "/usage/" => get.then_some(Self::Usage),
            _ => {
                if let Some(peer) = rest.strip_prefix("/peers/") {
                    return delete.then_some(Self::DisconnectPeer { peer });
                }
                let named = rest.strip_prefix("/channels/")?;
                if get {
                    named.strip_suffix("/peers").map(|channel| Self::ListPeers { channel })
                } else if post {
                    named.strip_suffix("/publish").map(|channel| Self::Publish { channel })
                } else {
                    None
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
