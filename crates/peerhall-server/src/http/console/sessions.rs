//! Who is signed in. A session is opened by a secret key that reaches everything in its app, and ends with
//! that key; `peerhall dev` lets this machine in without one, and others by a token that it prints.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use peerhall_auth::action::Actions;
use peerhall_auth::key::{AppRecord, KeyId, KeyRecord};
use peerhall_auth::keyring::Keyring;
use peerhall_hub::Tick;
use peerhall_proto::rest::RestErrorCode;

use super::super::source::Source;
use super::super::{DevInfo, Refusal};
use super::gate;

/// Name of the cookie. It goes to the console only, and no script can read it.
const COOKIE_NAME: &str = "peerhall_console";

/// How long a session lasts.
const LASTS: Duration = Duration::from_secs(12 * 60 * 60);

/// Sessions at the same time; the oldest makes room.
const MAX_SESSIONS: usize = 256;

/// The pattern that an operator's key has to cover.
const EVERYTHING: &str = "**";

/// Every open session.
pub(super) struct Sessions {
    open: Mutex<HashMap<Secret, Session>>,
    dev: Option<Dev>,
}

/// What `peerhall dev` has.
struct Dev {
    /// The key whose app is shown.
    key: String,
    /// Lets one browser in that is not on this machine; gone once it did.
    token: Mutex<Option<String>>,
}

struct Session {
    holder: Holder,
    until: Tick,
}

/// A random text that nobody can guess, in a table whose hash nobody can guess either.
type Secret = String;

/// What a session is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// This secret key.
    Key(KeyId),
    /// Being on the machine of `peerhall dev`, or its token.
    Dev,
}

/// The right to use the console, to be asked about again and again: it may end.
#[derive(Clone)]
pub(super) struct Pass {
    /// `None` for the machine of `peerhall dev` itself.
    session: Option<Secret>,
}

/// Somebody who is signed in, and the app that is shown.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) app: Arc<AppRecord>,
    holder: Holder,
}

/// The cookie of a new session.
pub(super) struct Cookie(Secret);

impl Sessions {
    pub(super) fn new(dev: Option<&DevInfo>) -> Self {
        let dev = dev.map(|dev| Dev {
            key: dev.publishable_key.clone(),
            token: Mutex::new(Some(dev.console_token.clone())),
        });
        Self { open: Mutex::default(), dev }
    }

    /// What a request comes with, if it is anything.
    pub(super) fn pass(&self, headers: &HeaderMap, source: Source, now: Tick) -> Option<Pass> {
        let session = cookie(headers)
            .filter(|secret| self.sessions().get(*secret).is_some_and(|session| session.until > now));
        let is_here = self.dev.is_some()
            && source.is_local
            && gate::is_asked_as_local(headers)
            && !gate::is_forwarded(headers);
        match session {
            Some(secret) => Some(Pass { session: Some(secret.to_owned()) }),
            None => is_here.then_some(Pass { session: None }),
        }
    }

    /// Who holds a pass; `None` once the session or the key behind it is over.
    pub(super) fn operator(&self, pass: &Pass, keyring: &Keyring, now: Tick) -> Option<Operator> {
        let holder = match &pass.session {
            None => Holder::Dev,
            Some(secret) => {
                let sessions = self.sessions();
                sessions.get(secret).filter(|session| session.until > now)?.holder.clone()
            }
        };
        let key = match &holder {
            Holder::Key(id) => keyring.key(id).filter(|key| !key.is_revoked() && reaches_everything(key)),
            Holder::Dev => keyring.key(&self.dev.as_ref()?.key.parse().ok()?),
        }?;
        Some(Operator { app: keyring.app(&key.app)?.clone(), holder })
    }

    /// Opens a session with a secret key; `Ok(None)` when the key is not good.
    pub(super) fn open_with_key(
        &self,
        keyring: &Keyring,
        id: &str,
        secret: &str,
        now: Tick,
    ) -> Result<Option<(Pass, Cookie)>, Refusal> {
        let Ok(key) = keyring.authenticate_rest(Some(&format!("Bearer {id}:{secret}"))) else {
            return Ok(None);
        };
        if !reaches_everything(&key) {
            let message = "the console shows everything in an app: sign in with a secret key that has all four \
                           actions on the channels **";
            return Err(Refusal::rest(RestErrorCode::ActionNotPermitted, message));
        }
        self.open(Holder::Key(key.id.clone()), now).map(Some)
    }

    /// Opens a session with the token of `peerhall dev`, which works once; `Ok(None)` when it is not good.
    pub(super) fn open_with_token(&self, token: &str, now: Tick) -> Result<Option<(Pass, Cookie)>, Refusal> {
        let Some(dev) = &self.dev else { return Ok(None) };
        let mut expected = dev.token.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.as_deref().is_none_or(|expected| !is_same(expected, token)) {
            return Ok(None);
        }
        let opened = self.open(Holder::Dev, now)?;
        *expected = None;
        Ok(Some(opened))
    }

    /// Ends the session of a request.
    pub(super) fn close(&self, headers: &HeaderMap) {
        if let Some(secret) = cookie(headers) {
            self.sessions().remove(secret);
        }
    }

    fn open(&self, holder: Holder, now: Tick) -> Result<(Pass, Cookie), Refusal> {
        let secret = random_text().map_err(|_| Refusal::internal("no randomness"))?;
        let mut sessions = self.sessions();
        sessions.retain(|_, session| session.until > now);
        if sessions.len() >= MAX_SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.until).map(|(key, _)| key.clone());
            oldest.map(|oldest| sessions.remove(&oldest));
        }
        sessions.insert(secret.clone(), Session { holder, until: now + LASTS });
        Ok((Pass { session: Some(secret.clone()) }, Cookie(secret)))
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Secret, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operator {
    /// For the audit trail.
    pub(super) fn who(&self) -> String {
        format!("console:{}", self.by())
    }

    /// What the session was opened with, fit for the screen.
    pub(super) fn by(&self) -> String {
        match &self.holder {
            Holder::Key(id) => id.hint(),
            Holder::Dev => "dev".to_owned(),
        }
    }

    /// Whether a key is the one that the session was opened with.
    pub(super) fn came_with(&self, key: &KeyId) -> bool {
        matches!(&self.holder, Holder::Key(id) if id == key)
    }
}

impl Cookie {
    /// The header that sets it.
    pub(super) fn header(&self, is_secure: bool) -> HeaderValue {
        let secure = if is_secure { "; Secure" } else { "" };
        let text = format!("{COOKIE_NAME}={}; {ATTRIBUTES}; Max-Age={}{secure}", self.0, LASTS.as_secs());
        HeaderValue::try_from(text).unwrap_or_else(|_| forget_cookie())
    }
}

const ATTRIBUTES: &str = "Path=/console; HttpOnly; SameSite=Strict";

/// The header that takes the cookie away.
pub(super) fn forget_cookie() -> HeaderValue {
    HeaderValue::from_static("peerhall_console=; Path=/console; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// 256 random bits as hexadecimal digits.
pub(in crate::http) fn random_text() -> Result<String, getrandom::Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a key may see all that the console shows, and give away all that it can give away.
fn reaches_everything(key: &KeyRecord) -> bool {
    let covered = EVERYTHING.parse().is_ok_and(|everything| key.patterns.covers(&everything));
    covered && key.actions.contains_all(Actions::ALL)
}

/// Compares in a time that does not depend on where the texts differ.
fn is_same(expected: &str, given: &str) -> bool {
    let differences = expected.bytes().zip(given.bytes()).fold(0, |sum, (one, other)| sum | (one ^ other));
    expected.len() == given.len() && differences == 0
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}
