//! The four things a connection may do (authentication, section 2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One of the four rights that a key or a token gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Broadcast to a channel.
    Publish,
    /// Receive a channel's messages.
    Subscribe,
    /// See who is in a channel and be seen there (decision D8).
    Presence,
    /// Write to one peer. WebRTC needs it to negotiate.
    Send,
}

impl Action {
    /// All actions in their canonical order.
    pub const ALL: [Self; 4] = [Self::Publish, Self::Subscribe, Self::Presence, Self::Send];

    /// The word that stands for the action in keys, tokens and requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Presence => "presence",
            Self::Send => "send",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Publish => 1,
            Self::Subscribe => 1 << 1,
            Self::Presence => 1 << 2,
            Self::Send => 1 << 3,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word is none of `publish`, `subscribe`, `presence` and `send`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an action is one of publish, subscribe, presence and send")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|action| action.as_str() == word).ok_or(UnknownAction)
    }
}

/// A set of [`Action`]s in one byte. The default is the empty set.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Actions(u8);

impl Actions {
    /// No action.
    pub const NONE: Self = Self(0);

    /// All four actions: the default of a secret key (authentication, section 2).
    pub const ALL: Self =
        Self(Action::Publish.bit() | Action::Subscribe.bit() | Action::Presence.bit() | Action::Send.bit());

    /// `publish`, `subscribe` and `presence`, not `send`: the default of a publishable key
    /// (authentication, section 2).
    pub const PUBLISHABLE_DEFAULT: Self =
        Self(Action::Publish.bit() | Action::Subscribe.bit() | Action::Presence.bit());

    /// Reads a list of words; doubles are allowed.
    ///
    /// # Errors
    ///
    /// [`UnknownAction`] at the first word that is no action.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownAction> {
        words.into_iter().map(Action::from_str).collect()
    }

    /// Whether `action` is in the set.
    #[must_use]
    pub const fn contains(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    /// Whether every action of `other` is in this set.
    #[must_use]
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The actions that are in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The actions that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The actions in the order publish, subscribe, presence, send.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.contains(*action))
    }
}

impl From<Action> for Actions {
    fn from(action: Action) -> Self {
        Self(action.bit())
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        actions.into_iter().fold(Self::NONE, |set, action| set.union(action.into()))
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Actions {
    /// The words, separated by commas: the form of the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, action) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{action}")?;
        }
        Ok(())
    }
}

impl Serialize for Actions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Action::as_str))
    }
}

impl<'de> Deserialize<'de> for Actions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        Self::from_words(words.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w129_a_publishable_key_may_do_everything_but_send() {
        let words: Vec<&str> = Actions::PUBLISHABLE_DEFAULT.iter().map(Action::as_str).collect();
        assert_eq!(words, ["publish", "subscribe", "presence"]);
        assert!(Actions::ALL.contains(Action::Send));
    }

    #[test]
    fn words_are_read_in_any_order_and_written_in_one() {
        let set = Actions::from_words(["send", "publish", "send"]).unwrap();
        assert_eq!(set.to_string(), "publish,send");
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["publish","send"]"#);
        assert_eq!(serde_json::from_str::<Actions>(r#"["send","publish"]"#).unwrap(), set);
    }

    #[test]
    fn a_word_that_is_no_action_is_refused() {
        assert_eq!(Actions::from_words(["publish", "Publish"]), Err(UnknownAction));
        assert!(serde_json::from_str::<Actions>(r#"["admin"]"#).is_err());
    }

    #[test]
    fn sets_combine_like_sets() {
        let talk: Actions = [Action::Publish, Action::Send].into_iter().collect();
        let both = talk.intersection(Actions::PUBLISHABLE_DEFAULT);
        assert_eq!(both, Action::Publish.into());
        assert!(!both.contains(Action::Send) && Actions::ALL.contains_all(talk) && !both.contains_all(talk));
        assert_eq!(talk.union(Actions::PUBLISHABLE_DEFAULT), Actions::ALL);
        assert!(Actions::NONE.is_empty() && Actions::default().iter().next().is_none());
    }
}
