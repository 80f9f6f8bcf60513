//! `peerhall key list`.

use clap::Args;
use peerhall_auth::key::KeyRecord;
use peerhall_auth::pattern::ChannelPattern;
use peerhall_proto::ids::AppId;
use peerhall_server::store::Store;
use serde::Serialize;

use super::{KeyView, word};
use crate::data::Data;
use crate::failure::Outcome;
use crate::output::{day, print, print_json, table};

/// List the keys, revoked ones included
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall key list --data ./data
  peerhall key list --data ./data --app shop --json")]
pub(crate) struct List {
    #[command(flatten)]
    data: Data,
    /// Only the keys of this app
    #[arg(long, value_name = "APP")]
    app: Option<AppId>,
    /// Print one line of JSON: {"keys":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Keys<'a> {
    keys: Vec<KeyView<'a>>,
}

impl List {
    pub(super) fn run(self) -> Outcome {
        let mut keys = self.data.open()?.load()?.keys;
        keys.retain(|key| self.app.as_ref().is_none_or(|app| key.app == *app));
        if self.json {
            return print_json(&Keys { keys: keys.iter().map(KeyView::from).collect() });
        }
        if keys.is_empty() {
            return print("No keys yet; `peerhall key create` makes one.\n");
        }
        let rows: Vec<_> = keys.iter().map(row).collect();
        print(&table(["KEY", "TYPE", "APP", "ACTIONS", "CHANNELS", "CREATED", "REVOKED", "NAME"], &rows))
    }
}

fn row(key: &KeyRecord) -> [String; 8] {
    let patterns: Vec<&str> = key.patterns.iter().map(ChannelPattern::as_str).collect();
    [
        key.id.as_str().to_owned(),
        word(key.id.kind()).to_owned(),
        key.app.to_string(),
        key.actions.to_string(),
        patterns.join(","),
        day(key.created_at),
        key.revoked_at.map_or_else(|| "-".to_owned(), day),
        key.name.clone(),
    ]
}
