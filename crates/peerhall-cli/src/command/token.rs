//! `peerhall token`.

use std::time::Duration;

use clap::{Args, Subcommand};
use peerhall_auth::token::{MintRequest, mint};
use peerhall_proto::rest::mint_token::MintTokenResponse;
use peerhall_server::config::parse_duration;
use peerhall_server::store::{AuditAction, AuditEntry, Missing, Store, StoreError};
use serde_json::value::RawValue;

use crate::data::{Data, key_id, stamp};
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json};

/// Mint tokens
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    Mint(Box<Mint>),
}

impl Token {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Mint(mint) => mint.run(),
        }
    }
}

/// Mint a token for one peer and print it
///
/// The token is signed with a secret key of the store and dies with that key. It can grant what the key
/// may do and no more. Over REST, `POST /v1/tokens` does the same.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall token mint --data ./data --key sk_id_… --sub alice
  peerhall token mint --data ./data --key sk_id_… --sub alice --channels 'room-42,team/*' \\
      --permissions subscribe,publish,presence,send --peer-metadata '{\"username\":\"Alice\"}' --expires 30m")]
pub(crate) struct Mint {
    #[command(flatten)]
    data: Data,
    /// Secret key that signs: its id, sk_id_…
    #[arg(long, value_name = "ID")]
    key: String,
    /// Peer id that the bearer gets
    #[arg(long, value_name = "PEER")]
    sub: String,
    /// Channels: names and patterns within the key's [default: the key's]
    #[arg(long, value_name = "P1,P2", value_delimiter = ',')]
    channels: Option<Vec<String>>,
    /// Actions within the key's: publish, subscribe, presence, send [default: the key's]
    #[arg(long, value_name = "A1,A2", value_delimiter = ',')]
    permissions: Option<Vec<String>>,
    /// JSON object for the bearer's own welcome, up to 8 KB
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// JSON object that other peers see, up to 4 KB
    #[arg(long, value_name = "JSON")]
    peer_metadata: Option<String>,
    /// Life of the token: a number with s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
    expires: Duration,
    /// Print one line of JSON: token and expiresAt
    #[arg(long)]
    json: bool,
}

impl Mint {
    fn run(self) -> Outcome {
        let id = key_id(&self.key)?;
        let metadata = json("--metadata", self.metadata)?;
        let peer_metadata = json("--peer-metadata", self.peer_metadata)?;
        let mut store = self.data.open()?;
        let key = store.load()?.keys.into_iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| StoreError::from(Missing::Key(id)))?;

        let stamp = stamp();
        let request = MintRequest {
            peer_id: &self.sub,
            channels: self.channels.as_deref(),
            permissions: self.permissions.as_deref(),
            expires_in_secs: Some(self.expires.as_secs()),
            metadata: metadata.as_deref(),
            peer_metadata: peer_metadata.as_deref(),
        };
        // Self-signed tokens may have any lifetime (authentication, section 4.2).
        let claims = request.check(&key, stamp.at, u64::MAX)?;
        let token = mint(&key, &claims)?;
        store.audit(&AuditEntry {
            stamp,
            action: AuditAction::TokenMint,
            app: key.app,
            subject: self.sub,
        })?;
        if self.json {
            return print_json(&MintTokenResponse { token, expires_at: claims.exp });
        }
        print(&format!("{token}\n"))
    }
}

fn json(flag: &str, text: Option<String>) -> Result<Option<Box<RawValue>>, Failure> {
    let wrong = |_| {
        Failure::Usage(format!("{flag} is not JSON; give an object such as '{{\"username\":\"Alice\"}}'"))
    };
    text.map(|text| RawValue::from_string(text).map_err(wrong)).transpose()
}
