//! The check of an `id_token` (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725).
//!
//! The key is found by `kid` among the provider's own keys and determines its algorithm; the header's `alg` has to equal it.
//! Issuer, audience, authorised party, times and nonce are compared here, against our own clock.

use chrono::TimeDelta;
use jsonwebtoken::Validation;
use serde::Deserialize;
use serde_json::Value;
use service_kit::clock::SharedClock;

use crate::domain::social::Identity;
use crate::identity::social::error::ProviderError;
use crate::identity::social::jwks::ProviderKeys;

const MAX_TOKEN: usize = 8 * 1024;
const MAX_KID: usize = 255;
/// The tolerated difference of a provider's clock.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// A token has to prove a recent login: an older one is refused, whatever validity it claims.
const MAX_AGE: TimeDelta = TimeDelta::hours(1);

/// The expected `nonce`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Nonce<'a> {
    /// We sent it, and the provider has to repeat it.
    Required(&'a str),
    /// We sent it to a provider that may omit it; another one is refused.
    IfRepeated(&'a str),
}

/// The claims of a token that a client has sent.
pub(super) struct TokenClaims {
    pub(super) identity: Identity,
    /// Not compared yet.
    pub(super) nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct IdClaims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    email: Option<String>,
    /// A boolean, or the text of one.
    email_verified: Option<Value>,
    /// Of any type: no reason to refuse a login.
    given_name: Option<Value>,
    family_name: Option<Value>,
}

/// The expected form of this provider's tokens.
pub(super) struct IdTokens {
    /// All names of the issuer; identities are stored under the first.
    pub(super) issuers: Vec<String>,
    pub(super) audiences: Vec<String>,
    pub(super) keys: ProviderKeys,
    pub(super) clock: SharedClock,
}

impl IdTokens {
    /// The identity of a token, after all checks.
    pub(super) async fn check(&self, token: &str, nonce: Nonce<'_>) -> Result<Identity, ProviderError> {
        let claims = self.read(token).await?;
        check_nonce(claims.nonce.as_deref(), nonce)?;
        Ok(claims.identity)
    }

    /// The same with the nonce, which the caller has to check.
    pub(super) async fn read(&self, token: &str) -> Result<TokenClaims, ProviderError> {
        let claims = self.verified(token).await?;
        self.check_parties(&claims)?;
        self.check_times(&claims)?;
        let verified = claims.email_verified.is_some_and(|value| value == Value::Bool(true) || value == "true");
        let issuer = self.issuers.first().map_or(claims.iss.as_str(), String::as_str);
        let identity = Identity::parse(issuer, &claims.sub, claims.email.as_deref(), verified)
            .ok_or(ProviderError::Refused("the subject cannot be one"))?;
        let (first, last) = (claims.given_name.as_ref(), claims.family_name.as_ref());
        let identity = identity.called(first.and_then(Value::as_str), last.and_then(Value::as_str));
        Ok(TokenClaims { identity, nonce: claims.nonce })
    }

    async fn verified(&self, token: &str) -> Result<IdClaims, ProviderError> {
        let malformed = ProviderError::Refused("the id_token cannot be read");
        if token.len() > MAX_TOKEN {
            return Err(malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| malformed.clone())?;
        let is_jwt = header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) && header.crit.is_none();
        let kid = header.kid.filter(|kid| is_jwt && kid.len() <= MAX_KID).ok_or(malformed)?;
        let key =
            self.keys.key(&kid).await?.ok_or(ProviderError::Refused("the id_token is signed with an unknown key"))?;
        let mut validation = Validation::new(key.algorithm);
        // All claims are checked here, against our own clock and lists.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let data = jsonwebtoken::decode::<IdClaims>(token, &key.key, &validation);
        Ok(data.map_err(|_| ProviderError::Refused("the id_token's signature or claims are not good"))?.claims)
    }

    fn check_parties(&self, claims: &IdClaims) -> Result<(), ProviderError> {
        if !self.issuers.contains(&claims.iss) {
            return Err(ProviderError::Refused("the id_token is of another issuer"));
        }
        let ours = |audience: &String| self.audiences.contains(audience);
        let (meant_for_us, is_shared) = match &claims.aud {
            Audience::One(audience) => (ours(audience), false),
            Audience::Many(audiences) => (audiences.iter().any(ours), audiences.len() > 1),
        };
        // Of several audiences, the authorised party has to be our client.
        let is_for_us = claims.azp.as_ref().map_or(!is_shared, ours);
        if meant_for_us && is_for_us {
            Ok(())
        } else {
            Err(ProviderError::Refused("the id_token is for another client"))
        }
    }

    fn check_times(&self, claims: &IdClaims) -> Result<(), ProviderError> {
        let now = self.clock.now();
        let (late, early) = ((now - LEEWAY).timestamp(), (now + LEEWAY).timestamp());
        if claims.exp <= late || claims.iat <= (now - MAX_AGE - LEEWAY).timestamp() {
            return Err(ProviderError::Refused("the id_token has expired"));
        }
        if claims.iat > early || claims.nbf.is_some_and(|nbf| nbf > early) {
            return Err(ProviderError::Refused("the id_token is not valid yet"));
        }
        Ok(())
    }
}

fn check_nonce(given: Option<&str>, expected: Nonce<'_>) -> Result<(), ProviderError> {
    let same = |nonce: &str, given: &str| {
        aws_lc_rs::constant_time::verify_slices_are_equal(nonce.as_bytes(), given.as_bytes()).is_ok()
    };
    let good = match (expected, given) {
        (Nonce::Required(nonce) | Nonce::IfRepeated(nonce), Some(given)) => same(nonce, given),
        (Nonce::Required(_), None) => false,
        (Nonce::IfRepeated(_), None) => true,
    };
    if good { Ok(()) } else { Err(ProviderError::Refused("the id_token is not of the login that was begun")) }
}
