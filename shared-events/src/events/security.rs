//! The audit trail: what happened to sessions, roles and keys. Never a password, a token or a whole address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{event, example_id};
use crate::ids::UserId;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityFacts {
    /// Whom it concerns; null where that is not known, as for a login with an unknown address.
    pub user_id: Option<UserId>,
    /// The session concerned, if one.
    pub session_id: Option<String>,
    /// The remote address, as the service saw it.
    pub remote_addr: Option<String>,
    /// More about it, for people.
    pub detail: Option<String>,
}

fn facts() -> SecurityFacts {
    SecurityFacts {
        user_id: Some(example_id(2)),
        session_id: Some("01947018-43d0-7000-8000-0000000000aa".to_owned()),
        remote_addr: Some("192.0.2.7".to_owned()),
        detail: None,
    }
}

macro_rules! security_event {
    ($name:ident = $kind:literal, $about:literal) => {
        event!($name(SecurityFacts) = $kind, $about, |facts| sentence($about, facts), facts());
    };
}

fn sentence(about: &str, facts: &SecurityFacts) -> String {
    let about = about.trim_end_matches('.');
    match facts.user_id {
        Some(user) => format!("{about} (user {user})"),
        None => about.to_owned(),
    }
}

security_event!(LoginSucceeded = "security.login_succeeded", "A user logged in.");
security_event!(LoginFailed = "security.login_failed", "A login was refused.");
security_event!(LoggedOut = "security.logged_out", "A session was ended by its owner.");
security_event!(SessionsEnded = "security.sessions_ended", "All sessions of a user were ended.");
security_event!(
    RefreshTokenReused = "security.refresh_token_reused",
    "A used refresh token came back; its session was ended."
);
security_event!(RolesChanged = "security.roles_changed", "A user's roles were changed.");
security_event!(UserBlocked = "security.user_blocked", "A user was blocked.");
security_event!(UserUnblocked = "security.user_unblocked", "A user was unblocked.");
security_event!(PasswordRehashed = "security.password_rehashed", "A password was hashed anew with current parameters.");
security_event!(KeysRotated = "security.keys_rotated", "The token signing key was rotated.");
