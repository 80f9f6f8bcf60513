//! `peerhall key create`.

use clap::{Args, ValueEnum};
use peerhall_auth::action::Action;
use peerhall_auth::key::{KeyKind, KeyRecord};
use peerhall_auth::origin::{AllowedOrigins, OriginRule};
use peerhall_auth::pattern::{ChannelPattern, PatternSet};
use peerhall_proto::ids::AppId;
use peerhall_server::store::Store;
use serde::Serialize;

use crate::data::{DEFAULT_APP, Data, ensure_default_app, stamp};
use crate::failure::{Failure, Outcome};
use crate::output::{BOLD, print, print_json, warn};

/// Characters of a key's name.
const MAX_NAME_CHARACTERS: usize = 128;

/// Create a key
///
/// A publishable key ships with browsers and apps: its id is the whole credential, and everybody who has
/// it may do the same. A secret key stays on your backend: it signs tokens, one per peer, and calls the
/// REST API. Its secret is shown once, now.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall key create --data ./data --type publishable --channels 'room-*' \\
      --actions publish,subscribe,presence,send --origins https://app.example.com
  peerhall key create --data ./data --type secret --name backend --json

The folder is made if it is not there. A running server takes the key within a second.")]
pub(crate) struct Create {
    #[command(flatten)]
    data: Data,
    /// What the key is made for
    #[arg(long = "type", value_name = "TYPE")]
    kind: Kind,
    /// App that the key opens; `default` is made at its first key
    #[arg(long, value_name = "APP", default_value = DEFAULT_APP)]
    app: AppId,
    /// Channels it reaches: names, `*` for a part without slash, `**` for everything
    #[arg(long, value_name = "P1,P2", value_delimiter = ',', default_value = "**")]
    channels: Vec<ChannelPattern>,
    /// What it may do: publish, subscribe, presence, send [default: all for a secret key, all but send
    /// for a publishable one]
    #[arg(long, value_name = "A1,A2", value_delimiter = ',')]
    actions: Option<Vec<Action>>,
    /// Web sites that may use a publishable key [default: every one]
    #[arg(long, value_name = "O1,O2", value_delimiter = ',')]
    origins: Vec<OriginRule>,
    /// Let programs that send no Origin header use a key with --origins
    #[arg(long, requires = "origins")]
    allow_missing_origin: bool,
    /// Put no TURN service into the welcome of its connections
    #[arg(long)]
    no_turn: bool,
    /// Name for people
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print one line of JSON: keyId, and secret for a secret key
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// For browsers and apps
    Publishable,
    /// For backends
    Secret,
}

/// The new key as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl Create {
    pub(super) fn run(self) -> Outcome {
        let json = self.json;
        let stamp = stamp();
        self.check()?;
        let mut store = self.data.open_or_create()?;
        let key = self.into_key(stamp.at)?;
        ensure_default_app(&mut store, &key.app, &stamp)?;
        store.create_key(&key, &stamp)?;

        let secret = key.secret.as_ref().map(peerhall_auth::key::Secret::expose);
        if json {
            print_json(&Created { key_id: key.id.as_str(), secret })?;
        } else {
            print(&describe(&key, secret))?;
        }
        if key.id.kind() == KeyKind::Publishable && !key.actions.contains(Action::Send) {
            warn(
                "this key lacks the action send, without which WebRTC clients see each other and never \
                 connect; create one with --actions publish,subscribe,presence,send for them",
            );
        }
        Ok(())
    }

    fn check(&self) -> Outcome {
        let name = self.name.as_deref().unwrap_or_default();
        if name.chars().count() > MAX_NAME_CHARACTERS || name.chars().any(char::is_control) {
            let rule = format!("up to {MAX_NAME_CHARACTERS} characters and no control characters");
            return Err(Failure::Usage(format!("--name may have {rule}; choose a shorter one")));
        }
        match self.kind {
            Kind::Secret if !self.origins.is_empty() => {
                let text = "--origins is for publishable keys; a secret key is never used by a web site, leave it out";
                Err(Failure::Usage(text.to_owned()))
            }
            Kind::Secret | Kind::Publishable => Ok(()),
        }
    }

    fn into_key(self, now: u64) -> Result<KeyRecord, Failure> {
        let kind = match self.kind {
            Kind::Publishable => KeyKind::Publishable,
            Kind::Secret => KeyKind::Secret,
        };
        let mut key = KeyRecord::generate(kind, self.app, PatternSet::for_key(self.channels)?, now)?;
        if let Some(actions) = self.actions {
            key.actions = actions.into_iter().collect();
        }
        key.allowed_origins = AllowedOrigins::new(self.origins);
        key.allow_missing_origin = self.allow_missing_origin;
        key.inject_turn = !self.no_turn;
        key.name = self.name.unwrap_or_default();
        Ok(key)
    }
}

fn describe(key: &KeyRecord, secret: Option<&str>) -> String {
    let patterns: Vec<&str> = key.patterns.iter().map(ChannelPattern::as_str).collect();
    let scope =
        format!("  app       {}\n  actions   {}\n  channels  {}\n", key.app, key.actions, patterns.join(","));
    let id = key.id.as_str();
    match secret {
        None => format!("Publishable key {BOLD}{id}{BOLD:#}\n{scope}"),
        Some(secret) => format!(
            "Secret key {BOLD}{id}{BOLD:#}\n{scope}  secret    {BOLD}{secret}{BOLD:#}\n\
             The secret is not shown again; keep it on your backend.\n"
        ),
    }
}
