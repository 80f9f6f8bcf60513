//! The vendor's Python SDK (aiortc) in a process of its own.

use std::fmt;

use serde_json::{Value, json};

use super::{Partner, folder, python_interpreter};
use crate::native::soon;

/// A program with one guest of a room; see `foreign/python/stage.py` for what a guest can do.
pub struct Python {
    partner: Partner,
}

impl Python {
    /// Starts a guest who has not joined yet: the peer of this token at this server.
    ///
    /// # Panics
    ///
    /// When Python or its packages are missing.
    pub async fn start(url: &str, token: &str) -> Self {
        let script = folder().join("python/stage.py");
        let partner = Partner::start(&python_interpreter(), &script, &[]);
        let python = Self { partner: partner.expect("Python; `cargo xtask test` provides it") };
        python.call("invite", json!([url, token])).await;
        python
    }

    /// Calls a method of the guest and gives what it returns.
    ///
    /// # Panics
    ///
    /// When it raises, or takes longer than a minute.
    pub async fn call(&self, method: &str, arguments: Value) -> Value {
        match soon(method, self.partner.ask(json!({ "call": method, "with": arguments }))).await {
            Ok(value) => value,
            Err(error) => panic!("in Python, at {method}: {error}"),
        }
    }

    /// Ends the program.
    ///
    /// # Panics
    ///
    /// When it ends badly.
    pub async fn close(self) {
        self.partner.end().await;
    }
}

impl fmt::Debug for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Python")
    }
}
