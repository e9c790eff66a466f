//! The audit trail: events of sessions, roles and keys. Never a password, a token or a whole address.

use serde::{Deserialize, Serialize};

use super::Verb::{Create, Delete};
use super::{PUBLIC, declare_events, example_id};
use crate::ids::UserId;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecurityFacts {
    /// The user concerned; null where that is not known, as for a login with an unknown address.
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

fn sentence(about: &str, facts: &SecurityFacts) -> String {
    let about = about.trim_end_matches('.');
    match facts.user_id {
        Some(user) => format!("{about} (user {user})"),
        None => about.to_owned(),
    }
}

macro_rules! security_events {
    ($($name:ident = $kind:literal, $handling:expr, $about:literal;)+) => {
        declare_events! {
            SECURITY:
            $($name(SecurityFacts) = $kind, $handling, $about, |facts| sentence($about, facts), facts();)+
        }
    };
}

security_events! {
    LoginSucceeded = "security.login_succeeded", PUBLIC, "A user logged in.";
    LoginFailed = "security.login_failed", PUBLIC, "A login was refused.";
    LoggedOut = "security.logged_out", PUBLIC, "A session was ended.";
    SessionsEnded = "security.sessions_ended", PUBLIC, "All sessions of a user were ended.";
    RefreshTokenReused = "security.refresh_token_reused", PUBLIC,
        "A used refresh token came back; its session was ended.";
    RefreshTokenSpent = "security.refresh_token_spent", PUBLIC,
        "A used refresh token came back within half a minute, as a retry does; its session goes on.";
    RolesChanged = "security.roles_changed", PUBLIC, "A user's roles were changed.";
    UserBlocked = "security.user_blocked", PUBLIC, "A user was blocked.";
    UserUnblocked = "security.user_unblocked", PUBLIC, "A user was unblocked.";
    PasswordRehashed = "security.password_rehashed", PUBLIC, "A password was hashed anew with current parameters.";
    KeysRotated = "security.keys_rotated", PUBLIC, "The token signing key was rotated.";
    AccountLocked = "security.account_locked", PUBLIC, "Logins of a user are slowed down after too many failures.";
    PasswordChanged = "security.password_changed", PUBLIC, "A password was changed by its owner.";
    PasswordResetRequested = "security.password_reset_requested", PUBLIC, "A password reset was asked for.";
    PasswordReset = "security.password_reset", PUBLIC, "A password was reset by link or code.";
    EmailVerified = "security.email_verified", PUBLIC, "An e-mail address was verified.";
    EmailChangeRequested = "security.email_change_requested", PUBLIC, "Another e-mail address was asked for.";
    EmailChanged = "security.email_changed", PUBLIC, "An e-mail address was changed.";
    MfaEnabled = "security.mfa_enabled", PUBLIC.live("second_factor", Create), "A second factor was activated.";
    MfaDisabled = "security.mfa_disabled", PUBLIC.live("second_factor", Delete), "A second factor was removed.";
    MfaFailed = "security.mfa_failed", PUBLIC, "A second factor was refused.";
    RecoveryCodesMade = "security.recovery_codes_made", PUBLIC.live("recovery_code", Create),
        "New recovery codes were made; the old ones are void.";
    RecoveryCodeUsed = "security.recovery_code_used", PUBLIC.live("recovery_code", Delete), "A recovery code was used.";
    SocialLinked = "security.social_linked", PUBLIC.live("login_method", Create),
        "A login by another provider was linked.";
    SocialUnlinked = "security.social_unlinked", PUBLIC.live("login_method", Delete),
        "A login by another provider was unlinked.";
    PhoneVerified = "security.phone_verified", PUBLIC, "A phone number was verified.";
    DeviceRegistered = "security.device_registered", PUBLIC, "A device was registered for push notifications.";
    DeviceRemoved = "security.device_removed", PUBLIC, "A device was removed.";
}
