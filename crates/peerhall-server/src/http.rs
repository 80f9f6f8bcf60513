//! The HTTP plane: the REST API, health and metrics, the page at `/` and the console. WebSocket upgrades never
//! come here; a shard answers them itself.
//!
//! The way of a request: [`Route`] reads method and raw path, [`Plane::control_plane`] checks rate,
//! route and credential in the order of the REST API (section 1.3), and a file of [`rest`](crate::rest)
//! does the work. Everything that goes wrong on the way is a [`Refusal`], which knows its own answer.

mod body;
mod console;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod page;
mod rates;
mod refusal;
mod reports;
mod route;
mod source;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use peerhall_proto::rest::RestErrorCode;
use serde::Serialize;

use crate::clock::Clock;
use crate::config::Config;
use crate::control::Control;
use crate::metrics::Metrics;
use crate::prometheus;
use crate::rest::{self, Caller};
use crate::storage::Orders;

pub(crate) use self::body::{param, read_object};
use self::console::Console;
use self::page::Page;
use self::rates::Rates;
pub(crate) use self::refusal::Refusal;
use self::route::{Endpoint, Route};
use self::source::{Source, source};

/// Address of the socket that a request came on; whoever serves the router adds it to every request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// What only `peerhall dev` has.
#[derive(Clone)]
pub struct DevInfo {
    /// The throw-away publishable key, which the page at `/` fills in. Anybody who can open the page
    /// can use it.
    pub publishable_key: String,
    /// Lets one browser on another machine into the console, once. On this machine nothing is needed.
    pub console_token: String,
    /// Where a phone on the same network finds the page, if one can.
    pub phone_url: Option<String>,
    /// The address of this machine on that network; [`phone_url`](Self::phone_url) follows from it when the
    /// port is known. Default `None`.
    pub lan: Option<IpAddr>,
}

impl DevInfo {
    /// With a new random token for the console.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn new(publishable_key: String) -> io::Result<Self> {
        let console_token = console::random_text().map_err(io::Error::other)?;
        Ok(Self { publishable_key, console_token, phone_url: None, lan: None })
    }

    /// The same once the port is known.
    pub(crate) fn listening(mut self, port: u16, is_secure: bool) -> Self {
        let scheme = if is_secure { "https" } else { "http" };
        let url = |ip| format!("{scheme}://{}/", SocketAddr::new(ip, port));
        self.phone_url = self.lan.filter(|ip| !ip.is_loopback()).map(url);
        self
    }
}

impl fmt::Debug for DevInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DevInfo(<redacted>)")
    }
}

/// What the HTTP plane needs of the server.
#[derive(Debug, Clone)]
pub(crate) struct HttpState {
    pub(crate) control: Control,
    pub(crate) metrics: Metrics,
    pub(crate) config: Arc<Config>,
    /// Whether the server serves: false while it starts and while it drains.
    pub(crate) readiness: Arc<AtomicBool>,
    pub(crate) dev: Option<DevInfo>,
    pub(crate) orders: Orders,
    /// The STUN and TURN service, where this server has one.
    pub(crate) relay: Option<peerhall_turn::Handle>,
}

/// Answers every request. There is one handler and no routing table: channel names with raw slashes,
/// dot segments and escapes have to come through as they were sent (REST API, section 1.2). Wants a
/// runtime, on which the console takes its figures.
pub(crate) fn router(state: HttpState) -> Router {
    let plane = Arc::new(Plane::new(state));
    plane.console.begin();
    Router::new()
        .fallback(
            |State(plane): State<Arc<Plane>>, request: Request| async move { plane.respond(request).await },
        )
        .with_state(plane)
}

struct Plane {
    state: HttpState,
    page: Page,
    rates: Arc<Rates>,
    console: Arc<Console>,
    clock: Clock,
}

impl Plane {
    fn new(state: HttpState) -> Self {
        let page = Page::new(state.dev.as_ref());
        let rates = Arc::new(Rates::new(&state.config.rest));
        let clock = Clock::start();
        let console = Console::new(&state, rates.clone(), clock);
        Self { state, page, rates, console, clock }
    }

    async fn respond(&self, request: Request) -> Response {
        self.answer(request).await.unwrap_or_else(Refusal::into_response)
    }

    async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        // The path borrows from the target, the body is moved out of the request.
        let target = request.uri().clone();
        match Route::of(request.method(), target.path()) {
            Route::Page(path) => self.page.file(path).ok_or_else(Refusal::not_found),
            Route::Health => Ok(json(StatusCode::OK, &Health { status: "ok" })),
            Route::Ready => Ok(self.ready()),
            Route::Metrics => Ok(self.metrics().await),
            Route::Socket => Err(Refusal::UpgradeRequired),
            Route::Console(call) => {
                let call = call.ok_or_else(Refusal::not_found)?;
                let source = self.source(&request);
                self.console.answer(call, source, request).await
            }
            Route::Report => {
                let source = self.source(&request);
                self.console.hear(source, request).await
            }
            Route::ControlPlane(endpoint) => self.control_plane(endpoint, request).await,
            Route::Unknown => Err(Refusal::not_found()),
        }
    }

    /// Rate, route and authentication, in that order. The credential is looked up first, because a
    /// rate belongs to a key; what was found is told only after the first two.
    async fn control_plane(
        &self,
        endpoint: Option<Endpoint<'_>>,
        request: Request,
    ) -> Result<Response, Refusal> {
        let now = self.clock.tick();
        let source = self.source(&request);
        let keyring = self.state.control.keyring();
        let found = keyring.authenticate_rest(authorization(request.headers()));
        self.rates.admit(source, found.as_ref().ok().map(|key| &key.id), now)?;
        let endpoint = endpoint.ok_or_else(Refusal::not_found)?;
        let key = found.map_err(|_| {
            self.rates.count_failure(source, now);
            Refusal::unauthorized()
        })?;
        let app =
            keyring.app(&key.app).cloned().ok_or_else(|| Refusal::internal("the key has lost its app"))?;
        if app.suspended && endpoint != Endpoint::Usage {
            return Err(Refusal::rest(RestErrorCode::AccountSuspended, "the app is suspended"));
        }
        self.serve(endpoint, &Caller { key, app }, request).await
    }

    async fn serve(
        &self,
        endpoint: Endpoint<'_>,
        caller: &Caller,
        request: Request,
    ) -> Result<Response, Refusal> {
        let HttpState { control, config, .. } = &self.state;
        let body = || body::read(request.into_body(), config.limits.handshake_timeout);
        match endpoint {
            Endpoint::MintToken => rest::mint_token::answer(control, caller, &body().await?).map(ok),
            Endpoint::ListPeers { channel } => {
                in_time(rest::list_peers::answer(control, caller, channel)).await.map(ok)
            }
            Endpoint::Publish { channel } => {
                let body = body().await?;
                in_time(rest::publish::answer(control, config, caller, channel, &body)).await.map(ok)
            }
            Endpoint::DisconnectPeer { peer } => {
                in_time(rest::disconnect_peer::answer(control, caller, peer)).await.map(ok)
            }
            Endpoint::Usage => Ok(ok(rest::usage::answer(control, self.state.metrics.relay(), caller))),
        }
    }

    fn source(&self, request: &Request) -> Source {
        let socket = request.extensions().get::<ClientAddress>();
        let socket = socket.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
        source(&self.state.config, socket, request.headers())
    }

    fn ready(&self) -> Response {
        if self.is_ready() {
            json(StatusCode::OK, &Health { status: "ready" })
        } else {
            json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: "unavailable" })
        }
    }

    fn is_ready(&self) -> bool {
        self.state.readiness.load(Ordering::Acquire)
    }

    async fn metrics(&self) -> Response {
        // The process's figures come from a file system, though one in memory.
        let process = tokio::task::spawn_blocking(prometheus::Process::read).await.unwrap_or_default();
        let text = prometheus::render(&self.state.metrics, &process, self.is_ready());
        let content_type = HeaderValue::from_static(prometheus::CONTENT_TYPE);
        ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, NO_STORE)], text).into_response()
    }
}

/// How long the shards may take over an answer. They take microseconds, unless they are ending.
const SHARDS_WITHIN: Duration = Duration::from_secs(10);

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// The one `Authorization` header. Two of them count as none, and so does one that is no text.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

async fn in_time<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    match tokio::time::timeout(SHARDS_WITHIN, work).await {
        Ok(answer) => answer,
        Err(_) => Err(Refusal::internal("the server did not answer in time")),
    }
}

fn ok(body: impl Serialize) -> Response {
    json(StatusCode::OK, &body)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(CONTENT_TYPE, JSON), (CACHE_CONTROL, NO_STORE)], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            (StatusCode::SERVICE_UNAVAILABLE, [(CACHE_CONTROL, NO_STORE)]).into_response()
        }
    }
}

#[cfg(test)]
pub(in crate::http) mod tests;
