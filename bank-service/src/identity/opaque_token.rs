//! Opaque secrets that clients carry: 32 random bytes in base64url. Only their SHA-256 is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::domain::session::TokenHash;

const BYTES: usize = 32;
/// 32 bytes in base64url.
const CHARS: usize = 43;

/// A secret on its way to or from its holder. It has no `Debug`, `Display` or `Serialize`.
pub struct OpaqueToken(String);

impl OpaqueToken {
    pub fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(service_kit::ids::random_bytes::<BYTES>()))
    }

    /// None if it has not the form of our tokens.
    pub fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == CHARS && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == BYTES);
        ours.then(|| Self(text.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The stored hash: the SHA-256 in hex digits. 256 random bits need neither salt nor stretching.
    pub fn hash(&self) -> TokenHash {
        TokenHash::new(Sha256::digest(self.0.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_way_and_hashes_alike() {
        let token = OpaqueToken::generate();
        let back = OpaqueToken::parse(token.expose()).unwrap();
        assert_eq!(token.hash(), back.hash());
        assert_ne!(token.hash(), OpaqueToken::generate().hash());
        assert!(!token.hash().as_str().contains(token.expose()));
    }

    #[test]
    fn what_cannot_be_a_token_is_refused() {
        for bad in ["", "abc", &"=".repeat(43), &"A".repeat(44), "eyJhbGciOiJFZERTQSJ9.e30.c2ln"] {
            assert!(OpaqueToken::parse(bad).is_none(), "{bad:?}");
        }
    }
}
