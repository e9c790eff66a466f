//! Access tokens for a Google service account: the JWT bearer grant (RFC 7523) with RS256.
//!
//! A token is kept until a minute before it expires; one request at a time asks for a new one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use service_kit::clock::SharedClock;
use tokio::sync::Mutex;
use url::Url;

use super::PushError;

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_LIFETIME: i64 = 3600;
const SLACK: TimeDelta = TimeDelta::seconds(60);
const LONGEST_LIFETIME: i64 = 3600;

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("it is not the JSON key of a service account")]
    Shape,
    #[error("its private_key is not an RSA key in PEM")]
    Key,
    #[error("its token_uri must begin with https")]
    TokenUri,
}

/// The JSON key of a Google service account. `Debug` shows the account only.
#[derive(Clone)]
pub struct ServiceAccount {
    pub project_id: String,
    client_email: String,
    token_uri: Url,
    key: Arc<KeyPair>,
}

#[derive(Deserialize)]
struct Parts {
    project_id: String,
    client_email: String,
    private_key: String,
    token_uri: String,
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccount({})", self.client_email)
    }
}

impl ServiceAccount {
    /// Reads the JSON key.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let parts: Parts = serde_json::from_str(text).map_err(|_| AccountError::Shape)?;
        let token_uri = Url::parse(&parts.token_uri).map_err(|_| AccountError::TokenUri)?;
        // Plain HTTP only to a stand-in on this machine.
        let local = matches!(token_uri.host_str(), Some("127.0.0.1" | "localhost"));
        if token_uri.scheme() != "https" && !(token_uri.scheme() == "http" && local) {
            return Err(AccountError::TokenUri);
        }
        let project = &parts.project_id;
        if project.is_empty() || !project.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b)) {
            return Err(AccountError::Shape);
        }
        let der = pem(&parts.private_key).ok_or(AccountError::Key)?;
        let key = KeyPair::from_pkcs8(&der).map_err(|_| AccountError::Key)?;
        Ok(Self { project_id: parts.project_id, client_email: parts.client_email, token_uri, key: Arc::new(key) })
    }

    /// The signed claim to be this account.
    fn assertion(&self, now: DateTime<Utc>) -> Result<String, PushError> {
        let claims = json!({
            "iss": self.client_email,
            "scope": SCOPE,
            "aud": self.token_uri.as_str(),
            "iat": now.timestamp(),
            "exp": now.timestamp() + ASSERTION_LIFETIME,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let done = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        done.map_err(|_| PushError::Unavailable("the grant cannot be signed".to_owned()))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn pem(text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?.strip_suffix("-----END PRIVATE KEY-----")?;
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(body).ok()
}

struct Cached {
    token: String,
    until: DateTime<Utc>,
}

pub(super) struct Grants {
    account: ServiceAccount,
    client: reqwest::Client,
    clock: SharedClock,
    cached: Mutex<Option<Cached>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: i64,
}

impl Grants {
    pub(super) fn new(account: ServiceAccount, limit: Duration, clock: SharedClock) -> Self {
        Self { account, client: service_kit::http::client(limit), clock, cached: Mutex::new(None) }
    }

    /// A token that is valid for a minute at least. `refused` is one that the push service did not accept.
    pub(super) async fn token(&self, refused: Option<&str>) -> Result<String, PushError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let Some(kept) = cached.as_ref()
            && kept.until > now
            && refused != Some(kept.token.as_str())
        {
            return Ok(kept.token.clone());
        }
        *cached = None;
        let granted = self.request(now).await?;
        let lifetime = TimeDelta::seconds(granted.expires_in.clamp(0, LONGEST_LIFETIME));
        *cached = Some(Cached { token: granted.access_token.clone(), until: now + lifetime - SLACK });
        Ok(granted.access_token)
    }

    async fn request(&self, now: DateTime<Utc>) -> Result<Granted, PushError> {
        let assertion = self.account.assertion(now)?;
        let form = [("grant_type", GRANT), ("assertion", assertion.as_str())];
        let answer = self.client.post(self.account.token_uri.clone()).form(&form).send().await;
        let answer = answer.map_err(|error| unanswered("the token endpoint", &error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(PushError::Unavailable(format!("the token endpoint answered {status}")));
        }
        let granted = answer.json::<Granted>().await;
        granted.map_err(|_| PushError::Unavailable("the token endpoint gave no token".to_owned()))
    }
}

pub(super) fn unanswered(who: &str, error: &reqwest::Error) -> PushError {
    if error.is_timeout() && !error.is_connect() {
        PushError::Transient(format!("{who} did not answer in time"))
    } else if error.is_connect() {
        PushError::Unavailable(format!("{who} cannot be reached"))
    } else {
        PushError::Transient(format!("the connection to {who} was lost"))
    }
}
