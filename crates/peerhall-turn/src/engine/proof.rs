//! Who sent a request: long-term credentials (RFC 8489 section 9.2.4) of the shared-secret scheme.

use peerhall_auth::turn::RelayUser;
use stun_types::attribute::{MessageIntegrity, Nonce, Realm, Username};
use stun_types::message::{IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message};
use stun_types::prelude::AttributeStaticType as _;

use super::outside::{Client, Now};
use super::{Common, reply};
use crate::refusal::Refusal;

/// How long an allocation may be kept after its user name has expired: calls go on, and a client can use
/// another name only with another allocation.
const KEPT_AFTER_EXPIRY_SECS: u64 = 12 * 3_600;

/// A sender who has proven to know the password.
pub(super) struct Proof {
    pub(super) username: String,
    pub(super) user: RelayUser,
    pub(super) key: IntegrityKey,
}

/// Checks a request. `owner` is the user of the client's allocation.
///
/// # Errors
///
/// 400, 401 or 438, in the order of RFC 8489.
pub(super) fn prove(
    common: &Common,
    now: Now,
    client: Client,
    message: &Message<'_>,
    owner: Option<&str>,
) -> Result<Proof, Refusal> {
    if !message.has_attribute(MessageIntegrity::TYPE) {
        return Err(Refusal::Unauthorized);
    }
    let username: Username = reply::required(message)?;
    let realm: Realm = reply::required(message)?;
    let nonce: Nonce = reply::required(message)?;
    if !common.nonces.accepts(nonce.nonce(), client.from, now.unix_secs) {
        return Err(Refusal::StaleNonce);
    }
    let username = username.username();
    let user: RelayUser = username.parse().map_err(|_| Refusal::Unauthorized)?;
    let kept = if owner == Some(username) { KEPT_AFTER_EXPIRY_SECS } else { 0 };
    let is_alive = now.unix_secs < user.expires_at.saturating_add(kept) && !common.accounts.is_revoked(&user);
    if realm.realm() != common.options.realm || !is_alive {
        return Err(Refusal::Unauthorized);
    }
    let proven = common.secrets.iter().find_map(|secret| {
        let key = LongTermKeyCredentials::new(
            username.to_owned(),
            secret.password(username),
            common.options.realm.clone(),
        )
        .make_key(IntegrityAlgorithm::Sha1);
        message.validate_integrity_with_key(&key).is_ok().then_some(key)
    });
    let key = proven.ok_or(Refusal::Unauthorized)?;
    Ok(Proof { username: username.to_owned(), user, key })
}
