//! A token provider in a mood.

use std::time::Duration;

use serde_json::{Map, Value};

/// How a token provider behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMood {
    /// Claims of the tokens that it gives; the lab's tokens are their claims as JSON.
    pub claims: Map<String, Value>,
    /// What it does when it is asked.
    pub answer: TokenAnswer,
    /// How long it thinks. Default: 5 ms.
    pub delay: Duration,
}

/// What a token provider does when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    /// Gives a token.
    Token,
    /// Gives a token that has run out.
    Expired,
    /// Gives an empty text.
    Empty,
    /// Gives something that no server accepts.
    Nonsense,
    /// Fails with these words.
    Fails(String),
    /// Never answers.
    Hangs,
}

impl TokenMood {
    /// A provider of good tokens for a peer of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let claims = Map::from_iter([("sub".to_owned(), Value::from(name))]);
        Self { claims, answer: TokenAnswer::Token, delay: Duration::from_millis(5) }
    }

    pub(crate) fn token(&self) -> Option<Result<String, String>> {
        let token = |claims: &Map<String, Value>| Value::Object(claims.clone()).to_string();
        match &self.answer {
            TokenAnswer::Token => Some(Ok(token(&self.claims))),
            TokenAnswer::Expired => {
                let mut claims = self.claims.clone();
                claims.insert("expired".to_owned(), Value::Bool(true));
                Some(Ok(token(&claims)))
            }
            TokenAnswer::Empty => Some(Ok(String::new())),
            TokenAnswer::Nonsense => Some(Ok("nonsense".to_owned())),
            TokenAnswer::Fails(error) => Some(Err(error.clone())),
            TokenAnswer::Hangs => None,
        }
    }
}
