//! The metric of logins: attempts whose credentials were checked, by method and result. Requests above the limit of
//! an address do not reach it; `http_requests_total` has them with status 429.

use actix_web::HttpResponse;
use service_kit::http::problem::{ErrorCode, Problem};

use crate::http::AppState;

/// How a user logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginMethod {
    Password,
    /// The second step of a login by password or provider.
    SecondFactor,
    /// At a provider.
    Social,
}

impl LoginMethod {
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
            Self::Social => "social",
        }
    }
}

/// Counts a login, and returns its answer.
pub(super) fn counted(
    state: &AppState,
    method: LoginMethod,
    answer: Result<HttpResponse, Problem>,
) -> Result<HttpResponse, Problem> {
    count_login(state, method, answer.as_ref().map(drop).map_err(Problem::code));
    answer
}

/// Counts a login by its result.
pub(crate) fn count_login(state: &AppState, method: LoginMethod, result: Result<(), ErrorCode>) {
    let logins = state.metrics.counter("bank_logins_total", "Logins by method and result.", &["method", "result"]);
    logins.with_label_values(&[method.as_str(), label_of(result)]).inc();
}

fn label_of(result: Result<(), ErrorCode>) -> &'static str {
    match result {
        Ok(()) => "success",
        Err(ErrorCode::MfaRequired) => "mfa_required",
        Err(ErrorCode::Blocked) => "blocked",
        Err(ErrorCode::Overloaded | ErrorCode::Unavailable) => "overloaded",
        Err(ErrorCode::InternalError) => "failed",
        Err(_) => "refused",
    }
}
