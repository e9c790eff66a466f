//! Everything that `SECRET_KEY` protects: values that must be readable later, and keyed hashes.
//!
//! Two independent keys are derived from it (HKDF-SHA256): one encrypts (XChaCha20-Poly1305, a random 24-byte nonce), one
//! keys HMAC-SHA256. A sealed value is bound to its table, column and row, so it cannot be moved to another row. Sealed
//! values begin with a version byte.

pub mod text_message;

use aws_lc_rs::{hkdf, hmac};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

const SALT: &[u8] = b"bank-service vault";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("SECRET_KEY gives no key")]
    Derivation,
    #[error("the value cannot be sealed")]
    Seal,
    /// Another `SECRET_KEY`, another row, or a damaged value.
    #[error("the value was not sealed with this key for this place")]
    Open,
}

/// The column and row of a sealed value.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub row: &'a str,
}

impl Place<'_> {
    /// Each part behind its length, so that different places have different bytes.
    fn associated_data(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for part in [self.table, self.column, self.row] {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// A keyed hash in hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterKey(pub String);

/// Seals values for one row each of `outbox.sealed`.
pub trait Seal: Send + Sync {
    /// None if it cannot be sealed.
    fn seal(&self, event_id: &str, plain: &[u8]) -> Option<Vec<u8>>;
    /// None if it was sealed for another row, or under another key.
    fn open(&self, event_id: &str, sealed: &[u8]) -> Option<Vec<u8>>;
    /// The key of a counter: without `SECRET_KEY` it does not show what it counts.
    fn counter_key(&self, purpose: &str, parts: &[&str]) -> CounterKey;
}

pub struct Vault {
    cipher: XChaCha20Poly1305,
    hmac_key: hmac::Key,
}

struct KeyBytes;

impl hkdf::KeyType for KeyBytes {
    fn len(&self) -> usize {
        32
    }
}

impl Vault {
    pub fn try_new(secret_key: &str) -> Result<Self, VaultError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret_key.as_bytes());
        let sealing = derive(&root, b"seal")?;
        Ok(Self {
            cipher: XChaCha20Poly1305::new(&sealing.into()),
            hmac_key: hmac::Key::new(hmac::HMAC_SHA256, &derive(&root, b"hmac")?),
        })
    }

    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let nonce = service_kit::ids::random_bytes::<NONCE_BYTES>();
        let payload = Payload { msg: plain, aad: &place.associated_data() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Seal)?;
        Ok([&[VERSION], &nonce[..], &sealed].concat())
    }

    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(VaultError::Open)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Open)?;
        let payload = Payload { msg: sealed, aad: &place.associated_data() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| VaultError::Open)
    }

    /// HMAC-SHA256; hashes of different purposes never equal each other.
    pub fn hmac(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.hmac_key);
        context.update(&u64::try_from(purpose.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(purpose.as_bytes());
        context.update(bytes);
        let mut tag = [0; 32];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }

    /// A name of the key, in hex digits, that opens nothing.
    pub fn fingerprint(&self) -> String {
        hex::encode(self.hmac("fingerprint", &[]))
    }
}

/// Seals the secrets of events that wait in the outbox, and hashes the names of counters.
impl Seal for Vault {
    fn seal(&self, event_id: &str, plain: &[u8]) -> Option<Vec<u8>> {
        Self::seal(self, outbox_place(event_id), plain).ok()
    }

    fn open(&self, event_id: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        Self::open(self, outbox_place(event_id), sealed).ok()
    }

    fn counter_key(&self, purpose: &str, parts: &[&str]) -> CounterKey {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        CounterKey(hex::encode(self.hmac(purpose, &bytes)))
    }
}

pub(crate) fn outbox_place(event_id: &str) -> Place<'_> {
    Place { table: "outbox", column: "sealed", row: event_id }
}

fn derive(root: &hkdf::Prk, purpose: &[u8]) -> Result<[u8; 32], VaultError> {
    let mut key = [0; 32];
    let filled = root.expand(&[purpose], KeyBytes).and_then(|material| material.fill(&mut key));
    filled.map(|()| key).map_err(|_| VaultError::Derivation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> = Place { table: "signing_keys", column: "sealed_private_key", row: "k1" };

    fn vault(key: &str) -> Vault {
        Vault::try_new(key).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_place_only() {
        let vault = vault("one secret key of thirty-two bytes");
        let sealed = vault.seal(PLACE, b"seed").unwrap();
        assert_eq!(vault.open(PLACE, &sealed).as_deref(), Ok(&b"seed"[..]));
        for elsewhere in [
            Place { row: "k2", ..PLACE },
            Place { column: "public_key", ..PLACE },
            Place { table: "users", ..PLACE },
            Place { table: "signing_keyss", column: "ealed_private_key", row: "k1" },
        ] {
            assert_eq!(vault.open(elsewhere, &sealed), Err(VaultError::Open));
        }
    }

    #[test]
    fn another_key_or_a_changed_byte_opens_nothing() {
        let sealed = vault("one").seal(PLACE, b"seed").unwrap();
        assert_eq!(vault("two").open(PLACE, &sealed), Err(VaultError::Open));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(vault("one").open(PLACE, &damaged), Err(VaultError::Open), "byte {at}");
        }
        assert_eq!(vault("one").open(PLACE, &[]), Err(VaultError::Open));
    }

    #[test]
    fn the_same_value_is_never_sealed_twice_alike() {
        let vault = vault("one");
        assert_ne!(vault.seal(PLACE, b"seed"), vault.seal(PLACE, b"seed"));
    }

    #[test]
    fn hashes_depend_on_key_purpose_and_bytes() {
        let hash = vault("one").hmac("idempotency", b"body");
        assert_eq!(vault("one").hmac("idempotency", b"body"), hash);
        assert_ne!(vault("two").hmac("idempotency", b"body"), hash);
        assert_ne!(vault("one").hmac("idempotenc", b"ybody"), hash);
        assert_ne!(vault("one").hmac("idempotency", b"body."), hash);
    }
}
