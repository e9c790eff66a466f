//! Errors as RFC 9457 problem documents.
//!
//! A [`Problem`] is the only error that a handler returns. Its body holds the code, the words for people and, for validation,
//! all faults at once; never SQL, a stack trace or the request's body. The cause of an internal error goes to the log, once.
//! Each code's `type` is a page of ours (`/docs/errors/<code>`), kept in `docs/errors`.

mod code;
mod pages;
mod respond;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

pub use code::ErrorCode;
pub use pages::page;
pub(crate) use respond::PROBLEM_JSON;
pub use respond::ProblemBody;

/// The faults of each field, by its name.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// An answer that is an error.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: ErrorCode,
    detail: String,
    errors: FieldErrors,
    retry_after: Option<Duration>,
    headers: Vec<(String, String)>,
    extensions: Map<String, Value>,
}

impl Problem {
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            errors: FieldErrors::new(),
            retry_after: None,
            headers: Vec::new(),
            extensions: Map::new(),
        }))
    }

    #[must_use]
    pub fn with_errors(mut self, errors: FieldErrors) -> Self {
        self.0.errors = errors;
        self
    }

    /// Rounded up to whole seconds, at least one.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Adds a header; one that HTTP does not allow is left out and logged.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a member to the body. The standard members cannot be overwritten.
    #[must_use]
    pub fn with_extension(mut self, key: &str, value: Value) -> Self {
        self.0.extensions.insert(key.to_owned(), value);
        self
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {what}."))
    }

    pub fn access_denied() -> Self {
        Self::new(ErrorCode::AccessDenied, "You may not do this, or it is not yours.")
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Conflict, detail)
    }

    /// The item is in another state than the request's `If-Match` names.
    pub fn stale() -> Self {
        let detail = "The item is not in the state that If-Match names: it was changed meanwhile. Read it again.";
        Self::new(ErrorCode::PreconditionFailed, detail)
    }

    /// An `Idempotency-Key` came with another request than the first time.
    pub fn key_reused() -> Self {
        Self::new(ErrorCode::IdempotencyKeyReused, "This Idempotency-Key was used for another request.")
    }

    pub fn validation(errors: FieldErrors) -> Self {
        Self::new(ErrorCode::ValidationFailed, "Some fields are not valid; see errors.").with_errors(errors)
    }

    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::MalformedRequest, detail)
    }

    /// Logs the error and all its causes; the answer contains none of them.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = %chain(error), "internal error");
        Self::new(ErrorCode::InternalError, "Something went wrong on our side; the request_id finds it in our logs.")
    }

    pub fn overloaded(retry_after: Duration) -> Self {
        Self::new(ErrorCode::Overloaded, "Too much is going on at the moment; ask again in a while.")
            .with_retry_after(retry_after)
    }

    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    pub fn errors(&self) -> &FieldErrors {
        &self.0.errors
    }

    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl Error for Problem {}

/// An error and what caused it, on one line; at most ten causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..10 {
        let Some(error) = cause else { break };
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
