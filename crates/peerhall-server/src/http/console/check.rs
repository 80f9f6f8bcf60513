//! "May this token do that?": the rule that allows or refuses it.

use std::borrow::Cow;

use peerhall_auth::action::Action;
use peerhall_auth::keyring::{Credential, Question, TokenPolicy};
use peerhall_proto::ids::ChannelName;
use serde::{Deserialize, Serialize};

use super::sessions::Operator;
use crate::clock::unix_ms;
use crate::config::Config;
use crate::control::Control;
use crate::http::{Refusal, read_object};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    /// A token or a publishable key.
    #[serde(borrow)]
    credential: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    channel: ChannelName,
    /// The web site that uses it.
    #[serde(default, borrow)]
    origin: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    allowed: bool,
    /// The rule, for programs.
    rule: &'static str,
    /// The rule, for people.
    text: String,
}

pub(super) fn answer(
    control: &Control,
    config: &Config,
    operator: &Operator,
    body: &str,
) -> Result<Verdict, Refusal> {
    let asked: Asked<'_> = read_object(body)?;
    let credential = asked.credential.trim();
    let action: Action =
        asked.action.parse().map_err(|why| Refusal::invalid(format_args!("action: {why}")))?;
    let is_key = credential.starts_with("pk_") || credential.starts_with("sk_");
    let question = Question {
        credential: if is_key { Credential::Key(credential) } else { Credential::Token(credential) },
        origin: asked.origin.as_deref().map(str::trim).filter(|origin| !origin.is_empty()),
        action,
        channel: &asked.channel,
    };
    let policy =
        TokenPolicy { max_lifetime_secs: config.tokens.max_lifetime.map(|lifetime| lifetime.as_secs()) };
    let finding = control.keyring().explain(&operator.app.id, &question, unix_ms(), &policy);
    let rule = finding.code();
    Ok(Verdict { allowed: rule == "allowed", rule, text: finding.to_string() })
}
