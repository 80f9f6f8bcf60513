//! `peerhall app list`.

use clap::Args;
use peerhall_server::store::Store;
use serde::Serialize;

use super::{AppView, shown, state};
use crate::data::Data;
use crate::failure::Outcome;
use crate::output::{print, print_json, table};

/// List the apps
#[derive(Debug, Args)]
#[command(after_help = "Example:
  peerhall app list --data ./data --json")]
pub(crate) struct List {
    #[command(flatten)]
    data: Data,
    /// Print one line of JSON: {"apps":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Apps<'a> {
    apps: Vec<AppView<'a>>,
}

impl List {
    pub(super) fn run(self) -> Outcome {
        let apps = self.data.open()?.load()?.apps;
        if self.json {
            return print_json(&Apps { apps: apps.iter().map(AppView::from).collect() });
        }
        let rows: Vec<_> = apps
            .iter()
            .map(|app| {
                let overages = if app.overages { "counted" } else { "refused" };
                [
                    app.id.to_string(),
                    state(app).to_owned(),
                    shown(app.max_connections),
                    shown(app.max_messages_per_period),
                    overages.to_owned(),
                    app.plan_name.clone(),
                ]
            })
            .collect();
        print(&table(["APP", "STATE", "CONNECTIONS", "MESSAGES/MONTH", "OVERAGES", "PLAN"], &rows))
    }
}
