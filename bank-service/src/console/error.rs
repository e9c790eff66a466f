//! Why a request of the console is not answered with its page. `frame` makes a page of it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use service_kit::http::problem::{ErrorCode, Problem};

/// Every error that has a problem converts into it, so a handler uses `?` on operations as the API's handlers do.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConsoleError {
    #[error("there is no live session of the console")]
    LoginRequired,
    #[error("the console is for staff")]
    ForStaff,
    #[error("the form was not sent by a page of this session")]
    Foreign,
    /// The path of the console to return to afterwards.
    #[error("the password has to be given again")]
    ConfirmRequired { back: String },
    #[error(transparent)]
    Problem(Problem),
    #[error("a template of the console cannot be rendered")]
    Template(#[source] minijinja::Error),
}

impl ConsoleError {
    /// The same error again, for a page that is made after the answer. A template's fault is logged here, and is a problem from then on.
    pub(super) fn duplicate(&self) -> Self {
        match self {
            Self::LoginRequired => Self::LoginRequired,
            Self::ForStaff => Self::ForStaff,
            Self::Foreign => Self::Foreign,
            Self::ConfirmRequired { back } => Self::ConfirmRequired { back: back.clone() },
            Self::Problem(problem) => Self::Problem(problem.clone()),
            Self::Template(_) => Self::Problem(self.problem()),
        }
    }

    /// The faults of a form's fields as (field, fault), to be shown beside the form; none unless its values are at fault.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let Self::Problem(problem) = self else { return Vec::new() };
        let faults = problem.errors().iter();
        faults.flat_map(|(field, texts)| texts.iter().map(move |text| (field.clone(), text.clone()))).collect()
    }

    /// The problem that it is for a client of the API.
    pub(super) fn problem(&self) -> Problem {
        match self {
            Self::LoginRequired => Problem::new(ErrorCode::AuthorizationRequired, "Log in first."),
            Self::ForStaff => Problem::new(ErrorCode::AccessDenied, "The console is for managers and administrators."),
            Self::Foreign => Problem::new(
                ErrorCode::AccessDenied,
                "The form was not sent by a page of this session. Open the page again and send it from there.",
            ),
            Self::ConfirmRequired { .. } => {
                Problem::new(ErrorCode::FreshTokenRequired, "Give your password again, then repeat the step.")
            }
            Self::Problem(problem) => problem.clone(),
            error @ Self::Template(_) => Problem::internal(error),
        }
    }
}

impl<E> From<E> for ConsoleError
where
    Problem: From<E>,
{
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

impl ResponseError for ConsoleError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::LoginRequired | Self::ConfirmRequired { .. } => StatusCode::UNAUTHORIZED,
            Self::ForStaff | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Problem(problem) => problem.code().status(),
            Self::Template(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Without a body: `frame` writes the page.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
