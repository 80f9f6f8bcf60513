//! Servers in this process, and the ways into them.

use peerhall_auth::action::Actions;
use peerhall_auth::key::{AppRecord, KeyKind, KeyRecord};
use peerhall_auth::pattern::PatternSet;
use peerhall_proto::ids::AppId;
use peerhall_server::Config;
use peerhall_server::testing::TestServer;
use serde_json::Value;

use crate::client::Client;
use crate::dial::Dial;
use crate::http::Rest;
use crate::token;

/// Environment variable with the number of shards of a server that a test starts. Default 2.
pub const SHARDS_VARIABLE: &str = "PEERHALL_TEST_SHARDS";

/// Shards of the servers in tests about routing. One keeps everything in one place; with more, the
/// kernel deals the clients out, so that most of them meet across shards.
const SHARD_COUNTS: [usize; 3] = [1, 2, 4];

/// What tests call a running server.
pub type Running = TestServer;

/// A server with the defaults and the test key.
#[must_use]
pub fn start() -> Running {
    start_with(|_| {})
}

/// A server with other settings.
#[must_use]
pub fn start_with(change: impl FnOnce(&mut Config)) -> Running {
    let shards = std::env::var(SHARDS_VARIABLE).map_or(2, |text| text.parse().expect("a number of shards"));
    start_sharded(shards, change)
}

fn start_sharded(shards: usize, change: impl FnOnce(&mut Config)) -> Running {
    TestServer::with(|config| {
        config.shards = std::num::NonZeroUsize::new(shards);
        change(config);
    })
}

/// Runs a scenario on servers with one, two and four shards, at the same time.
pub fn on_every_shard_count(scenario: impl Fn(&Running) + Sync) {
    on_every_shard_count_with(|_| {}, scenario);
}

/// The same with other settings.
pub fn on_every_shard_count_with(change: impl Fn(&mut Config) + Sync, scenario: impl Fn(&Running) + Sync) {
    std::thread::scope(|scope| {
        for shards in SHARD_COUNTS {
            let (change, scenario) = (&change, &scenario);
            let run = move || scenario(&start_sharded(shards, change));
            let name = format!("{shards} shards");
            std::thread::Builder::new().name(name).spawn_scoped(scope, run).expect("a thread");
        }
    });
}

/// Patterns from texts.
#[must_use]
pub fn patterns(texts: &[&str]) -> PatternSet {
    let patterns = texts.iter().map(|text| text.parse().expect("a pattern")).collect();
    PatternSet::new(patterns).expect("at most 100 patterns")
}

/// Actions from words.
#[must_use]
pub fn actions(words: &[&str]) -> Actions {
    Actions::from_words(words.iter().copied()).expect("words of actions")
}

/// A key record of the test app that is in no store yet: all actions on these patterns.
#[must_use]
pub fn key_record(kind: KeyKind, scope: &[&str]) -> KeyRecord {
    key_record_of(TEST_APP, kind, scope)
}

/// The app of a test server.
pub const TEST_APP: &str = "app_test";

fn key_record_of(app: &str, kind: KeyKind, scope: &[&str]) -> KeyRecord {
    let app: AppId = app.parse().expect("an app id");
    let now = token::unix_secs() as u64;
    let mut key = KeyRecord::generate(kind, app, patterns(scope), now).expect("randomness");
    key.actions = Actions::ALL;
    key
}

/// The ways into a server, and what tests add to it.
pub trait Ways {
    /// An upgrade request without a credential.
    fn dial(&self) -> Dial;

    /// A client with the test key, on whose channels it may do everything.
    fn client(&self) -> Client;

    /// A client with a key.
    fn client_with(&self, key: &KeyRecord) -> Client;

    /// A token of the server's secret key: `claims`, with `sub` "alice" and one hour unless they say otherwise.
    fn token(&self, claims: &Value) -> String;

    /// A client with a [`token`](Self::token).
    fn bearer(&self, claims: &Value) -> Client;

    /// A client that is this peer.
    fn peer(&self, id: &str) -> Client;

    /// The REST API with the server's secret key.
    fn rest(&self) -> Rest;

    /// Adds a publishable key with all actions on these patterns, changed as told.
    fn add_publishable(&self, scope: &[&str], change: impl FnOnce(&mut KeyRecord)) -> KeyRecord;

    /// Adds a secret key with all actions on these patterns, changed as told.
    fn add_secret(&self, scope: &[&str], change: impl FnOnce(&mut KeyRecord)) -> KeyRecord;

    /// Adds an app with these settings, and a secret key for it with all actions on `**`.
    fn add_tenant(&self, app: &str, change: impl FnOnce(&mut AppRecord)) -> KeyRecord;
}

impl Ways for Running {
    fn dial(&self) -> Dial {
        Dial::to(self.addr())
    }

    fn client(&self) -> Client {
        self.client_with(&self.publishable())
    }

    fn client_with(&self, key: &KeyRecord) -> Client {
        self.dial().key(key.id.as_str()).open()
    }

    fn token(&self, claims: &Value) -> String {
        token_of(&self.secret(), claims)
    }

    fn bearer(&self, claims: &Value) -> Client {
        self.dial().token(&self.token(claims)).open()
    }

    fn peer(&self, id: &str) -> Client {
        self.bearer(&serde_json::json!({ "sub": id }))
    }

    fn rest(&self) -> Rest {
        Rest::with_key(self.addr(), &self.secret())
    }

    fn add_publishable(&self, scope: &[&str], change: impl FnOnce(&mut KeyRecord)) -> KeyRecord {
        let mut key = key_record(KeyKind::Publishable, scope);
        change(&mut key);
        self.add_key(key.clone());
        key
    }

    fn add_secret(&self, scope: &[&str], change: impl FnOnce(&mut KeyRecord)) -> KeyRecord {
        let mut key = key_record(KeyKind::Secret, scope);
        change(&mut key);
        self.add_key(key.clone());
        key
    }

    fn add_tenant(&self, app: &str, change: impl FnOnce(&mut AppRecord)) -> KeyRecord {
        let mut record = AppRecord::new(app.parse().expect("an app id"));
        change(&mut record);
        self.add_app(record);
        let key = key_record_of(app, KeyKind::Secret, &["**"]);
        self.add_key(key.clone());
        key
    }
}

/// A token of this key: `claims`, with `sub` "alice" and one hour unless they say otherwise.
#[must_use]
pub fn token_of(key: &KeyRecord, claims: &Value) -> String {
    let secret = key.secret.as_ref().expect("a secret key").expose();
    token::sign(&token::header(key.id.as_str()), &token::with_defaults(claims), secret)
}
