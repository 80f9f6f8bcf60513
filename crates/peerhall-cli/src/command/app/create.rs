//! `peerhall app create`.

use clap::Args;
use peerhall_auth::key::AppRecord;
use peerhall_proto::ids::AppId;
use peerhall_server::store::Store;

use super::{AppView, Quota, describe};
use crate::data::{Data, stamp};
use crate::failure::Outcome;
use crate::output::{print, print_json};

/// Create an app
///
/// Apps are walls: peers, channels, keys and quotas of one are invisible to the others. One server
/// starts well with the app `default`, which is there without being created.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  peerhall app create --data ./data --app shop --max-connections 500 --max-messages 1000000")]
pub(crate) struct Create {
    #[command(flatten)]
    data: Data,
    /// Id of the app: 1 to 64 characters of [A-Za-z0-9_-]
    #[arg(long, value_name = "APP")]
    app: AppId,
    /// Name of its plan, as `GET /v1/usage` shows it
    #[arg(long, value_name = "NAME")]
    plan: Option<String>,
    /// Connections at one time
    #[arg(long, value_name = "N|none", default_value = "none")]
    max_connections: Quota<u32>,
    /// Messages per calendar month, UTC
    #[arg(long, value_name = "N|none", default_value = "none")]
    max_messages: Quota<u64>,
    /// Count what goes beyond the quotas and let it pass
    #[arg(long)]
    overages: bool,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

impl Create {
    pub(super) fn run(self) -> Outcome {
        let mut app = AppRecord::new(self.app);
        if let Some(plan) = self.plan {
            app.plan_name = plan;
        }
        app.max_connections = self.max_connections.0;
        app.max_messages_per_period = self.max_messages.0;
        app.overages = self.overages;
        self.data.open_or_create()?.create_app(&app, &stamp())?;
        if self.json { print_json(&AppView::from(&app)) } else { print(&describe(&app)) }
    }
}
