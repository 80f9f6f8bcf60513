//! A server on a free port, in memory, in one call.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use peerhall_auth::action::Actions;
use peerhall_auth::key::{AppRecord, KeyId, KeyKind, KeyRecord};
use peerhall_auth::pattern::PatternSet;
use peerhall_proto::ids::AppId;

use crate::cluster::{MemoryBus, NodeId, Timing};
use crate::config::Config;
use crate::server::Server;
use crate::store::{AppChange, KeyChange, MemoryStore, Stamp, Store};

/// Id of the app that a [`TestServer`] begins with.
pub const TEST_APP: &str = "app_test";

/// A server for tests. Dropping it ends it as a crash would. Its methods panic when something does
/// not work, as tests want.
#[derive(Debug)]
pub struct TestServer {
    server: Server,
    publishable: KeyRecord,
    secret: KeyRecord,
}

/// What a [`TestServer`] is made of.
pub struct TestServerBuilder {
    config: Config,
    store: Box<dyn Store>,
}

impl std::fmt::Debug for TestServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestServerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl TestServerBuilder {
    /// Changes settings.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Uses another store than an empty one in memory.
    #[must_use]
    pub fn store(mut self, store: Box<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// Starts the server and creates the app and the two keys.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test that cannot start its server has to stop")]
    pub fn start(self) -> TestServer {
        let server = Server::start(self.config, self.store).expect("a test server starts");
        let publishable = test_key(KeyKind::Publishable, "**");
        let secret = test_key(KeyKind::Secret, "**");
        let server = TestServer { server, publishable, secret };
        let app = AppRecord::new(server.app());
        server.store(move |store| {
            // An app that an earlier server on the same store has made is as good.
            if !store.load().expect("the store loads").apps.iter().any(|known| known.id == app.id) {
                store.create_app(&app, &stamp()).expect("an app is created");
            }
        });
        server.add_key(server.publishable.clone());
        server.add_key(server.secret.clone());
        server
    }
}

impl TestServer {
    /// A server with default settings.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server with other settings.
    #[must_use]
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::builder().config(change).start()
    }

    /// A server put together piece by piece.
    #[must_use]
    pub fn builder() -> TestServerBuilder {
        let mut config = Config::dev();
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        TestServerBuilder { config, store: Box::new(MemoryStore::new()) }
    }

    /// Joins other test servers on a bus.
    #[expect(clippy::expect_used, reason = "a test that cannot set itself up has to stop")]
    pub fn join_cluster(&mut self, bus: &MemoryBus, timing: Timing) -> NodeId {
        self.server.join_cluster(std::sync::Arc::new(bus.clone()), timing).expect("a node joins")
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// The app of the two keys.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a constant of this file")]
    pub fn app(&self) -> AppId {
        TEST_APP.parse().expect("the test app's id is valid")
    }

    /// A publishable key with all four actions on every channel.
    #[must_use]
    pub fn publishable(&self) -> KeyRecord {
        self.publishable.clone()
    }

    /// A secret key with all four actions on every channel.
    #[must_use]
    pub fn secret(&self) -> KeyRecord {
        self.secret.clone()
    }

    /// Adds a key and waits until it is in force.
    #[expect(clippy::expect_used, reason = "a test that cannot set itself up has to stop")]
    pub fn add_key(&self, key: KeyRecord) {
        self.store(move |store| store.create_key(&key, &stamp()).expect("a key is created"));
    }

    /// Changes a key and waits until the change is in force.
    #[expect(clippy::expect_used, reason = "a test that cannot set itself up has to stop")]
    pub fn update_key(&self, id: &KeyId, change: KeyChange) {
        let id = id.clone();
        self.store(move |store| drop(store.update_key(&id, &change, &stamp()).expect("a key is changed")));
    }

    /// Revokes a key and waits until that is in force.
    #[expect(clippy::expect_used, reason = "a test that cannot set itself up has to stop")]
    pub fn revoke_key(&self, id: &KeyId) {
        let id = id.clone();
        self.store(move |store| drop(store.revoke_key(&id, &stamp()).expect("a key is revoked")));
    }

    /// Adds an app.
    #[expect(clippy::expect_used, reason = "a test that cannot set itself up has to stop")]
    pub fn add_app(&self, app: AppRecord) {
        self.store(move |store| store.create_app(&app, &stamp()).expect("an app is created"));
    }

    /// Changes an app and waits until the change is in force.
    #[expect(clippy::expect_used, reason = "a test that cannot set itself up has to stop")]
    pub fn update_app(&self, id: &AppId, change: AppChange) {
        let id = id.clone();
        self.store(move |store| drop(store.update_app(&id, &change, &stamp()).expect("an app is changed")));
    }

    /// Runs something with the store and waits until what it changed is in force.
    #[expect(clippy::expect_used, reason = "a test whose server has ended has to stop")]
    pub fn store<R: Send + 'static>(&self, job: impl FnOnce(&mut dyn Store) -> R + Send + 'static) -> R {
        self.server.with_store(job).expect("the server runs")
    }

    /// Stops it politely and waits until it is done.
    pub fn stop(self) {
        self.server.drain();
    }

    /// Ends it as `kill -9` would: nobody is told anything.
    pub fn abort(self) {
        drop(self.server);
    }
}

/// A key of the test app with all four actions on one pattern.
///
/// # Panics
///
/// When `pattern` is none.
#[must_use]
#[expect(clippy::expect_used, reason = "a test that cannot set itself up has to stop")]
pub fn test_key(kind: KeyKind, pattern: &str) -> KeyRecord {
    let patterns = PatternSet::for_key(vec![pattern.parse().expect("a valid pattern")]).expect("one pattern");
    let app = TEST_APP.parse().expect("the test app's id is valid");
    let mut key = KeyRecord::generate(kind, app, patterns, stamp().at).expect("randomness");
    key.actions = Actions::ALL;
    key
}

fn stamp() -> Stamp {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Stamp { who: "test".into(), at }
}
