//! Private keys. They are never printed and leave this type only as the PKCS#8 that its owner encrypts and stores.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretSlice};
use serde::Serialize;

use super::{Claims, Jwk, TOKEN_TYPE};
use crate::ids;

#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("this is not an Ed25519 private key in PKCS#8")]
    Key,
    #[error("the token cannot be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// An Ed25519 key that signs tokens.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    pkcs8: SecretSlice<u8>,
    encoding: EncodingKey,
    public: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key with a new id.
    ///
    /// # Panics
    /// Without a working random generator.
    #[expect(
        clippy::expect_used,
        reason = "fails only without randomness, and then there is nothing safe to go on with"
    )]
    pub fn generate() -> Self {
        let pair = Ed25519KeyPair::generate().expect("the system's random generator works");
        let pkcs8 = pair.to_pkcs8v1().expect("a new key can be written");
        Self::from_pkcs8(&ids::new_uuid().to_string(), pkcs8.as_ref()).expect("a new key can be read")
    }

    pub fn from_pkcs8(kid: &str, pkcs8: &[u8]) -> Result<Self, AuthError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| AuthError::Key)?;
        Ok(Self {
            kid: kid.to_owned(),
            pkcs8: pkcs8.to_vec().into(),
            encoding: EncodingKey::from_ed_der(pkcs8),
            public: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
        })
    }

    /// The private key; to be encrypted before it is stored.
    pub fn pkcs8(&self) -> &[u8] {
        self.pkcs8.expose_secret()
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// An access token.
    pub fn sign(&self, claims: &Claims) -> Result<String, AuthError> {
        self.sign_as(TOKEN_TYPE, claims)
    }

    /// A token of another type; a `Verifier` refuses it as an access token.
    pub fn sign_as<T: Serialize>(&self, token_type: &str, claims: &T) -> Result<String, AuthError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(token_type.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(AuthError::Sign)
    }

    /// The public key.
    pub fn jwk(&self) -> Jwk {
        Jwk::ed25519(&self.kid, self.public.clone())
    }
}
