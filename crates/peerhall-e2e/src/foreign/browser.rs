//! The vendor's JavaScript SDK, or our npm package in its place, in a page of a headless browser
//! (`foreign/pages/`).

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Partner, folder, node_interpreter};
use crate::native::soon;

/// A page with one guest of a room; see `foreign/pages/peer.js` for what a guest can do.
pub struct Page {
    partner: Partner,
}

/// Which browser shows a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// The one that most tests use.
    Chromium,
    /// It gives a received track an id of its own.
    Firefox,
}

impl Browser {
    /// What `foreign/js/stage.mjs` calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

impl Page {
    /// As [`Page::open_in`], in Chromium.
    ///
    /// # Panics
    ///
    /// When Node.js, its packages or the browser are missing.
    pub async fn open(url: &str, token: &str, extra: Value) -> Self {
        Self::open_in(Browser::Chromium, url, token, extra).await
    }

    /// As [`Page::open`], with our npm package in the place of the vendor's SDK.
    ///
    /// # Panics
    ///
    /// When Node.js, its packages or the browser are missing. `cargo xtask test` builds the package.
    pub async fn open_ours(url: &str, token: &str, extra: Value) -> Self {
        Self::start(&[Browser::Chromium.name(), "--peerhall"], url, token, extra).await
    }

    /// Starts a browser with fake media, and a guest who has not joined yet: the peer of this token at
    /// this server, with `extra` members in its options.
    ///
    /// # Panics
    ///
    /// When Node.js, its packages or the browser are missing.
    pub async fn open_in(browser: Browser, url: &str, token: &str, extra: Value) -> Self {
        Self::start(&[browser.name()], url, token, extra).await
    }

    async fn start(arguments: &[&str], url: &str, token: &str, extra: Value) -> Self {
        let partner = Partner::start(&node_interpreter(), &stage(), arguments);
        let mut options = json!({ "url": url, "jwt": token });
        if let (Some(options), Value::Object(extra)) = (options.as_object_mut(), extra) {
            options.extend(extra);
        }
        Self::with(partner, &options).await
    }

    /// A guest with a publishable key in Chromium, in a network namespace of its own; any certificate will do.
    ///
    /// # Panics
    ///
    /// As [`Page::open_in`].
    pub async fn open_behind(namespace: &str, url: &str, key: &str) -> Self {
        let (node, stage) = (node_interpreter(), stage());
        let (node, stage) = (node.to_string_lossy(), stage.to_string_lossy());
        let words = ["exec", namespace, &node, &stage, Browser::Chromium.name(), "--any-certificate"];
        let partner = Partner::start("ip".as_ref(), "netns".as_ref(), &words);
        Self::with(partner, &json!({ "url": url, "apiKey": key })).await
    }

    async fn with(partner: std::io::Result<Partner>, options: &Value) -> Self {
        let page = Self { partner: partner.expect("Node.js; `cargo xtask test` says how to get it") };
        page.run(&format!("hall.invite('guest', {options});")).await;
        page
    }

    /// Runs the body of an async function that finds its guest as `me`, and gives what it returns.
    ///
    /// # Panics
    ///
    /// When it throws, or takes longer than a minute.
    pub async fn run(&self, code: &str) -> Value {
        let code = format!("const me = hall.guest('guest');\n{code}");
        match soon(&code, self.partner.ask(json!({ "code": code }))).await {
            Ok(value) => value,
            Err(error) => panic!("in the page: {error}\nwhile running: {code}"),
        }
    }

    /// Joins a channel.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn join(&self, channel: &str) {
        self.run(&format!("await me.peer.join({});", json!(channel))).await;
    }

    /// Waits until an event was noted `count` times and gives all of them. `fits` are members that must
    /// be equal.
    ///
    /// # Panics
    ///
    /// When it does not come in time.
    pub async fn wait(&self, event: &str, fits: Value, count: usize) -> Value {
        self.run(&format!("return await me.wait({}, {fits}, {count});", json!(event))).await
    }

    /// Ends the browser.
    ///
    /// # Panics
    ///
    /// When the page had an error that nobody caught.
    pub async fn close(self) {
        self.partner.end().await;
    }
}

/// The script that shows pages.
fn stage() -> PathBuf {
    folder().join("js/stage.mjs")
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page")
    }
}
