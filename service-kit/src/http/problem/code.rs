//! The stable codes of errors, which clients may depend on.

use std::fmt;

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident, $title:literal;)+) => {
        /// The kind of an error, as a stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)+
        }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// A short sentence for people, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// The page about this code, as Markdown.
            pub(super) fn markdown(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors/", $text, ".md")),)+
                }
            }
        }
    };
}

codes! {
    MalformedRequest = "malformed_request", BAD_REQUEST, "Malformed request";
    AuthorizationRequired = "authorization_required", UNAUTHORIZED, "Authorization required";
    InvalidToken = "invalid_token", UNAUTHORIZED, "Invalid token";
    TokenExpired = "token_expired", UNAUTHORIZED, "Token expired";
    TokenRevoked = "token_revoked", UNAUTHORIZED, "Token revoked";
    TokenSpent = "token_spent", UNAUTHORIZED, "Token spent";
    FreshTokenRequired = "fresh_token_required", UNAUTHORIZED, "Fresh token required";
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "Invalid credentials";
    MfaRequired = "mfa_required", UNAUTHORIZED, "Second factor required";
    AccessDenied = "access_denied", FORBIDDEN, "Access denied";
    /// The account is blocked; shown only to a caller who knows its password.
    Blocked = "blocked", FORBIDDEN, "Account blocked";
    NotFound = "not_found", NOT_FOUND, "Not found";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request timed out";
    Conflict = "conflict", CONFLICT, "Conflict";
    LinkRequired = "link_required", CONFLICT, "Link required";
    AccountClosed = "account_closed", CONFLICT, "Account closed";
    AccountInUse = "account_in_use", CONFLICT, "Account in use";
    AccountNotEmpty = "account_not_empty", CONFLICT, "Account not empty";
    HoldEnded = "hold_ended", CONFLICT, "Hold ended";
    NotPosted = "not_posted", CONFLICT, "Not posted";
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "Precondition failed";
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE, "Payload too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    ValidationFailed = "validation_failed", UNPROCESSABLE_ENTITY, "Validation failed";
    /// The key came with another request than the first time.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Idempotency key reused";
    BalanceOutOfRange = "balance_out_of_range", UNPROCESSABLE_ENTITY, "Balance out of range";
    CurrencyMismatch = "currency_mismatch", UNPROCESSABLE_ENTITY, "Currency mismatch";
    InsufficientFunds = "insufficient_funds", UNPROCESSABLE_ENTITY, "Insufficient funds";
    NotReversible = "not_reversible", UNPROCESSABLE_ENTITY, "Not reversible";
    OverdraftInUse = "overdraft_in_use", UNPROCESSABLE_ENTITY, "Overdraft in use";
    /// Entries of the period may still come.
    PeriodNotClosed = "period_not_closed", UNPROCESSABLE_ENTITY, "Period not closed";
    SameAccount = "same_account", UNPROCESSABLE_ENTITY, "Same account";
    /// For those who may not know more: missing, closed, or of another currency.
    UnknownRecipient = "unknown_recipient", UNPROCESSABLE_ENTITY, "Unknown recipient";
    ClientTooOld = "client_too_old", UPGRADE_REQUIRED, "Client too old";
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests";
    InternalError = "internal_error", INTERNAL_SERVER_ERROR, "Internal error";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Unavailable";
}

impl ErrorCode {
    /// The code for an answer of which only the status is known.
    pub fn from_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::AuthorizationRequired,
            403 => Self::AccessDenied,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 => Self::RequestTimeout,
            409 => Self::Conflict,
            412 => Self::PreconditionFailed,
            413 => Self::PayloadTooLarge,
            415 => Self::UnsupportedMediaType,
            422 => Self::ValidationFailed,
            426 => Self::ClientTooOld,
            429 => Self::TooManyRequests,
            502..=504 => Self::Unavailable,
            400..=499 => Self::MalformedRequest,
            _ => Self::InternalError,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ErrorCode {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back_and_are_client_or_server_errors() {
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code}");
        }
        assert_eq!("nonsense".parse::<ErrorCode>(), Err(()));
    }
}
