//! Sealing of secrets: what lies on the disk is of no use without the file `master.key` beside it
//! (authentication, section 2). A copy of the database alone gives no secret away.
//!
//! A sealed value is one byte of version, a random nonce of 24 bytes, and the XChaCha20-Poly1305
//! ciphertext with its tag. The name of the row is authenticated with it, so that a value moved to
//! another row does not open. Nonces of 24 bytes may be drawn at random without counting them.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use super::error::{MasterKeyError, StoreError};
use super::sqlite::private_file;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Name of the file in the data folder.
const FILE_NAME: &str = "master.key";

/// A sealed value does not open: it was damaged, moved, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsealable;

/// The key that seals, from the file `master.key`. `Debug` shows nothing of it, and its memory is
/// wiped when it goes.
pub(super) struct MasterKey {
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

impl MasterKey {
    /// Reads the file, or `None` when it does not exist.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join(FILE_NAME);
        let mut text = Vec::new();
        // A whole key with its line end has 65 or 66 bytes; whatever is longer is none.
        match File::open(&path).and_then(|file| file.take(67).read_to_end(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", &path, error)),
        }
        match from_hex(text.trim_ascii_end()) {
            Some(key) => Ok(Some(Self::new(&key))),
            None => Err(StoreError::MasterKey { path, problem: MasterKeyError::Malformed }),
        }
    }

    /// Makes a key and writes it so that the file is either whole or absent, whenever the power goes.
    pub(super) fn create(folder: &Path) -> Result<Self, StoreError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_| StoreError::NoRandomness)?;
        let (path, draft) = (folder.join(FILE_NAME), folder.join("master.key.new"));
        let written = (|| {
            let mut file = private_file().write(true).create(true).truncate(true).open(&draft)?;
            writeln!(file, "{}", to_hex(&key))?;
            file.sync_all()?;
            // The caller holds the write lock of the store, so nobody else is here.
            std::fs::rename(&draft, &path)?;
            File::open(folder)?.sync_all()
        })();
        written.map_err(|error| StoreError::io("write", &path, error))?;
        Ok(Self::new(&key))
    }

    fn new(key: &[u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()) }
    }

    /// Where the key of a data folder lies.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(FILE_NAME)
    }

    /// Seals `secret` for the row `name`.
    pub(super) fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::NoRandomness)?;
        let payload = Payload { msg: secret, aad: name.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Corrupt { detail: "a secret is too long to be sealed".to_owned() })?;
        Ok([[VERSION].as_slice(), &nonce, &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) made for the row `name`.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let (version, rest) = sealed.split_first().ok_or(Unsealable)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealable)?;
        if *version != VERSION {
            return Err(Unsealable);
        }
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| Unsealable)
    }
}

fn to_hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> MasterKey {
        MasterKey::new(&[7; 32])
    }

    #[test]
    fn what_is_sealed_opens_under_its_own_name_only() {
        let sealed = key().seal("key:sk_id_1", b"sk_secret_x").unwrap();
        assert_eq!(key().open("key:sk_id_1", &sealed).unwrap(), b"sk_secret_x");
        assert_eq!(key().open("key:sk_id_2", &sealed), Err(Unsealable));
        assert_eq!(MasterKey::new(&[8; 32]).open("key:sk_id_1", &sealed), Err(Unsealable));
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let sealed = key().seal("name", b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key().open("name", &changed), Err(Unsealable), "byte {at}");
            assert_eq!(key().open("name", &sealed[..at]), Err(Unsealable), "cut at {at}");
        }
    }

    #[test]
    fn sealing_twice_gives_two_values() {
        assert_ne!(key().seal("name", b"secret").unwrap(), key().seal("name", b"secret").unwrap());
    }

    #[test]
    fn the_file_holds_the_key_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(MasterKey::read(folder.path()).unwrap().is_none());
        let made = MasterKey::create(folder.path()).unwrap();
        let sealed = made.seal("name", b"secret").unwrap();
        let read = MasterKey::read(folder.path()).unwrap().unwrap();
        assert_eq!(read.open("name", &sealed).unwrap(), b"secret");
        assert_eq!(format!("{read:?}"), "<redacted>");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = MasterKey::path(folder.path()).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let whole = "0123456789abcdef".repeat(4);
        for broken in ["", "0123", &whole.replace('f', "g"), &format!("{whole}00"), &whole.repeat(9)] {
            std::fs::write(MasterKey::path(folder.path()), broken).unwrap();
            let error = MasterKey::read(folder.path()).unwrap_err();
            assert!(
                matches!(error, StoreError::MasterKey { problem: MasterKeyError::Malformed, .. }),
                "{broken:?}: {error}"
            );
        }
        std::fs::write(MasterKey::path(folder.path()), format!("{whole}\r\n")).unwrap();
        assert!(MasterKey::read(folder.path()).unwrap().is_some(), "an editor may have touched it");
    }
}
