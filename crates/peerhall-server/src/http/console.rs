//! The console at `/console`: what an operator of one app sees and does. Everything below `/console/api/`
//! comes here; the files of the page are [`page`](super::page)'s.
//!
//! The way of a call: [`Call`] reads method and path, [`gate`] refuses what another web site sent,
//! [`sessions`] says who asks, and one file for each subject does the work. Nothing here is seen by
//! clients, and nothing is taken from the shards unless somebody asks.

mod check;
mod connections;
mod events;
mod gate;
mod inspect;
mod keys;
mod ladder;
mod mask;
mod rooms;
mod sampler;
mod sessions;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use peerhall_hub::Tick;
use peerhall_proto::ids::PeerId;
use peerhall_proto::rest::RestErrorCode;
use serde::{Deserialize, Serialize};

use self::events::Places;
use self::rooms::Told;
use self::sampler::{Calls, Sampler};
pub(super) use self::sessions::random_text;
use self::sessions::{Operator, Pass, Sessions};
use super::rates::Rates;
use super::reports::{Audience, Reports};
use super::source::Source;
use super::{HttpState, Refusal, body, in_time, ok, read_object};
use crate::clock::Clock;
use crate::store::AuditAction;
use crate::ws::handshake::query_params;

/// One thing that the page asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// `GET session`: who am I?
    Session,
    /// `POST session`: let me in.
    SignIn,
    /// `POST session/end`
    SignOut,
    /// `GET feed`: figures of every second.
    Feed,
    /// `GET rooms`
    Rooms,
    /// `GET connections?q=`
    Connections,
    /// `GET inspect?id=`: the frames of one connection from now on.
    Inspect,
    /// `POST kick`
    Kick,
    /// `GET keys`
    Keys,
    /// `POST keys`
    CreateKey,
    /// `POST keys/revoke`
    RevokeKey,
    /// `POST check`: may this token do that?
    Check,
}

impl Call {
    /// `path` is what follows `/console/api/`.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let calls = [
            (Method::GET, "session", Self::Session),
            (Method::POST, "session", Self::SignIn),
            (Method::POST, "session/end", Self::SignOut),
            (Method::GET, "feed", Self::Feed),
            (Method::GET, "rooms", Self::Rooms),
            (Method::GET, "connections", Self::Connections),
            (Method::GET, "inspect", Self::Inspect),
            (Method::POST, "kick", Self::Kick),
            (Method::GET, "keys", Self::Keys),
            (Method::POST, "keys", Self::CreateKey),
            (Method::POST, "keys/revoke", Self::RevokeKey),
            (Method::POST, "check", Self::Check),
        ];
        calls.into_iter().find(|(verb, name, _)| verb == method && *name == path).map(|(_, _, call)| call)
    }

    /// Whether it changes something, or takes a secret.
    fn writes(self) -> bool {
        match self {
            Self::Session | Self::Feed | Self::Rooms | Self::Connections | Self::Inspect | Self::Keys => {
                false
            }
            Self::SignIn | Self::SignOut | Self::Kick => true,
            Self::CreateKey | Self::RevokeKey | Self::Check => true,
        }
    }
}

/// The console of one server.
pub(super) struct Console {
    state: HttpState,
    sessions: Sessions,
    sampler: Arc<Sampler>,
    reports: Arc<Reports>,
    inspectors: Places,
    rates: Arc<Rates>,
    clock: Clock,
}

/// What `GET session` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Welcome {
    signed_in: bool,
    /// `dev` or `serve`.
    mode: &'static str,
    app: Option<String>,
    /// What the session was opened with, shortened.
    by: Option<String>,
    version: &'static str,
}

/// What `POST session` wants: a secret key, or the token that `peerhall dev` printed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignIn<'a> {
    #[serde(default, borrow)]
    key_id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    secret: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    token: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Kick {
    peer: PeerId,
}

#[derive(Serialize)]
struct Kicked {
    closed: usize,
}

impl Console {
    pub(super) fn new(state: &HttpState, rates: Arc<Rates>, clock: Clock) -> Arc<Self> {
        let always = state.dev.is_some();
        let reports = Arc::<Reports>::default();
        let calls = Calls { relay: state.relay.clone(), reports: reports.clone(), clock };
        let sampler = Sampler::new(state.metrics.clone(), state.control.clone(), calls, always);
        Arc::new(Self {
            sessions: Sessions::new(state.dev.as_ref()),
            state: state.clone(),
            sampler: Arc::new(sampler),
            reports,
            inspectors: inspect::places(),
            rates,
            clock,
        })
    }

    /// Begins to take figures where they are always taken. Wants a runtime.
    pub(super) fn begin(&self) {
        if self.state.dev.is_some() {
            self.sampler.wake();
        }
    }

    /// Takes what a page tells of its calls. It wants no session, and tells nothing but when to come again.
    pub(super) async fn hear(&self, source: Source, request: Request) -> Result<Response, Refusal> {
        gate::check(request.headers(), true)?;
        let now = self.clock.tick();
        self.rates.admit(source, None, now)?;
        let body = self.body(request).await?;
        let audience = if self.sampler.is_awake() { Audience::Somebody } else { Audience::Nobody };
        let heard = self.reports.take(&self.state.control.keyring(), &body, audience, now)?;
        heard.map(ok).ok_or_else(|| {
            self.rates.count_failure(source, now);
            Refusal::rest(RestErrorCode::Unauthorized, "no publishable key of this server")
        })
    }

    pub(super) async fn answer(
        self: &Arc<Self>,
        call: Call,
        source: Source,
        request: Request,
    ) -> Result<Response, Refusal> {
        gate::check(request.headers(), call.writes())?;
        let now = self.clock.tick();
        let headers = request.headers();
        if call == Call::SignIn {
            return self.sign_in(source, request, now).await;
        }
        let pass = self.sessions.pass(headers, source, now);
        if call == Call::Session {
            return Ok(ok(self.welcome(pass.as_ref())));
        }
        if call == Call::SignOut {
            self.sessions.close(headers);
            return Ok(with_cookie(ok(self.welcome(None)), sessions::forget_cookie()));
        }
        let pass = pass.ok_or_else(signed_out)?;
        let operator = self.operator(&pass).ok_or_else(signed_out)?;
        self.serve(call, pass, operator, request).await
    }

    async fn serve(
        self: &Arc<Self>,
        call: Call,
        pass: Pass,
        operator: Operator,
        request: Request,
    ) -> Result<Response, Refusal> {
        let control = &self.state.control;
        let uri = request.uri().clone();
        match call {
            Call::Feed => self.feed(pass),
            Call::Rooms => {
                let (app, now) = (&operator.app.id, self.clock.tick());
                let told = Told { flows: self.reports.of(app, now), names: self.reports.names(app, now) };
                in_time(rooms::answer(control, &operator, told)).await.map(ok)
            }
            Call::Connections => {
                let text = query(uri.query(), "q").unwrap_or_default();
                let relay = self.state.metrics.relay();
                in_time(connections::answer(control, relay, &operator, &text)).await.map(ok)
            }
            Call::Inspect => {
                let id = query(uri.query(), "id").unwrap_or_default();
                inspect::answer(self, pass, &operator, &id).await
            }
            Call::Keys => Ok(ok(keys::list(control, &operator))),
            Call::Kick | Call::CreateKey | Call::RevokeKey | Call::Check => {
                self.write(call, &operator, &self.body(request).await?).await
            }
            // Answered before anybody had to sign in.
            Call::Session | Call::SignIn | Call::SignOut => Err(Refusal::not_found()),
        }
    }

    async fn write(&self, call: Call, operator: &Operator, body: &str) -> Result<Response, Refusal> {
        let HttpState { control, orders, config, .. } = &self.state;
        match call {
            Call::Kick => {
                let Kick { peer } = read_object(body)?;
                let app = operator.app.id.clone();
                let kick = async { Ok(control.disconnect_peer(app, peer.clone()).await?) };
                let closed = in_time(kick).await?;
                control.audit_as(operator.who(), &operator.app.id, AuditAction::PeerDisconnect, &peer);
                Ok(ok(Kicked { closed }))
            }
            Call::CreateKey => keys::create(orders, operator, body).await.map(ok),
            Call::RevokeKey => keys::revoke(control, orders, operator, body).await.map(ok),
            Call::Check => check::answer(control, config, operator, body).map(ok),
            Call::Session | Call::SignIn | Call::SignOut | Call::Feed => Err(Refusal::not_found()),
            Call::Rooms | Call::Connections | Call::Inspect | Call::Keys => Err(Refusal::not_found()),
        }
    }

    /// Opens a session. A guess costs what it costs at the REST API, from the same account.
    async fn sign_in(&self, source: Source, request: Request, now: Tick) -> Result<Response, Refusal> {
        self.rates.admit(source, None, now)?;
        let is_secure = self.is_secure(request.headers());
        let body = self.body(request).await?;
        let SignIn { key_id, secret, token } = read_object(&body)?;
        let keyring = self.state.control.keyring();
        let opened = match (key_id, secret, token) {
            (Some(id), Some(secret), None) => self.sessions.open_with_key(&keyring, &id, &secret, now)?,
            (None, None, Some(token)) => self.sessions.open_with_token(&token, now)?,
            _ => return Err(Refusal::invalid("give keyId and secret, or token")),
        };
        let Some((pass, cookie)) = opened else {
            self.rates.count_failure(source, now);
            return Err(Refusal::rest(RestErrorCode::Unauthorized, "the server does not accept this"));
        };
        Ok(with_cookie(ok(self.welcome(Some(&pass))), cookie.header(is_secure)))
    }

    fn welcome(&self, pass: Option<&Pass>) -> Welcome {
        let operator = pass.and_then(|pass| self.operator(pass));
        Welcome {
            signed_in: operator.is_some(),
            mode: if self.state.dev.is_some() { "dev" } else { "serve" },
            app: operator.as_ref().map(|operator| operator.app.id.as_str().to_owned()),
            by: operator.as_ref().map(Operator::by),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Who holds a pass, as long as the key behind it is good.
    fn operator(&self, pass: &Pass) -> Option<Operator> {
        self.sessions.operator(pass, &self.state.control.keyring(), self.clock.tick())
    }

    fn feed(self: &Arc<Self>, pass: Pass) -> Result<Response, Refusal> {
        let console = self.clone();
        self.sampler.stream(move || console.operator(&pass).is_some())
    }

    async fn body(&self, request: Request) -> Result<String, Refusal> {
        body::read(request.into_body(), self.state.config.limits.handshake_timeout).await
    }

    /// Whether the browser came by TLS, as far as it says.
    fn is_secure(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(axum::http::header::ORIGIN).and_then(|value| value.to_str().ok());
        self.state.config.tls.is_some() || origin.is_some_and(|origin| origin.starts_with("https://"))
    }
}

/// How often a stream looks whether its viewer is still signed in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

fn signed_out() -> Refusal {
    Refusal::rest(RestErrorCode::Unauthorized, "sign in to the console first")
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().insert(SET_COOKIE, cookie);
    response.into_response()
}

/// The first value of a query parameter, decoded.
fn query(query: Option<&str>, name: &str) -> Option<String> {
    let mut params = query_params(query?);
    params.find(|param| param.name == name)?.value.ok().map(|value| value.into_owned())
}

#[cfg(test)]
mod tests;
