//! The claims of an access token.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub const ISSUER: &str = "bank-service";
pub const AUDIENCE_BANK: &str = "bank-service";
pub const AUDIENCE_LOG: &str = "log-service";
pub const AUDIENCE_EMAIL: &str = "email-service";

/// The `typ` of an access token (RFC 9068).
pub const TOKEN_TYPE: &str = "at+jwt";

/// How far two machines' clocks may be apart.
pub const LEEWAY: Duration = Duration::from_secs(5);

/// The claims of an access token. A user's token has all three audiences, a service's only the callee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id, or the name of a service.
    pub sub: String,
    #[serde(default)]
    pub user_id: Option<i64>,
    #[serde(default)]
    pub client_id: Option<i64>,
    /// The first 100; ownership is read from the database.
    #[serde(default)]
    pub account_ids: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ids_truncated: Option<bool>,
    #[serde(default)]
    pub roles: Vec<String>,
    /// Issued by a login or a reauthentication, not by a refresh.
    #[serde(default)]
    pub fresh: bool,
    /// When identity was last proved, in seconds of the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The methods of that proof (RFC 8176): `pwd`, and with a second factor `otp` and `mfa`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    pub jti: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub iss: String,
    /// Always written as a list.
    pub aud: Vec<String>,
}

impl Claims {
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|given| given == role)
    }

    /// A manager or an administrator.
    pub fn is_staff(&self) -> bool {
        self.has_role("manager") || self.is_admin()
    }

    pub fn is_admin(&self) -> bool {
        self.has_role("admin")
    }

    /// A service's token. A user's role called `service` does not make it one.
    pub fn is_service(&self) -> bool {
        self.has_role("service") && self.user_id.is_none() && self.sid.is_none()
    }
}
