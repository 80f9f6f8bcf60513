//! What clients and peers are made with. Values are checked where they are given.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use peerhall_core::{ConfigError, Credential, ReconnectOptions, ServerUrl};
use rustls::pki_types::CertificateDer;

/// Any error, from code that is not ours.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where tokens come from: asked before the first connection and before each later one.
///
/// An async closure without arguments is one.
pub trait TokenProvider: Send + Sync + 'static {
    /// Gives a fresh token.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from giving one; the client tries again at its next attempt.
    fn token(&self) -> Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + '_>>;
}

impl<F, R> TokenProvider for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<String, BoxError>> + Send + 'static,
{
    fn token(&self) -> Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + '_>> {
        Box::pin(self())
    }
}

/// A token provider that can be handed around.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<dyn TokenProvider>);

impl Tokens {
    pub(crate) async fn ask(&self) -> Result<String, BoxError> {
        self.0.token().await
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

/// What a [`SignallingClient`](crate::SignallingClient) is made with.
///
/// ```
/// # fn main() -> Result<(), peerhall::ConfigError> {
/// use std::time::Duration;
/// use peerhall::SignallingOptions;
///
/// let options = SignallingOptions::with_key("wss://rtc.example.org", "pk_live_…")?
///     .inactivity_timeout(Some(Duration::from_secs(30)));
/// # let _ = options; Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct SignallingOptions {
    core: peerhall_core::SignallingOptions,
    tokens: Option<Tokens>,
    roots: Vec<CertificateDer<'static>>,
}

impl SignallingOptions {
    /// Options for a publishable key. `url` is the server's origin, `wss://host[:port]`, or `ws://` to
    /// this machine.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a URL or a key that cannot be used.
    pub fn with_key(url: &str, key: &str) -> Result<Self, ConfigError> {
        Self::new(parse(url)?, Credential::api_key(key)?, None)
    }

    /// Options for tokens that come from a provider.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a URL that cannot be used.
    pub fn with_tokens(url: &str, provider: impl TokenProvider) -> Result<Self, ConfigError> {
        Self::new(parse(url)?, Credential::Token, Some(Tokens(Arc::new(provider))))
    }

    /// Options for servers that stand in for each other: the next one is tried when one cannot be
    /// reached, or lets go.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] as for the constructors, and for an empty list.
    pub fn servers(mut self, urls: &[&str]) -> Result<Self, ConfigError> {
        let urls = urls.iter().map(|url| parse(url)).collect::<Result<Vec<_>, _>>()?;
        self.core = self.core.servers(urls)?;
        Ok(self)
    }

    fn new(url: ServerUrl, credential: Credential, tokens: Option<Tokens>) -> Result<Self, ConfigError> {
        let seed = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        let core = peerhall_core::SignallingOptions::new(vec![url], credential)?.seed(seed);
        Ok(Self { core, tokens, roots: Vec::new() })
    }

    /// Allows `ws://` to `url`, which need not be this machine: for private networks, where nobody listens
    /// on the way.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Url`].
    pub fn insecure_server(mut self, url: &str) -> Result<Self, ConfigError> {
        let url = ServerUrl::parse_insecure(url).map_err(ConfigError::Url)?;
        self.core = self.core.servers(vec![url])?;
        Ok(self)
    }

    /// How a lost connection is made anew; `None`: never. Default: 500 ms, doubling up to 30 s, ± 20 %,
    /// 100 attempts.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Option<ReconnectOptions>) -> Self {
        self.core = self.core.reconnect(reconnect);
        self
    }

    /// How long the server may be silent before the connection counts as dead; `None`: for ever. Default:
    /// 60 s, with a keepalive after every third of it.
    #[must_use]
    pub fn inactivity_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.core = self.core.inactivity_timeout(timeout);
        self
    }

    /// How long the token provider may take. Default: 10 s.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TokenTimeout`] for zero.
    pub fn token_timeout(mut self, timeout: Duration) -> Result<Self, ConfigError> {
        self.core = self.core.token_timeout(timeout)?;
        Ok(self)
    }

    /// Whether channels are subscribed again after a reconnect. Default: yes; a peer needs it.
    #[must_use]
    pub fn auto_resubscribe(mut self, on: bool) -> Self {
        self.core = self.core.auto_resubscribe(on);
        self
    }

    /// Whether a server that goes away may say how long to stay away (at most 5 minutes). Default: yes.
    #[must_use]
    pub fn honour_retry_after(mut self, on: bool) -> Self {
        self.core = self.core.honour_retry_after(on);
        self
    }

    /// Trusts servers whose certificate is signed by this one (DER), besides those that the machine
    /// trusts. Default: none.
    #[must_use]
    pub fn trust(mut self, root: impl Into<Vec<u8>>) -> Self {
        self.roots.push(CertificateDer::from(root.into()));
        self
    }

    pub(crate) fn into_parts(
        self,
    ) -> (peerhall_core::SignallingOptions, Option<Tokens>, Vec<CertificateDer<'static>>) {
        (self.core, self.tokens, self.roots)
    }
}

fn parse(url: &str) -> Result<ServerUrl, ConfigError> {
    ServerUrl::parse(url).map_err(ConfigError::Url)
}
