//! Public keys and their sources.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// An Ed25519 public key (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    pub kty: String,
    pub crv: String,
    /// The key's 32 bytes in base64url.
    pub x: String,
    pub kid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
}

impl Jwk {
    pub(super) fn ed25519(kid: &str, x: String) -> Self {
        Self {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x,
            kid: kid.to_owned(),
            alg: Some("EdDSA".to_owned()),
            usage: Some("sig".to_owned()),
        }
    }

    /// Whether it is a key that our tokens can be signed with.
    pub(super) fn is_usable(&self) -> bool {
        self.kty == "OKP"
            && self.crv == "Ed25519"
            && self.alg.as_deref().is_none_or(|alg| alg == "EdDSA")
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
    }
}

/// A set of public keys, as `/.well-known/jwks.json` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Jwks {
    pub keys: Vec<Jwk>,
}

/// The keys cannot be fetched, or are too old to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keys that tokens are checked with cannot be fetched")]
pub struct KeysUnavailable;

/// Finds a public key by its id; `None` if there is no such key.
#[async_trait]
pub trait KeySource: Send + Sync {
    async fn key(&self, kid: &str) -> Result<Option<Arc<Jwk>>, KeysUnavailable>;
}
