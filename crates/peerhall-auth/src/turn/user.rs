//! The user names of the embedded relay. Beside the expiry, which every relay of this scheme wants first,
//! they say whose they are and when they were made, so that the relay can count by app and peer and can
//! refuse what was handed out before a kick, without asking anybody.

use std::fmt;
use std::str::FromStr;

use peerhall_proto::ids::{AppId, PeerId};

use super::{TurnCredentials, TurnSecret};

/// Whom the embedded relay serves: `expiry:app:issued:peer`, expiry in Unix seconds, issued in Unix
/// milliseconds as hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayUser {
    /// Unix seconds from which on no allocation is made with this name.
    pub expires_at: u64,
    /// The app whose quota it uses.
    pub app: AppId,
    /// Unix milliseconds at which it was made.
    pub issued_at_ms: u64,
    /// The peer it was made for.
    pub peer: PeerId,
}

impl RelayUser {
    /// The name with its password.
    #[must_use]
    pub fn credentials(&self, secret: &TurnSecret) -> TurnCredentials {
        let username = self.to_string();
        let credential = secret.password(&username);
        TurnCredentials { username, credential }
    }
}

impl fmt::Display for RelayUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expires_at, app, issued_at_ms, peer } = self;
        write!(f, "{expires_at}:{app}:{issued_at_ms:x}:{peer}")
    }
}

/// A text is no user name of the embedded relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user of the relay is called expiry:app:issued:peer")]
pub struct RelayUserError;

impl FromStr for RelayUser {
    type Err = RelayUserError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A peer id may hold colons, so it stands last.
        let mut parts = text.splitn(4, ':');
        let mut part = || parts.next().ok_or(RelayUserError);
        let user = Self {
            expires_at: part()?.parse().map_err(|_| RelayUserError)?,
            app: part()?.parse().map_err(|_| RelayUserError)?,
            issued_at_ms: u64::from_str_radix(part()?, 16).map_err(|_| RelayUserError)?,
            peer: part()?.parse().map_err(|_| RelayUserError)?,
        };
        // One user has one name: no sign, no leading zero, no capital.
        if user.to_string() == text { Ok(user) } else { Err(RelayUserError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written_whatever_the_peer_is_called() {
        for peer in ["alice", "a:b:c", "a b", "::1"] {
            let user = RelayUser {
                expires_at: 1_767_225_600,
                app: "app_test".parse().unwrap(),
                issued_at_ms: 1_767_139_200_123,
                peer: peer.parse().unwrap(),
            };
            assert_eq!(user.to_string().parse(), Ok(user));
        }
    }

    #[test]
    fn anything_else_is_nobody() {
        let wrong = [
            "",
            "alice",
            "1767225600:alice",
            "1767225600:app:alice",
            "+1767225600:app:1:alice",
            "01767225600:app:1:alice",
            "1767225600:app:A:alice",
            "1767225600:app:01:alice",
            "1767225600:a b:1:alice",
            "1767225600:app:1:",
            "-1:app:1:alice",
            "99999999999999999999:app:1:alice",
        ];
        for text in wrong {
            assert_eq!(text.parse::<RelayUser>(), Err(RelayUserError), "{text}");
        }
    }

    #[test]
    fn the_password_is_that_of_the_shared_secret_scheme() {
        let secret = TurnSecret::new("north").unwrap();
        let user: RelayUser = "1767225600:app:1:alice".parse().unwrap();
        let made = user.credentials(&secret);
        assert_eq!(made.username, "1767225600:app:1:alice");
        assert_eq!(made.credential, secret.password("1767225600:app:1:alice"));
    }
}
