//! Finding the key that is said to have signed, in a time that does not tell which ids exist
//! (authentication, section 9).

use std::hash::{BuildHasher, RandomState};

use subtle::{Choice, ConstantTimeEq};

use super::Owned;

/// The keys that may sign.
///
/// A map finds a key that is there in another time than it misses one that is not. Here every search
/// takes the same steps to some key, and nothing before the proof depends on whether it is the right one.
#[derive(Clone, Default)]
pub(super) struct Signers {
    hasher: RandomState,
    /// Hashes of the ids, sorted, each once: a search through numbers needs no branch that can be
    /// guessed wrongly.
    hashes: Vec<u64>,
    /// The keys in the same order.
    keys: Vec<Owned>,
}

/// What a credential is held against.
pub(super) struct Candidate<'k> {
    pub(super) owned: &'k Owned,
    pub(super) secret: &'k str,
    /// Whether the key has the id that was asked for. To be looked at only together with the proof: a
    /// branch of its own would take its own time.
    pub(super) is_meant: Choice,
}

impl Signers {
    pub(super) fn new<'k>(keys: impl Iterator<Item = &'k Owned> + Clone) -> Self {
        loop {
            let hasher = RandomState::new();
            let signing = keys.clone().filter(|owned| owned.key.signing_secret().is_some());
            let mut hashed: Vec<_> =
                signing.map(|owned| (hasher.hash_one(owned.key.id.as_str()), owned)).collect();
            hashed.sort_unstable_by_key(|(hash, _)| *hash);
            // Two ids with one hash hardly happen, and another hasher tells them apart.
            if hashed.iter().zip(hashed.iter().skip(1)).all(|(one, next)| one.0 != next.0) {
                let (hashes, keys) = hashed.into_iter().map(|(hash, owned)| (hash, owned.clone())).unzip();
                return Self { hasher, hashes, keys };
            }
        }
    }

    /// The key of this id; for an id that may not sign some other key, which must not be believed.
    /// `None` when there is no key at all.
    pub(super) fn find(&self, id: &str) -> Option<Candidate<'_>> {
        let hash = self.hasher.hash_one(id);
        let place = self.hashes.partition_point(|known| *known < hash);
        let owned = self.keys.get(place.min(self.keys.len().saturating_sub(1)))?;
        let secret = owned.key.signing_secret()?.expose();
        Some(Candidate { owned, secret, is_meant: owned.key.id.as_str().as_bytes().ct_eq(id.as_bytes()) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::support::{NOW, publishable, ring, secret_key};
    use super::*;

    #[test]
    fn p22_every_search_ends_at_a_key_and_only_the_right_one_is_meant() {
        let keys: Vec<_> = (0..50).map(|_| secret_key()).collect();
        let mut revoked = secret_key();
        revoked.revoked_at = Some(NOW);
        let public = publishable();
        let mut all: Vec<_> = keys.iter().collect();
        all.extend([&revoked, &public]);
        let ring = ring(&all);
        for key in &keys {
            let found = ring.signers.find(key.id.as_str()).unwrap();
            assert!(bool::from(found.is_meant) && *found.owned.key == *key);
            assert_eq!(found.secret, key.secret.as_ref().unwrap().expose());
        }
        let stranger = secret_key();
        for id in [stranger.id.as_str(), revoked.id.as_str(), public.id.as_str(), "", "sk_id_", "\u{10ffff}"]
        {
            let found = ring.signers.find(id).unwrap();
            assert!(!bool::from(found.is_meant) && keys.contains(&found.owned.key), "{id:?}");
        }
    }

    #[test]
    fn without_a_signing_key_nothing_is_found() {
        assert!(Signers::default().find("sk_id_0").is_none());
        assert!(ring(&[&publishable()]).signers.find("sk_id_0").is_none());
    }
}
