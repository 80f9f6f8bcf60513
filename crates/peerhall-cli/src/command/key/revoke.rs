//! `peerhall key revoke`.

use clap::Args;
use peerhall_server::store::Store;
use serde::Serialize;

use crate::data::{Data, key_id, stamp};
use crate::failure::Outcome;
use crate::output::{print, print_json};

/// Revoke a key for good
///
/// New connections and REST calls with it, and with tokens it signed, are refused at once; live ones are
/// closed within 5 seconds. There is no way back.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  peerhall key revoke --data ./data pk_live_0123456789abcdef0123456789abcdef")]
pub(crate) struct Revoke {
    #[command(flatten)]
    data: Data,
    /// The key: pk_live_… or sk_id_…
    #[arg(value_name = "ID")]
    id: String,
    /// Print one line of JSON: keyId and revokedAt
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked<'a> {
    key_id: &'a str,
    revoked_at: Option<u64>,
}

impl Revoke {
    pub(super) fn run(self) -> Outcome {
        let id = key_id(&self.id)?;
        let key = self.data.open()?.revoke_key(&id, &stamp())?;
        if self.json {
            return print_json(&Revoked { key_id: key.id.as_str(), revoked_at: key.revoked_at });
        }
        print(&format!("Key {} is revoked.\n", key.id.as_str()))
    }
}
