//! Channel patterns: which names a key, a token or a pattern subscription reaches (wire protocol,
//! section 11).
//!
//! Matching a name and covering a pattern are one procedure: a name is a pattern without stars. It
//! walks the pattern once and keeps, for every place in the subject, whether the part read so far can
//! end there. That takes pattern length × subject length steps and no recursion, whatever the input.

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::str::FromStr;
use std::sync::Arc;

use peerhall_proto::ids::{ChannelNameError, check_channel};
use peerhall_proto::limits::MAX_PATTERNS;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A pattern for channel names: `*` is any run of characters without `/`, `**` any run, `\*` and `\\`
/// are the literal characters, everything else is itself (wire protocol, section 11.1).
///
/// 1 to 256 bytes of UTF-8 without control characters. Equality is that of the text. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelPattern(Arc<str>);

impl ChannelPattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole of `name` fits this pattern.
    ///
    /// Reserved names get no special treatment here; they are refused before patterns are asked.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut pattern = Tokens::of(&self.0);
        let mut name = name.as_bytes();
        // Most names are decided by their literal head, without an allocation.
        while let Some((literal, rest)) = pattern.split_literal() {
            let Some((&head, tail)) = name.split_first() else { return false };
            if head != literal {
                return false;
            }
            (pattern, name) = (rest, tail);
        }
        if pattern.is_empty() {
            return name.is_empty();
        }
        let name: Vec<Token> = name.iter().copied().map(Token::Literal).collect();
        fits(pattern, &name)
    }

    /// Whether every name that `other` matches is matched by this pattern too (wire protocol,
    /// section 11.2).
    ///
    /// Never says yes wrongly. It may say no where several stars together would allow a yes.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let subject: Vec<Token> = Tokens::of(&other.0).collect();
        fits(Tokens::of(&self.0), &subject)
    }
}

impl FromStr for ChannelPattern {
    type Err = ChannelNameError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        check_channel(raw)?;
        Ok(Self(raw.into()))
    }
}

impl fmt::Display for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for ChannelPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ChannelPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Cow::<'de, str>::deserialize(deserializer)?;
        raw.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a list of patterns is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternSetError {
    /// A key needs at least one pattern.
    #[error("a key needs at least one channel pattern")]
    Empty,
    /// More than 100 patterns.
    #[error("there may be {MAX_PATTERNS} channel patterns, these are {count}")]
    TooMany {
        /// Number of patterns given.
        count: usize,
    },
}

/// At most 100 patterns, of which one has to fit (wire protocol, section 11.1). The empty set, which
/// a token may carry, fits nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PatternSet(Box<[ChannelPattern]>);

impl PatternSet {
    /// The set of a token: 0 to 100 patterns, kept in their order.
    ///
    /// # Errors
    ///
    /// [`PatternSetError::TooMany`] above 100 patterns.
    pub fn new(patterns: Vec<ChannelPattern>) -> Result<Self, PatternSetError> {
        match patterns.len() {
            count if count > MAX_PATTERNS => Err(PatternSetError::TooMany { count }),
            _ => Ok(Self(patterns.into())),
        }
    }

    /// The set of a key: 1 to 100 patterns (authentication, section 2).
    ///
    /// # Errors
    ///
    /// [`PatternSetError::Empty`] without a pattern, [`PatternSetError::TooMany`] above 100.
    pub fn for_key(patterns: Vec<ChannelPattern>) -> Result<Self, PatternSetError> {
        if patterns.is_empty() {
            return Err(PatternSetError::Empty);
        }
        Self::new(patterns)
    }

    /// Whether one of the patterns matches `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether one of the patterns covers `other` (wire protocol, section 11.2).
    #[must_use]
    pub fn covers(&self, other: &ChannelPattern) -> bool {
        self.0.iter().any(|pattern| pattern.covers(other))
    }

    /// The patterns in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, ChannelPattern> {
        self.0.iter()
    }

    /// Number of patterns, 0 to 100.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no pattern, so that nothing fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a PatternSet {
    type Item = &'a ChannelPattern;
    type IntoIter = std::slice::Iter<'a, ChannelPattern>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de> Deserialize<'de> for PatternSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One step of a pattern. Literals are bytes: stars may split a character only where no literal could
/// follow, so bytes and characters give the same answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(u8),
    Star,
    DoubleStar,
}

impl Token {
    /// Whether this star may run over `symbol`; a literal never runs.
    fn runs_over(self, symbol: Self) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Star => match symbol {
                Self::Literal(byte) => byte != b'/',
                Self::Star => true,
                Self::DoubleStar => false,
            },
            Self::DoubleStar => true,
        }
    }
}

/// The tokens of a pattern's text, read left to right with the longest star first.
#[derive(Clone, Copy)]
struct Tokens<'a>(&'a [u8]);

impl<'a> Tokens<'a> {
    fn of(pattern: &'a str) -> Self {
        Self(pattern.as_bytes())
    }

    fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The first token, if it is a literal, and what follows it.
    fn split_literal(self) -> Option<(u8, Self)> {
        match self.split_first()? {
            (Token::Literal(byte), rest) => Some((byte, rest)),
            (Token::Star | Token::DoubleStar, _) => None,
        }
    }

    fn split_first(self) -> Option<(Token, Self)> {
        let (token, rest) = match self.0 {
            [] => return None,
            [b'*', b'*', rest @ ..] => (Token::DoubleStar, rest),
            [b'*', rest @ ..] => (Token::Star, rest),
            [b'\\', escaped @ (b'*' | b'\\'), rest @ ..] => (Token::Literal(*escaped), rest),
            [byte, rest @ ..] => (Token::Literal(*byte), rest),
        };
        Some((token, Self(rest)))
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let (token, rest) = self.split_first()?;
        *self = rest;
        Some(token)
    }
}

/// Whether `pattern` takes in the whole of `subject`, whose stars stand for every run they may match.
fn fits(pattern: Tokens<'_>, subject: &[Token]) -> bool {
    // ends[n]: the tokens read so far can take in exactly the first n symbols.
    let mut ends = vec![false; subject.len() + 1];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    for token in pattern {
        match token {
            Token::Literal(_) => step(&mut ends, subject, token),
            Token::Star | Token::DoubleStar => run(&mut ends, subject, token),
        }
    }
    ends.last().copied().unwrap_or(false)
}

/// Moves every end over the one symbol that equals `literal`; the others are lost.
fn step(ends: &mut [bool], subject: &[Token], literal: Token) {
    let mut arrives = false;
    for (end, symbol) in ends.iter_mut().zip(subject.iter().map(Some).chain([None])) {
        let was = mem::replace(end, arrives);
        arrives = was && symbol == Some(&literal);
    }
}

/// Adds to every end those that `star` reaches from it.
fn run(ends: &mut [bool], subject: &[Token], star: Token) {
    let mut arrives = false;
    for (end, symbol) in ends.iter_mut().zip(subject.iter().map(Some).chain([None])) {
        *end |= arrives;
        arrives = *end && symbol.is_some_and(|symbol| star.runs_over(*symbol));
    }
}

#[cfg(test)]
mod tests;
