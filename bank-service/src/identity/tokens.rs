//! Making access tokens and token pairs.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use service_kit::http::auth::{AUDIENCE_BANK, AUDIENCE_EMAIL, AUDIENCE_LOG, AuthError, Claims, ISSUER};
use service_kit::ids::new_uuid;

use crate::domain::one_time::Purpose;
use crate::domain::role::SERVICE;
use crate::domain::session::Grant;
use crate::identity::keys::ring::KeyRing;
use crate::identity::one_time::secret::LinkSecret;
use crate::identity::opaque_token::OpaqueToken;

/// How long a token between services is valid.
const SERVICE_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// The answer to a login or a refresh.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TokenPair {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Good for one `POST /auth/refresh`. Only its SHA-256 is kept here.
    pub refresh_token: String,
    /// How the token is sent.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token is valid.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// Of a login: send it as `X-Device-Token` with the next one, so that wrong passwords of others do not slow you down.
    /// Good for 30 days. A browser has it as a cookie too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

impl TokenPair {
    pub(in crate::identity) fn new(access_token: String, lifetime: TimeDelta, refresh_token: &OpaqueToken) -> Self {
        Self {
            access_token,
            refresh_token: refresh_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: lifetime.num_seconds(),
            device_token: None,
        }
    }

    /// With the token of the device that a session was opened on.
    pub(in crate::identity) fn on_device(self, device: &OpaqueToken) -> Self {
        Self { device_token: Some(device.expose().to_owned()), ..self }
    }
}

/// Instead of tokens: the second factor is asked for, and this names the login that it belongs to.
pub struct MfaChallenge {
    /// Opaque, good for a few tries. Only its hash is kept here.
    pub mfa_token: String,
    /// Seconds that it is valid.
    pub expires_in: i64,
}

impl MfaChallenge {
    pub(in crate::identity) fn new(token: &LinkSecret) -> Self {
        Self { mfa_token: token.expose().to_owned(), expires_in: Purpose::MfaChallenge.lifetime().num_seconds() }
    }
}

/// The answer to giving the password again: a fresh token of the same session.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AccessToken {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// How the token is sent.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the token is valid.
    #[schema(example = 900)]
    pub expires_in: i64,
}

impl AccessToken {
    pub(in crate::identity) fn new(access_token: String, lifetime: TimeDelta) -> Self {
        Self { access_token, token_type: "Bearer", expires_in: lifetime.num_seconds() }
    }
}

/// A user's token, good at all three services.
pub(in crate::identity) fn access_token(
    keys: &KeyRing,
    grant: &Grant,
    now: DateTime<Utc>,
) -> Result<String, AuthError> {
    user_token(keys, grant, now, keys.token_lifetime())
}

/// The same for one request of the console to another service, which takes no longer than `lifetime`. bank-service is an audience
/// too: the other services ask it whether the session counts.
pub(in crate::identity) fn console_token(
    keys: &KeyRing,
    grant: &Grant,
    now: DateTime<Utc>,
    lifetime: TimeDelta,
) -> Result<String, AuthError> {
    user_token(keys, grant, now, lifetime)
}

fn user_token(keys: &KeyRing, grant: &Grant, now: DateTime<Utc>, lifetime: TimeDelta) -> Result<String, AuthError> {
    let audiences = [AUDIENCE_BANK, AUDIENCE_LOG, AUDIENCE_EMAIL];
    let mut claims = claims(grant.user_id.to_string(), &audiences, now, lifetime);
    claims.user_id = Some(grant.user_id.get());
    claims.client_id = grant.holdings.client_id.map(i64::from);
    claims.account_ids = grant.holdings.account_ids.iter().map(|id| id.get()).collect();
    claims.account_ids_truncated = grant.holdings.truncated.then_some(true);
    claims.roles.clone_from(&grant.roles);
    claims.fresh = grant.fresh;
    claims.auth_time = Some(grant.authenticated_on.timestamp());
    claims.amr = grant.proof.methods().into_iter().map(str::to_owned).collect();
    claims.sid = Some(grant.session_id.to_string());
    keys.sign(&claims)
}

/// A token with which this service calls one other.
pub(in crate::identity) fn service_token(
    keys: &KeyRing,
    audience: &str,
    now: DateTime<Utc>,
) -> Result<String, AuthError> {
    let mut claims = claims(ISSUER.to_owned(), &[audience], now, SERVICE_TOKEN_LIFETIME);
    claims.roles = vec![SERVICE.to_owned()];
    keys.sign(&claims)
}

fn claims(sub: String, audiences: &[&str], now: DateTime<Utc>, lifetime: TimeDelta) -> Claims {
    Claims {
        sub,
        user_id: None,
        client_id: None,
        account_ids: Vec::new(),
        account_ids_truncated: None,
        roles: Vec::new(),
        fresh: false,
        auth_time: None,
        amr: Vec::new(),
        sid: None,
        jti: new_uuid().to_string(),
        iat: now.timestamp(),
        nbf: now.timestamp(),
        exp: (now + lifetime).timestamp(),
        iss: ISSUER.to_owned(),
        aud: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
    }
}
