//! The `resume` value of a `welcome`: a peer that came with a publishable key has an id made by the
//! server, and this proves that the id is its own when it comes back (wire protocol, section 9.4).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use peerhall_proto::ids::{AppId, PeerId};

use crate::key::KeyId;
use crate::mac::{hs256_bytes, hs256_bytes_verify};

/// Bytes of the proof in front of the id.
const PROOF_BYTES: usize = 32;

/// The server's own secret for `resume` values. `Debug` shows nothing.
#[derive(Clone)]
pub struct ResumeKey([u8; 32]);

impl ResumeKey {
    /// Takes 32 random bytes that outlive the process, so that ids survive a restart.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The value for a peer that the server has named under this key.
    #[must_use]
    pub fn issue(&self, app: &AppId, key: &KeyId, peer: &PeerId) -> String {
        let mut value = hs256_bytes(&self.0, &claim(app, key, peer.as_str())).to_vec();
        value.extend_from_slice(peer.as_str().as_bytes());
        URL_SAFE_NO_PAD.encode(value)
    }

    /// The peer that a value was issued for under this app and key; `None` for anything else.
    #[must_use]
    pub fn verify(&self, app: &AppId, key: &KeyId, value: &str) -> Option<PeerId> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (proof, peer) = bytes.split_at_checked(PROOF_BYTES)?;
        let peer = std::str::from_utf8(peer).ok()?;
        hs256_bytes_verify(&self.0, &claim(app, key, peer), proof).then(|| peer.parse().ok())?
    }
}

impl fmt::Debug for ResumeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// What the proof is about. Neither an app id nor a key id can hold the separator.
fn claim(app: &AppId, key: &KeyId, peer: &str) -> String {
    format!("resume\n{app}\n{}\n{peer}", key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyKind;

    #[test]
    fn a_value_gives_back_its_peer_and_nobody_elses() {
        let key = KeyId::generate(KeyKind::Publishable).unwrap();
        let other = KeyId::generate(KeyKind::Publishable).unwrap();
        let app: AppId = "app".parse().unwrap();
        let peer = PeerId::from_random([7; 16]);
        let resume = ResumeKey::new([1; 32]);
        let value = resume.issue(&app, &key, &peer);
        assert_eq!(resume.verify(&app, &key, &value), Some(peer.clone()));
        assert_eq!(resume.verify(&app, &other, &value), None);
        assert_eq!(resume.verify(&"other".parse().unwrap(), &key, &value), None);
        assert_eq!(ResumeKey::new([2; 32]).verify(&app, &key, &value), None);
        for broken in ["", "AAAA", "!", &value[1..], &format!("{value}A")] {
            assert_eq!(resume.verify(&app, &key, broken), None, "{broken}");
        }
    }
}
