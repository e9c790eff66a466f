//! The HTTP problems of identity errors.

use service_kit::http::problem::{ErrorCode, FieldErrors, Problem};

use crate::domain::password::PasswordError;
use crate::identity::password::hashing::RETRY_AFTER;
use crate::identity::sessions::logout::EndSessionError;
use crate::identity::users::change::ChangeUserError;
use crate::identity::users::profile::UpdateProfileError;
use crate::identity::users::register::RegisterError;
use crate::identity::users::roles::RoleError;
use crate::identity::{ChangePasswordError, HashingError, LogInError, NewPasswordError, RefreshError};

fn blocked() -> Problem {
    Problem::new(ErrorCode::Blocked, "This account is blocked.")
}

fn fault(field: &str, message: impl Into<String>) -> Problem {
    Problem::validation(FieldErrors::from([(field.to_owned(), vec![message.into()])]))
}

impl From<HashingError> for Problem {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Overloaded => Self::overloaded(RETRY_AFTER),
            error @ (HashingError::Hash(_) | HashingError::Lost) => Self::internal(&error),
        }
    }
}

impl From<NewPasswordError> for Problem {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Refused(error) => error.into(),
            NewPasswordError::Hashing(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        fault("password", error.to_string())
    }
}

impl From<LogInError> for Problem {
    fn from(error: LogInError) -> Self {
        match error {
            LogInError::InvalidCredentials => {
                Self::new(ErrorCode::InvalidCredentials, "The e-mail address or the password is wrong.")
            }
            LogInError::Blocked => blocked(),
            LogInError::NotStaff => {
                Self::new(ErrorCode::AccessDenied, "The console is for managers and administrators.")
            }
            LogInError::Hashing(error) => error.into(),
            LogInError::Token(error) => Self::internal(&error),
            LogInError::Store(error) => error.into(),
        }
    }
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::Existing(error) => error.into(),
            ChangePasswordError::ExistingMissing => fault("existing_password", "is required"),
            ChangePasswordError::New(NewPasswordError::Refused(error)) => fault("new_password", error.to_string()),
            ChangePasswordError::New(NewPasswordError::Hashing(error)) => error.into(),
            ChangePasswordError::SecondFactor(error) => error.into(),
            ChangePasswordError::SessionEnded => {
                Self::new(ErrorCode::TokenRevoked, "The session of this token has ended; log in again.")
            }
            ChangePasswordError::Stale => Self::conflict("The password was changed meanwhile."),
            ChangePasswordError::Token(error) => Self::internal(&error),
            ChangePasswordError::Store(error) => error.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => {
                Self::new(ErrorCode::InvalidToken, "The refresh token is not valid; log in again.")
            }
            RefreshError::Spent => {
                let detail = "The refresh token was used a moment ago; use the one that came with that answer.";
                Self::new(ErrorCode::TokenSpent, detail)
            }
            RefreshError::Vault(error) => Self::internal(&error),
            RefreshError::Revoked => {
                Self::new(ErrorCode::TokenRevoked, "The session of this token has ended; log in again.")
            }
            RefreshError::Expired => {
                Self::new(ErrorCode::TokenExpired, "The session of this token is over; log in again.")
            }
            RefreshError::Blocked => blocked(),
            RefreshError::Token(error) => Self::internal(&error),
            RefreshError::Store(error) => error.into(),
        }
    }
}

impl From<EndSessionError> for Problem {
    fn from(error: EndSessionError) -> Self {
        match error {
            EndSessionError::NotFound => Self::not_found("session"),
            EndSessionError::Store(error) => error.into(),
        }
    }
}

impl From<UpdateProfileError> for Problem {
    fn from(error: UpdateProfileError) -> Self {
        match error {
            UpdateProfileError::NotFound => Self::not_found("user"),
            UpdateProfileError::Store(error) => error.into(),
        }
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::EmailTaken => Self::conflict("The e-mail address is taken."),
            RegisterError::UnknownRole(name) => fault("roles", format!("there is no role {name}")),
            RegisterError::Idempotency(error) => error.into(),
            RegisterError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeUserError> for Problem {
    fn from(error: ChangeUserError) -> Self {
        match error {
            ChangeUserError::NotFound => Self::not_found("user"),
            ChangeUserError::UnknownRole(name) => fault("roles", format!("there is no role {name}")),
            ChangeUserError::EmailTaken => Self::conflict("The e-mail address is taken."),
            ChangeUserError::LastAdmin => Self::conflict("The last administrator stays."),
            ChangeUserError::Stale => Self::stale(),
            ChangeUserError::TooMany(error) => Self::conflict(format!("This cannot be done at once: {error}.")),
            ChangeUserError::Refused(refusal) => refusal.into(),
            ChangeUserError::Store(error) => error.into(),
        }
    }
}

impl From<RoleError> for Problem {
    fn from(error: RoleError) -> Self {
        match error {
            RoleError::NotFound => Self::not_found("role"),
            RoleError::NameTaken => Self::conflict("The name is taken."),
            RoleError::BuiltIn => Self::conflict("A built-in role can be neither renamed nor deleted."),
            RoleError::Held => Self::conflict("Users hold the role; take it from them first."),
            RoleError::Stale => Self::stale(),
            RoleError::Idempotency(error) => error.into(),
            RoleError::Store(error) => error.into(),
        }
    }
}
