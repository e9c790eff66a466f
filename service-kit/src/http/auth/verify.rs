//! The check of a token.
//!
//! A signature is checked once: tokens that have passed are remembered by their SHA-256, at most 10,000 of them, with the key
//! they were checked with. Times are compared at each use, and a removed key invalidates its tokens.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::{Claims, ISSUER, Jwk, KeySource, KeysUnavailable, LEEWAY, SessionError, SessionSource, TOKEN_TYPE};
use crate::clock::SharedClock;

const MAX_TOKEN: usize = 4 * 1024;
const MAX_REMEMBERED: usize = 10_000;
const MAX_KID: usize = 128;

/// The cause of a refusal, without detail that would help to forge tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is not valid")]
    Invalid,
    /// It was valid and has expired.
    #[error("the token has expired")]
    Expired,
    /// The keys cannot be fetched at the moment.
    #[error(transparent)]
    KeysUnavailable(#[from] KeysUnavailable),
}

struct Verified {
    claims: Claims,
    key: Arc<Jwk>,
}

/// Checks access tokens for one audience.
pub struct Verifier {
    keys: Arc<dyn KeySource>,
    audience: String,
    validation: Validation,
    clock: SharedClock,
    verified: Cache<[u8; 32], Arc<Verified>>,
    /// None: the caller checks the session of the token itself.
    sessions: Option<Arc<dyn SessionSource>>,
}

impl Verifier {
    pub fn new(keys: Arc<dyn KeySource>, audience: &str, clock: SharedClock) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        // Times are checked here, against our own clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let verified = Cache::new(MAX_REMEMBERED);
        Self { keys, audience: audience.to_owned(), validation, clock, verified, sessions: None }
    }

    /// Users' tokens count only while their session does, with the roles that the user has now.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Arc<dyn SessionSource>) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// The claims with the changes since the token was made; `reads`: the request changes nothing.
    pub async fn current(&self, token: &str, mut claims: Claims, reads: bool) -> Result<Claims, SessionError> {
        if let Some(sessions) = &self.sessions
            && !claims.is_service()
        {
            claims.roles = sessions.roles(token, &claims, reads).await?;
            // A role of this name does not make a user a service.
            claims.roles.retain(|role| role != "service");
        }
        Ok(claims)
    }

    /// The claims of a token that is valid now.
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Invalid);
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(verified) = self.verified.get(&digest) {
            // A key may have been withdrawn since.
            if self.keys.key(&verified.key.kid).await?.is_some_and(|key| key == verified.key) {
                self.check_times(&verified.claims)?;
                return Ok(verified.claims.clone());
            }
            self.verified.remove(&digest);
            return Err(TokenError::Invalid);
        }
        let verified = self.check_signature(token).await?;
        self.check_times(&verified.claims)?;
        let claims = verified.claims.clone();
        self.verified.insert(digest, Arc::new(verified));
        Ok(claims)
    }

    async fn check_signature(&self, token: &str) -> Result<Verified, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let is_ours = header.alg == Algorithm::EdDSA
            && header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(TOKEN_TYPE))
            && header.crit.is_none();
        let kid = header.kid.filter(|kid| is_ours && kid.len() <= MAX_KID).ok_or(TokenError::Invalid)?;
        let key = self.keys.key(&kid).await?.filter(|key| key.is_usable()).ok_or(TokenError::Invalid)?;
        let decoding = DecodingKey::from_ed_components(&key.x).map_err(|_| TokenError::Invalid)?;
        let data =
            jsonwebtoken::decode::<Claims>(token, &decoding, &self.validation).map_err(|_| TokenError::Invalid)?;
        // jsonwebtoken takes an issuer or audience of another shape as absent; `Claims` has one shape, so compare again.
        if data.claims.iss != ISSUER || !data.claims.aud.contains(&self.audience) {
            return Err(TokenError::Invalid);
        }
        Ok(Verified { claims: data.claims, key })
    }

    /// How long a token lasts.
    pub(super) fn left(&self, claims: &Claims) -> Duration {
        let expires = DateTime::from_timestamp(claims.exp, 0).unwrap_or(DateTime::<Utc>::MIN_UTC);
        (expires - self.clock.now()).to_std().unwrap_or_default()
    }

    fn check_times(&self, claims: &Claims) -> Result<(), TokenError> {
        let now = self.clock.now().timestamp();
        let leeway = i64::try_from(LEEWAY.as_secs()).unwrap_or(0);
        if claims.nbf > now.saturating_add(leeway) {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now.saturating_sub(leeway) { Err(TokenError::Expired) } else { Ok(()) }
    }
}
