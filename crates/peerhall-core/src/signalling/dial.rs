//! From a wish to connect to a welcome, and again after a loss (sdk-behaviour, sections 3.2 to 3.5 and
//! 3.9).

use std::time::Duration;

use peerhall_proto::code::{CloseCode, Retry};
use peerhall_proto::json::Json;

use super::liveness::Liveness;
use super::state::{Attempt, Dial, Phase};
use super::{Signalling, SignallingEvent, WELCOME_TIMEOUT};
use crate::error::ConnectError;
use crate::ids::{SocketId, TokenId};
use crate::options::Credential;
use crate::output::{LogLevel, Outcome, Output};
use crate::secret::{Secret, scrub};
use crate::time::Time;

/// Failures of the token provider in a row before an event tells of them.
pub(super) const TOKEN_FAILURES_TOLD: u32 = 3;

/// Least delay after close code 4010.
const OVER_CAPACITY_DELAY: Duration = Duration::from_secs(30);

/// Largest delay that a `going_away` frame can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

impl<J: Json> Signalling<J> {
    /// Begins an attempt whose moment has come.
    pub(super) fn dial(&mut self, now: Time) {
        match &self.options.credential {
            Credential::ApiKey(key) => {
                let query = format!("key={}", percent_encoded(key.expose()));
                self.open_socket(now, &query);
            }
            Credential::Token => {
                let id = TokenId(self.number());
                let until = now + self.options.token_timeout;
                if let Some(dial) = self.phase.dial_mut() {
                    *dial = Dial::Token { id, until };
                    self.outputs.push_back(Output::ResolveToken(id));
                }
            }
        }
    }

    fn open_socket(&mut self, now: Time, credential: &str) {
        let Some(url) = self.options.urls.get(self.server) else { return };
        let mut url = format!("{url}/v1?{credential}&client=peerhall-{}", env!("CARGO_PKG_VERSION"));
        if let Some(resume) = &self.resume {
            url.push_str("&resume=");
            url.push_str(&percent_encoded(resume.expose()));
        }
        let socket = SocketId(self.number());
        if let Some(dial) = self.phase.dial_mut() {
            *dial = Dial::Socket(Attempt { socket, welcome_by: now + WELCOME_TIMEOUT, liveness: None });
            self.outputs.push_back(Output::OpenSocket { socket, url: Secret::new(url) });
        }
    }

    /// The token provider answered. A late answer is dropped.
    pub fn token(&mut self, now: Time, id: TokenId, token: Result<Secret, String>) {
        if !matches!(self.phase.dial(), Some(Dial::Token { id: asked, .. }) if *asked == id) {
            return;
        }
        match token {
            Ok(token) if !token.expose().is_empty() => {
                self.token_failures = 0;
                let query = format!("token={}", percent_encoded(token.expose()));
                self.open_socket(now, &query);
            }
            Ok(_) => self.token_failed(now, "the provider returned an empty token"),
            Err(error) => self.token_failed(now, &error),
        }
    }

    fn token_failed(&mut self, now: Time, error: &str) {
        let error = scrub(error);
        self.token_failures += 1;
        match self.phase {
            Phase::First { op, .. } => {
                self.enter(Phase::Closed);
                self.done(op, Outcome::Connect(Err(ConnectError::Token(error))));
            }
            Phase::Lost { attempt, .. } => {
                self.log(LogLevel::Warn, format!("no token for a reconnect: {error}"));
                let next = attempt.saturating_add(1);
                let last = !self.allows(next);
                // The last failure is told however few came before it (X1).
                if last || self.token_failures >= TOKEN_FAILURES_TOLD {
                    self.tell(SignallingEvent::TokenProviderError {
                        consecutive_failures: self.token_failures,
                        error: error.clone(),
                    });
                }
                if !last {
                    self.wait_for(now, next);
                } else {
                    self.tell(SignallingEvent::Disconnected {
                        code: CloseCode(1006),
                        reason: format!("no token: {error}"),
                        will_reconnect: false,
                        http_status: None,
                    });
                    self.enter(Phase::Closed);
                }
            }
            Phase::Idle | Phase::Closed | Phase::Live(_) => {}
        }
    }

    /// The socket is open; the welcome is not there yet.
    pub fn socket_opened(&mut self, now: Time, socket: SocketId) {
        if !self.is_current(socket) {
            return;
        }
        let window = self.options.inactivity_timeout;
        if let Some(Dial::Socket(attempt)) = self.phase.dial_mut() {
            attempt.liveness = window.map(|window| Liveness::starting(now, window));
        }
    }

    /// The platform could not make a socket at all.
    pub fn socket_failed(&mut self, now: Time, socket: SocketId, error: &str) {
        if !self.is_current(socket) {
            return;
        }
        let reason = "websocket construction failed";
        match self.phase {
            Phase::First { op, others: 0, .. } => {
                self.tell_lost(CloseCode(1006), reason, false, None);
                self.enter(Phase::Closed);
                self.done(op, Outcome::Connect(Err(ConnectError::Socket(scrub(error)))));
            }
            Phase::First { .. } | Phase::Lost { .. } | Phase::Live(_) => {
                self.socket_lost(now, CloseCode(1006), reason, None);
            }
            Phase::Idle | Phase::Closed => {}
        }
    }

    /// A socket ended, by whomever. `code` is 1006 where there was none; `http_status` is that of an
    /// upgrade that was refused.
    pub fn socket_closed(
        &mut self,
        now: Time,
        socket: SocketId,
        code: CloseCode,
        reason: &str,
        http_status: Option<u16>,
    ) {
        if self.is_current(socket) {
            self.socket_lost(now, code, reason, http_status);
        } else if let Some(closing) = self.closing.take_if(|closing| closing.socket == socket) {
            self.tell_lost(code, reason, false, http_status);
            if let Some((op, _)) = closing.waiting {
                self.done(op, Outcome::Close);
            }
        }
    }

    pub(super) fn socket_lost(&mut self, now: Time, code: CloseCode, reason: &str, http_status: Option<u16>) {
        let next = match &mut self.phase {
            Phase::Idle | Phase::Closed => return,
            Phase::First { others, .. } if *others > 0 && code.retry() != Retry::Never => {
                *others -= 1;
                self.next_server();
                return self.dial(now);
            }
            Phase::First { op, .. } => {
                let op = *op;
                self.tell_lost(code, reason, false, http_status);
                self.enter(Phase::Closed);
                let error = ConnectError::Closed { code, reason: reason.to_owned(), http_status };
                return self.done(op, Outcome::Connect(Err(error)));
            }
            Phase::Live(_) => 1,
            Phase::Lost { attempt, .. } => attempt.saturating_add(1),
        };
        let again = self.comes_back(code) && self.allows(next);
        self.tell_lost(code, reason, again, http_status);
        if again {
            if code.retry() == Retry::Slowly {
                self.delay_floor = self.delay_floor.max(OVER_CAPACITY_DELAY);
            }
            // A server that went away or cannot be reached may have neighbours.
            self.next_server();
            self.wait_for(now, next);
        } else {
            self.enter(Phase::Closed);
        }
        self.fail_requests(code, reason);
    }

    /// Whether this end is one to come back from. A static key that was called expired twice in a row
    /// will not get younger (X21).
    fn comes_back(&mut self, code: CloseCode) -> bool {
        let is_static = matches!(self.options.credential, Credential::ApiKey(_));
        match code.retry() {
            Retry::Never => false,
            Retry::FreshToken if is_static => !std::mem::replace(&mut self.key_expired, true),
            Retry::FreshToken | Retry::Backoff | Retry::Slowly => true,
        }
    }

    fn allows(&self, attempt: u32) -> bool {
        self.options.reconnect.is_some_and(|reconnect| reconnect.allows(attempt))
    }

    fn wait_for(&mut self, now: Time, attempt: u32) {
        let floor = std::mem::take(&mut self.delay_floor);
        let unit = self.random.signed_unit();
        let delay = self.options.reconnect.unwrap_or_default().delay(attempt, floor, unit);
        self.enter(Phase::Lost { attempt, dial: Dial::Wait { until: now + delay } });
    }

    /// The server asked for a pause before the next attempt.
    pub(super) fn stay_away(&mut self, pause: Duration) {
        if self.options.honour_retry_after {
            self.delay_floor = self.delay_floor.max(pause.min(MAX_RETRY_AFTER));
        }
    }

    fn next_server(&mut self) {
        self.server = (self.server + 1) % self.options.urls.len().max(1);
    }

    fn tell_lost(&mut self, code: CloseCode, reason: &str, will_reconnect: bool, http_status: Option<u16>) {
        let reason = reason.to_owned();
        self.tell(SignallingEvent::Disconnected { code, reason, will_reconnect, http_status });
    }

    pub(super) fn handle_dial_timeout(&mut self, now: Time) {
        match self.phase.dial() {
            Some(Dial::Wait { until }) if now >= *until => self.dial(now),
            Some(Dial::Token { until, .. }) if now >= *until => {
                let waited = self.options.token_timeout;
                self.token_failed(now, &format!("the provider took longer than {} s", waited.as_secs()));
            }
            Some(Dial::Socket(attempt)) if now >= attempt.welcome_by => self.welcome_overdue(now),
            Some(_) | None => {}
        }
    }

    fn welcome_overdue(&mut self, now: Time) {
        let (code, reason) = (CloseCode::CLIENT_INACTIVITY, "welcome timeout");
        let Phase::First { op, others: 0, .. } = self.phase else {
            return self.give_up_socket(now, code, reason);
        };
        if let Some(socket) = self.phase.socket() {
            self.outputs.push_back(Output::CloseSocket { socket, code, reason: reason.to_owned() });
        }
        self.tell_lost(code, reason, false, None);
        self.enter(Phase::Closed);
        self.done(op, Outcome::Connect(Err(ConnectError::WelcomeTimeout(WELCOME_TIMEOUT))));
    }
}

/// A text as the value of a query parameter: everything but the unreserved characters of RFC 3986,
/// section 2.3, is written as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
