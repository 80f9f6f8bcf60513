//! Credentials of the clients of a scenario.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use peerhall_auth::action::Actions;
use peerhall_auth::key::{KeyKind, KeyRecord};
use peerhall_auth::pattern::PatternSet;
use peerhall_auth::token::{self, MintRequest};
use serde_json::Value;

use crate::failed::{Doing, Failed};

/// Longest life that a token of a scenario is given: 100 days, more than any jump of a clock.
const LIFE_SECS: u64 = 100 * 24 * 3_600;

/// A publishable and a secret key that a server knows, with all actions on every channel.
#[derive(Clone)]
pub(crate) struct Keys {
    publishable: String,
    secret: KeyRecord,
}

/// Shows no key.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Makes both with the command line of the server, in its data folder.
    pub(crate) fn create(binary: &Path, folder: &Path) -> Result<Self, Failed> {
        let publishable = create(binary, folder, "publishable")?;
        let secret = create(binary, folder, "secret")?;
        // The server knows the key's app and patterns; here only the signature and its name matter.
        let app = "app_torture".parse().doing("an app id")?;
        let everything = "**".parse().doing("a pattern")?;
        let patterns = PatternSet::for_key(vec![everything]).doing("patterns")?;
        let mut key = KeyRecord::generate(KeyKind::Secret, app, patterns, unix_secs()).doing("randomness")?;
        key.actions = Actions::ALL;
        key.id = text(&secret, "keyId")?.parse().doing("the key's id")?;
        key.secret = Some(text(&secret, "secret")?.parse().doing("the key's secret")?);
        Ok(Self { publishable: text(&publishable, "keyId")?, secret: key })
    }

    /// The publishable key.
    pub(crate) fn publishable(&self) -> &str {
        &self.publishable
    }

    /// Request target that connects with the publishable key: a peer with a new id each time.
    pub(crate) fn anonymous(&self) -> String {
        format!("/v1?key={}", self.publishable)
    }

    /// Credential for the REST API.
    pub(crate) fn rest(&self) -> String {
        let secret = self.secret.secret.as_ref().map(|secret| secret.expose()).unwrap_or_default();
        format!("{}:{secret}", self.secret.id.as_str())
    }

    /// Request target that connects as this peer.
    ///
    /// # Errors
    ///
    /// When `peer` is no peer id.
    pub(crate) fn as_peer(&self, peer: &str) -> Result<String, Failed> {
        Ok(format!("/v1?token={}", self.token(peer, LIFE_SECS)?))
    }

    /// A token of this peer that lives so many seconds.
    ///
    /// # Errors
    ///
    /// When `peer` is no peer id.
    pub(crate) fn token(&self, peer: &str, life_secs: u64) -> Result<String, Failed> {
        let request =
            MintRequest { peer_id: peer, expires_in_secs: Some(life_secs), ..MintRequest::default() };
        let claims = request.check(&self.secret, unix_secs(), u64::MAX).doing("a token's claims")?;
        token::mint(&self.secret, &claims).doing("a token")
    }
}

fn create(binary: &Path, folder: &Path, kind: &str) -> Result<Value, Failed> {
    let mut command = Command::new(binary);
    command.args(["key", "create", "--json", "--type", kind, "--actions", "publish,subscribe,presence,send"]);
    let output = command.arg("--data").arg(folder).output();
    let output = output.doing(format_args!("cannot start {}", binary.display()))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| Failed::new(format!("no key: {}", String::from_utf8_lossy(&output.stderr))))
}

fn text(value: &Value, member: &str) -> Result<String, Failed> {
    let text = value.get(member).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| Failed::new(format!("no {member} in the answer")))
}

pub(crate) fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
