//! JSON bodies that a client may leave out.

use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};
use service_kit::http::fields::{Fields, FromFields, RawBody, require_json};
use service_kit::http::problem::Problem;

/// Reads a body; no body, or `null`, is read as `{}`, whatever its media type.
pub(super) fn read_optional<T: FromFields>(request: &HttpRequest, body: Bytes) -> Result<T, Problem> {
    let content = body.trim_ascii();
    if content.is_empty() || content == b"null" {
        return Fields::read_slice(b"{}");
    }
    require_json(request)?;
    let read = Fields::read_slice(&body);
    // The request's `Idempotency-Key` covers it.
    request.extensions_mut().insert(RawBody(body));
    read
}
