//! `peerhall app update`.

use clap::{Args, ValueEnum};
use peerhall_proto::ids::AppId;
use peerhall_server::store::{AppChange, Store};

use super::{AppView, Quota, describe};
use crate::data::{DEFAULT_APP, Data, ensure_default_app, stamp};
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json};

/// Change the quotas of an app, suspend or resume it
///
/// A running server takes the change within a second. Suspending closes all connections of the app with
/// code 4012 and refuses new ones until it is resumed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall app update --data ./data --app shop --max-connections 500
  peerhall app update --data ./data --app shop --suspend
  peerhall app update --data ./data --app shop --resume --max-messages none")]
pub(crate) struct Update {
    #[command(flatten)]
    data: Data,
    /// Id of the app
    #[arg(long, value_name = "APP", default_value = DEFAULT_APP)]
    app: AppId,
    /// Close its connections and take no new ones
    #[arg(long, conflicts_with = "resume")]
    suspend: bool,
    /// Take connections again
    #[arg(long)]
    resume: bool,
    /// Name of its plan, as `GET /v1/usage` shows it
    #[arg(long, value_name = "NAME")]
    plan: Option<String>,
    /// Connections at one time
    #[arg(long, value_name = "N|none")]
    max_connections: Option<Quota<u32>>,
    /// Messages per calendar month, UTC
    #[arg(long, value_name = "N|none")]
    max_messages: Option<Quota<u64>>,
    /// Whether what goes beyond the quotas is counted and passes
    #[arg(long, value_name = "on|off")]
    overages: Option<Switch>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Update {
    pub(super) fn run(self) -> Outcome {
        let change = AppChange {
            suspended: (self.suspend || self.resume).then_some(self.suspend),
            plan_name: self.plan,
            max_connections: self.max_connections.map(|quota| quota.0),
            max_messages_per_period: self.max_messages.map(|quota| quota.0),
            overages: self.overages.map(|overages| overages == Switch::On),
        };
        if change == AppChange::default() {
            let text =
                "nothing to change; give --suspend, --resume or a quota, see `peerhall app update --help`";
            return Err(Failure::Usage(text.to_owned()));
        }
        let stamp = stamp();
        let mut store = self.data.open()?;
        ensure_default_app(&mut store, &self.app, &stamp)?;
        let app = store.update_app(&self.app, &change, &stamp)?;
        if self.json { print_json(&AppView::from(&app)) } else { print(&describe(&app)) }
    }
}
