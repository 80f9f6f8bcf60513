//! `peerhall doctor`.
//!
//! | file | its job |
//! |---|---|
//! | `examine.rs` | the order of the checks, and what each needs of those before it |
//! | `report.rs` | lines with their verdicts and cures |
//! | `target.rs` | the server that is named |
//! | `door.rs` | name, port and certificate |
//! | `health.rs` | an answer over HTTP, and the clock |
//! | `upgrade.rs` | WebSocket through whatever stands between, and the credential |
//! | `plan.rs` | what a list of ICE servers gives to check, without I/O |
//! | `echo.rs` | payload through a relay and back |
//! | `relayed.rs` | payload from here to a relayed address and back |
//! | `nat.rs` | what kind of NAT stands between |

mod door;
mod echo;
mod examine;
mod health;
mod nat;
mod plan;
mod relayed;
mod report;
mod target;
mod upgrade;

use clap::Args;

use self::target::{Credential, Target};
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json};

/// Check what works between this machine and a server, and how to mend what does not
///
/// Looks at name, port, certificate, clock, WebSocket upgrade and credential, sends payload through the relay
/// over UDP, TCP and TLS and back, and finds out which addresses this machine has and which NAT it is
/// behind. Status 0 means that no line is red.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall doctor --key pk_live_…                                beside `peerhall dev`
  peerhall doctor wss://rtc.example.org --token \"$TOKEN\"
  peerhall doctor wss://rtc.example.org --key pk_live_… --json   for programs

Without a credential everything behind the credential stays unchecked.")]
pub(crate) struct Doctor {
    /// Server: wss://host[:port], or ws:// on this machine
    #[arg(value_name = "URL", env = "PEERHALL_URL", default_value = "ws://127.0.0.1:7788")]
    url: String,
    /// Publishable key, pk_live_…
    #[arg(long, value_name = "KEY", env = "PEERHALL_KEY", hide_env_values = true, conflicts_with = "token")]
    key: Option<String>,
    /// Token of a backend
    #[arg(long, value_name = "TOKEN", env = "PEERHALL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Print one line of JSON: url, healthy, checks
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self) -> Outcome {
        let usage = |text: &str| Failure::Usage(format!("{text}; see `peerhall doctor --help`"));
        let target: Target = self.url.parse().map_err(usage)?;
        let credential = Credential::read(self.key, self.token).map_err(usage)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Failure::Runtime)?;
        let report = runtime.block_on(examine::examine(&target, credential.as_ref()));
        // A thread may still wait for a name to be resolved; nobody needs it.
        runtime.shutdown_background();
        if self.json {
            print_json(&report)?;
        } else {
            print(&report.text())?;
        }
        match report.bad() {
            0 => Ok(()),
            bad => Err(Failure::Unwell(bad)),
        }
    }
}
