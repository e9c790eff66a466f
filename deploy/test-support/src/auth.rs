//! Keys and sessions of services that run without a bank.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use service_kit::http::auth::{Claims, Jwk, KeySource, KeysUnavailable, SessionError, SessionSource};

/// Keys that do not change.
#[derive(Debug, Clone, Default)]
pub struct StaticKeys(HashMap<String, Arc<Jwk>>);

impl StaticKeys {
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Self {
        Self(keys.into_iter().map(|key| (key.kid.clone(), Arc::new(key))).collect())
    }
}

#[async_trait]
impl KeySource for StaticKeys {
    async fn key(&self, kid: &str) -> Result<Option<Arc<Jwk>>, KeysUnavailable> {
        Ok(self.0.get(kid).cloned())
    }
}

/// Trusts the claims of the token itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct BelieveTokens;

#[async_trait]
impl SessionSource for BelieveTokens {
    async fn roles(&self, _: &str, claims: &Claims, _: bool) -> Result<Vec<String>, SessionError> {
        Ok(claims.roles.clone())
    }
}
