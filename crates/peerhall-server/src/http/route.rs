//! From method and raw path to what is asked for (REST API, section 1.2).
//!
//! Paths are taken apart as they came: a channel is everything between the fixed parts, so it may hold
//! raw slashes, dot segments and escapes.

use axum::http::Method;

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
mod tests {
    use super::*;

    fn endpoint(method: Method, path: &str) -> Option<Endpoint<'_>> {
        let Route::ControlPlane(endpoint) = Route::of(&method, path) else {
            panic!("{path} is outside /v1/")
        };
        endpoint
    }

    #[test]
    fn w140_a_channel_is_everything_between_the_fixed_parts() {
        let channel = |path| endpoint(Method::GET, path);
        assert_eq!(
            channel("/v1/channels/app_abc%2Froom-1/peers"),
            Some(Endpoint::ListPeers { channel: "app_abc%2Froom-1" })
        );
        assert_eq!(
            channel("/v1/channels/app_abc/room-1/peers"),
            Some(Endpoint::ListPeers { channel: "app_abc/room-1" })
        );
        assert_eq!(channel("/v1/channels/a/../b/peers"), Some(Endpoint::ListPeers { channel: "a/../b" }));
        assert_eq!(channel("/v1/channels//peers"), Some(Endpoint::ListPeers { channel: "" }));
        assert_eq!(channel("/v1/channels/a/peers/peers"), Some(Endpoint::ListPeers { channel: "a/peers" }));
        assert_eq!(
            endpoint(Method::POST, "/v1/channels//a//publish"),
            Some(Endpoint::Publish { channel: "/a/" })
        );
    }

    #[test]
    fn w147_a_known_path_with_another_method_is_unknown() {
        for (method, path) in [
            (Method::GET, "/v1/tokens"),
            (Method::OPTIONS, "/v1/tokens"),
            (Method::POST, "/v1/usage"),
            (Method::HEAD, "/v1/usage"),
            (Method::POST, "/v1/channels/a/peers"),
            (Method::GET, "/v1/channels/a/publish"),
            (Method::GET, "/v1/peers/a"),
            (Method::GET, "/v1/channels/peers"),
            (Method::DELETE, "/v1/peers"),
            (Method::POST, "/v1"),
            (Method::GET, "/v1/nothing"),
        ] {
            assert_eq!(endpoint(method.clone(), path), None, "{method} {path}");
        }
        assert_eq!(Route::of(&Method::POST, "/health"), Route::Unknown);
        assert_eq!(Route::of(&Method::GET, "/v10/usage"), Route::Unknown);
    }

    #[test]
    fn fixed_paths_may_end_in_a_slash_and_a_peer_id_may_hold_one() {
        assert_eq!(endpoint(Method::POST, "/v1/tokens/"), Some(Endpoint::MintToken));
        assert_eq!(endpoint(Method::GET, "/v1/usage/"), Some(Endpoint::Usage));
        assert_eq!(endpoint(Method::DELETE, "/v1/peers/a/b"), Some(Endpoint::DisconnectPeer { peer: "a/b" }));
        assert_eq!(endpoint(Method::DELETE, "/v1/peers/"), Some(Endpoint::DisconnectPeer { peer: "" }));
        assert_eq!(Route::of(&Method::GET, "/v1/"), Route::Socket);
    }
}
