//! A request that sets a password, with all its faults: the strength of a password is known only after the fields were read, and
//! is reported with the faults of the other fields.

use actix_web::HttpRequest;
use serde_json::Value;
use service_kit::http::fields::Body;
use service_kit::http::problem::{ErrorCode, Problem};

use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::http::AppState;
use crate::http::stored_faults;
use crate::identity::NewPasswordError;

/// The request, or its faults, including that of a weak password in `field`. In a valid request the password's strength is
/// checked when it is hashed.
pub(in crate::http) async fn with_password_strength<T>(
    body: Result<Body<T>, Problem>,
    state: &AppState,
    request: &HttpRequest,
    field: &str,
) -> Result<T, Problem> {
    let problem = match body {
        Ok(Body(body)) => return Ok(body),
        Err(problem) => problem,
    };
    let Some((password, words)) = given(&problem, request, field) else { return Err(problem) };
    match state.identity.passwords().check_strength(password, words).await {
        Err(NewPasswordError::Refused(weak)) => {
            let mut errors = problem.errors().clone();
            errors.entry(field.to_owned()).or_default().push(weak.to_string());
            Err(Problem::validation(errors))
        }
        Ok(()) | Err(NewPasswordError::Hashing(_)) => Err(problem),
    }
}

/// The password, if it has no fault yet, and the words of its owner.
fn given(problem: &Problem, request: &HttpRequest, field: &str) -> Option<(Password, Vec<String>)> {
    if problem.code() != ErrorCode::ValidationFailed || problem.errors().contains_key(field) {
        return None;
    }
    let body = stored_faults::given(request);
    let password = Password::parse(body.get(field)?.as_str()?).ok()?;
    let email = body.get("email").and_then(Value::as_str).and_then(|text| Email::parse(text).ok());
    Some((password, email.as_ref().map(Email::words).unwrap_or_default()))
}
