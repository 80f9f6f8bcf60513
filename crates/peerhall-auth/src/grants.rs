//! What an admitted connection may do (authentication, section 4.3).

use std::sync::Arc;

use crate::action::{Action, Actions};
use crate::key::KeyRecord;
use crate::pattern::{ChannelPattern, PatternSet};

/// What a token asks for. It takes effect only within the key that signed the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenScope {
    /// The claim `channels`; `None`, when the claim is absent, stands for the key's patterns.
    pub patterns: Option<PatternSet>,
    /// The claim `permissions`; all four when the claim is absent.
    pub actions: Actions,
}

/// The scope of one connection: that of its key, narrowed by its token if it came with one.
///
/// Every question is answered from both at the time of asking, so a key that changes under a live
/// connection takes effect with [`with_key`](Self::with_key) (decisions D4 and D12). Connections share
/// their key's record; a clone costs the token's scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    key: Arc<KeyRecord>,
    token: Option<Box<TokenScope>>,
}

impl Grants {
    /// The scope of a key alone: a publishable key, or a secret key on the REST API.
    #[must_use]
    pub fn of_key(key: Arc<KeyRecord>) -> Self {
        Self { key, token: None }
    }

    /// The scope of a token signed with `key`.
    #[must_use]
    pub fn of_token(key: Arc<KeyRecord>, token: TokenScope) -> Self {
        Self { key, token: Some(Box::new(token)) }
    }

    /// The key that opened the connection, or signed its token.
    #[must_use]
    pub fn key(&self) -> &Arc<KeyRecord> {
        &self.key
    }

    /// What the token asks for; `None` without a token.
    #[must_use]
    pub fn token(&self) -> Option<&TokenScope> {
        self.token.as_deref()
    }

    /// Whether `action` is in scope.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        self.actions().contains(action)
    }

    /// All actions in scope.
    #[must_use]
    pub fn actions(&self) -> Actions {
        match &self.token {
            Some(token) => token.actions.intersection(self.key.actions),
            None => self.key.actions,
        }
    }

    /// Whether the channel `name` is in scope. Reserved names are the caller's business.
    #[must_use]
    pub fn covers_name(&self, name: &str) -> bool {
        self.patterns().all(|patterns| patterns.matches(name))
    }

    /// Whether every channel that `pattern` matches is in scope (wire protocol, section 11.2).
    #[must_use]
    pub fn covers_pattern(&self, pattern: &ChannelPattern) -> bool {
        self.patterns().all(|patterns| patterns.covers(pattern))
    }

    /// The same token under a changed record of its key.
    #[must_use]
    pub fn with_key(&self, key: Arc<KeyRecord>) -> Self {
        Self { key, token: self.token.clone() }
    }

    /// The sets of which each has to agree.
    fn patterns(&self) -> impl Iterator<Item = &PatternSet> {
        let token = self.token.as_ref().and_then(|token| token.patterns.as_ref());
        token.into_iter().chain([&self.key.patterns])
    }
}

#[cfg(test)]
mod tests;
