//! The audit trail: events of sessions, roles and keys. Never a password, a token or a whole address.

use serde::{Deserialize, Serialize};

use super::{event, example_id};
use crate::ids::UserId;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
security_event!(
    RefreshTokenSpent = "security.refresh_token_spent",
    "A used refresh token came back within half a minute; it was refused."
);
security_event!(RolesChanged = "security.roles_changed", "A user's roles were changed.");
security_event!(UserBlocked = "security.user_blocked", "A user was blocked.");
security_event!(UserUnblocked = "security.user_unblocked", "A user was unblocked.");
security_event!(PasswordRehashed = "security.password_rehashed", "A password was hashed anew with current parameters.");
security_event!(KeysRotated = "security.keys_rotated", "The token signing key was rotated.");
security_event!(AccountLocked = "security.account_locked", "Logins of a user are slowed down after too many failures.");
security_event!(PasswordChanged = "security.password_changed", "A password was changed by its owner.");
security_event!(PasswordResetRequested = "security.password_reset_requested", "A password reset was asked for.");
security_event!(PasswordReset = "security.password_reset", "A password was reset by link or code.");
security_event!(EmailVerified = "security.email_verified", "An e-mail address was verified.");
security_event!(EmailChangeRequested = "security.email_change_requested", "Another e-mail address was asked for.");
security_event!(EmailChanged = "security.email_changed", "An e-mail address was changed.");
security_event!(MfaEnabled = "security.mfa_enabled", "A second factor was activated.");
security_event!(MfaDisabled = "security.mfa_disabled", "A second factor was removed.");
security_event!(MfaFailed = "security.mfa_failed", "A second factor was refused.");
security_event!(
    RecoveryCodesMade = "security.recovery_codes_made",
    "New recovery codes were made; the old ones are void."
);
security_event!(RecoveryCodeUsed = "security.recovery_code_used", "A recovery code was used.");
security_event!(SocialLinked = "security.social_linked", "A login by another provider was linked.");
security_event!(SocialUnlinked = "security.social_unlinked", "A login by another provider was unlinked.");
security_event!(PhoneVerified = "security.phone_verified", "A phone number was verified.");
security_event!(DeviceRegistered = "security.device_registered", "A device was registered for push notifications.");
security_event!(DeviceRemoved = "security.device_removed", "A device was removed.");
