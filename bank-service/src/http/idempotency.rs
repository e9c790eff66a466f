//! The `Idempotency-Key` header of POST requests.

use actix_web::{HttpMessage, HttpRequest};
use service_kit::http::fields::RawBody;
use service_kit::http::problem::{FieldErrors, Problem};
use service_kit::http::server::ClientAddr;
use shared_events::UserId;

use super::state::AppState;
use crate::domain::network::ClientNetwork;
use crate::store::IdempotencyKey;

const HEADER: &str = "Idempotency-Key";
const MAX_LENGTH: usize = 255;

/// The header's value, validated.
pub(super) fn header_key(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut headers = request.headers().get_all(HEADER);
    let Some(header) = headers.next() else { return Ok(None) };
    let key = header.to_str().unwrap_or_default();
    let well_formed = !key.is_empty() && key.len() <= MAX_LENGTH && key.bytes().all(|b| b.is_ascii_graphic());
    if !well_formed || headers.next().is_some() {
        let fault = format!("must be given once, and have 1 to {MAX_LENGTH} visible ASCII characters");
        return Err(Problem::validation(FieldErrors::from([(HEADER.to_owned(), vec![fault])])));
    }
    Ok(Some(key))
}

/// The key of a request whose body has been read. Keys are per caller; an anonymous caller (`caller` none) is identified by its
/// network, as everywhere else: a phone's address changes within it.
pub(super) fn idempotency_key(
    request: &HttpRequest,
    state: &AppState,
    caller: Option<UserId>,
) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(key) = header_key(request)? else { return Ok(None) };
    let mut content = format!("{} {}\n", request.method(), route_of(request)).into_bytes();
    if let Some(RawBody(body)) = request.extensions().get::<RawBody>() {
        content.extend_from_slice(body);
    }
    Ok(Some(IdempotencyKey {
        caller: caller.map_or_else(|| anonymous(request), |user| format!("user:{user}")),
        key: key.to_owned(),
        request_hash: hex::encode(state.identity.vault().hmac("idempotency-key", &content)),
    }))
}

fn anonymous(request: &HttpRequest) -> String {
    match ClientAddr::of(request) {
        Some(ClientAddr(address)) => format!("anonymous:{}", ClientNetwork::of(address)),
        None => "anonymous".to_owned(),
    }
}

/// The route's pattern with its parameters filled in, so that a route is the same however its path is written: below `/v1` or not,
/// with percent-encoding or without.
fn route_of(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().unwrap_or_default();
    let mut route = pattern.strip_prefix("/v1").unwrap_or(&pattern).to_owned();
    for (name, value) in request.match_info().iter() {
        route = route.replace(&format!("{{{name}}}"), value);
    }
    route
}
