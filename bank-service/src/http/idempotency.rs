//! The `Idempotency-Key` header of POST requests.

use actix_web::{HttpMessage, HttpRequest};
use service_kit::http::fields::RawBody;
use service_kit::http::problem::{FieldErrors, Problem};
use shared_events::UserId;

use super::state::AppState;
use crate::store::IdempotencyKey;

const HEADER: &str = "Idempotency-Key";
const MAX_LENGTH: usize = 255;

/// The key of a request whose body has been read. `caller` none: nobody is logged in.
pub(super) fn idempotency_key(
    request: &HttpRequest,
    state: &AppState,
    caller: Option<UserId>,
) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(header) = request.headers().get(HEADER) else { return Ok(None) };
    let key = header.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > MAX_LENGTH || !key.bytes().all(|b| b.is_ascii_graphic()) {
        let fault = format!("must have 1 to {MAX_LENGTH} visible ASCII characters");
        return Err(Problem::validation(FieldErrors::from([(HEADER.to_owned(), vec![fault])])));
    }
    let mut content = format!("{} {}\n", request.method(), request.path()).into_bytes();
    if let Some(RawBody(body)) = request.extensions().get::<RawBody>() {
        content.extend_from_slice(body);
    }
    Ok(Some(IdempotencyKey {
        caller: caller.map_or_else(|| "anonymous".to_owned(), |user| format!("user:{user}")),
        key: key.to_owned(),
        request_hash: hex::encode(state.security.vault().hmac("idempotency-key", &content)),
    }))
}
