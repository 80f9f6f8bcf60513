//! Long-term credentials (RFC 8489 section 9.2).

use std::fmt;

use stun_types::attribute::{MessageIntegrity, Nonce, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message, MessageWriteVec, StunWriteError,
};
use stun_types::prelude::{AttributeStaticType as _, MessageWriteExt as _};

use crate::net::server::TurnCredential;

/// What the server told about itself and the key that follows from it. `Debug` shows nothing.
///
/// The key is the MD5 of user name, realm and password and the integrity is HMAC-SHA1, as browsers
/// do it: the SHA-256 of RFC 8489 is an offer that no deployed server makes a condition.
pub(super) struct Auth {
    realm: Realm,
    nonce: Nonce,
    key: IntegrityKey,
}

impl Auth {
    /// What an error response with code 401 or 438 asks for, or `None` when it names no realm.
    pub(super) fn from_challenge(credential: &TurnCredential, challenge: &Message<'_>) -> Option<Self> {
        let realm = challenge.attribute::<Realm>().ok()?;
        let nonce = challenge.attribute::<Nonce>().ok()?;
        let TurnCredential { username, password } = credential.clone();
        let credentials = LongTermKeyCredentials::new(username, password, realm.realm().to_owned());
        let key = credentials.make_key(IntegrityAlgorithm::Sha1);
        Some(Self { realm, nonce, key })
    }

    /// Takes a new nonce. Says whether there was one.
    pub(super) fn renew(&mut self, challenge: &Message<'_>) -> bool {
        let nonce = challenge.attribute::<Nonce>().ok();
        let renewed = nonce.is_some();
        if let Some(nonce) = nonce {
            self.nonce = nonce;
        }
        renewed
    }

    /// Completes a request: user name, realm, nonce and the proof that the password is known.
    pub(super) fn sign(
        &self,
        request: &mut MessageWriteVec,
        credential: &TurnCredential,
    ) -> Result<(), StunWriteError> {
        request.add_attribute(&Username::new(&credential.username)?)?;
        request.add_attribute(&self.realm)?;
        request.add_attribute(&self.nonce)?;
        request.add_message_integrity_with_key(&self.key, IntegrityAlgorithm::Sha1)
    }

    /// Whether the server knows the password too.
    pub(super) fn proves(&self, response: &Message<'_>) -> bool {
        response.validate_integrity_with_key(&self.key).is_ok()
    }

    /// Whether a response carries a proof at all.
    pub(super) fn is_signed(response: &Message<'_>) -> bool {
        response.has_attribute(MessageIntegrity::TYPE)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(<redacted>)")
    }
}
