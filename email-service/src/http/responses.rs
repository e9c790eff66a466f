//! The error answers of the routes, for the OpenAPI document.

use std::collections::BTreeMap;

use service_kit::http::openapi;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

/// Answers that every route may give, beside those of every server.
const ALWAYS: &[(u16, &str)] = &[
    (400, "The request cannot be read: `malformed_request`"),
    (401, "The token is not valid, or has ended: `invalid_token`, `token_expired`, `token_revoked`"),
    (403, "No token, or not the role of a manager or an administrator: `access_denied`; or `blocked`"),
];
const QUERY: &[(u16, &str)] = &[
    (404, "A page beyond the end: `not_found`"),
    (422, "Bad page parameters or filters, all at once: `validation_failed`"),
];
const ITEM: &[(u16, &str)] = &[(404, "There is no such email: `not_found`")];
const KEY: &[(u16, &str)] = &[(
    422,
    "Faults in fields, all at once: `validation_failed`; or the key was used for another request: `idempotency_key_reused`",
)];
const LIMIT: &[(u16, &str)] = &[(429, "More than 10 test mails of one user in a minute: `too_many_requests`")];

/// The faults of a list's request.
pub(super) struct ListProblems;
/// … with reading one item.
pub(super) struct ItemProblems;
/// … with a request that has a body.
pub(super) struct WriteProblems;
/// … with a request that sends.
pub(super) struct SendProblems;

impl IntoResponses for ListProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[ALWAYS, QUERY])
    }
}

impl IntoResponses for ItemProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[ALWAYS, ITEM])
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[ALWAYS])
    }
}

impl IntoResponses for SendProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[ALWAYS, KEY, LIMIT])
    }
}

fn problems(groups: &[&[(u16, &str)]]) -> BTreeMap<String, RefOr<Response>> {
    let all = groups.iter().flat_map(|group| group.iter());
    all.map(|(status, description)| (status.to_string(), RefOr::T(openapi::problem(*description)))).collect()
}
