//! Faults of a body that only the database shows: they are reported together with those of its fields.

use actix_web::{HttpMessage, HttpRequest};
use serde_json::{Map, Value};
use service_kit::http::fields::{Body, RawBody};
use service_kit::http::problem::{ErrorCode, FieldErrors, Problem};
use shared_events::UserId;

use super::AppState;
use crate::store::{StoreError, users};

/// The body that a request was read from; empty if it is no object.
pub(super) fn given(request: &HttpRequest) -> Map<String, Value> {
    let raw = request.extensions().get::<RawBody>().cloned();
    raw.and_then(|RawBody(bytes)| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// The body, unless there are such faults. What cannot be read at all has no other fault than that.
pub(super) fn with_faults<T>(body: Result<Body<T>, Problem>, found: FieldErrors) -> Result<Body<T>, Problem> {
    if found.is_empty() {
        return body;
    }
    let mut errors = match body {
        Ok(_) => FieldErrors::new(),
        Err(problem) if problem.code() == ErrorCode::ValidationFailed => problem.errors().clone(),
        Err(problem) => return Err(problem),
    };
    for (field, messages) in found {
        errors.entry(field).or_default().extend(messages);
    }
    Err(Problem::validation(errors))
}

/// A password that is missing in this field, though its user has one.
pub(super) async fn missing_password(
    state: &AppState,
    request: &HttpRequest,
    user: UserId,
    field: &str,
) -> Result<FieldErrors, Problem> {
    if given(request).contains_key(field) {
        return Ok(FieldErrors::new());
    }
    let known = state.store.read(move |db| users::credentials_of(db, user)).await.map_err(|error: StoreError| error)?;
    if known.is_some_and(|known| known.password_hash.is_some()) {
        return Ok(FieldErrors::from([(field.to_owned(), vec!["is required".to_owned()])]));
    }
    Ok(FieldErrors::new())
}
