//! The OpenAPI document.

use std::collections::BTreeMap;

use service_kit::http::openapi;
use service_kit::http::problem::ProblemBody;
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, OpenApi};

use super::{ROOTS, item, list, preview, test};
use crate::domain::State;
use crate::templates::Template;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "email-service",
        description = "Deliveries of mail, for staff. Every route exists below `/emails` as well.",
        license(name = "MIT", identifier = "MIT")
    ),
    paths(list::list_emails, item::get_email, preview::preview_email, test::send_test_email),
    components(schemas(ProblemBody)),
    tags((name = "emails", description = "Mails that were sent or are to be sent"))
)]
struct Document;

/// OpenAPI 3.1.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let [root, alias] = ROOTS;
    if let Some(item) = document.paths.paths.get_mut(&format!("{root}/{{id}}")) {
        item.get.iter_mut().for_each(openapi::conditional_read);
    }
    openapi::alias(&mut document, root, alias, "_alias");
    openapi::set_values(&mut document, "DeliveryView", "state", &State::ALL.map(State::as_str));
    let templates: Vec<&str> = Template::ALL.iter().map(|template| template.name()).collect();
    openapi::set_values(&mut document, "PreviewRequest", "template", &templates);
    openapi::finish(&mut document, true);
    document
}

/// What every route may answer, beside what every server may.
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

/// What can go wrong with a list.
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

#[cfg(test)]
mod tests {
    use actix_web::web;
    use service_kit::http::openapi::{documented_routes, faults, registered_routes};

    use super::*;
    use crate::http::below_root;

    #[test]
    fn the_document_is_a_sound_one() {
        assert_eq!(faults(&document()), Vec::<String>::new());
    }

    #[actix_web::test]
    async fn the_document_has_exactly_the_routes_that_are_registered() {
        let documented = documented_routes(&document());
        let registered = registered_routes(|config| {
            for root in ROOTS {
                config.service(web::scope(root).configure(below_root));
            }
        });
        assert_eq!(documented, registered.await);
        assert_eq!(documented.len(), 8);
    }

    #[test]
    fn times_ids_and_closed_sets_of_words_are_described_as_such() {
        let document = serde_json::to_value(document()).unwrap();
        let components = &document["components"];
        let states = serde_json::json!(State::ALL.map(State::as_str));
        assert_eq!(components["parameters"]["state"]["schema"]["enum"], states);
        let fields = &components["schemas"]["DeliveryView"]["properties"];
        assert_eq!(fields["state"]["enum"], states);
        for (field, format) in [("event_id", "uuid"), ("created_at", "date-time"), ("updated_at", "date-time")] {
            assert_eq!(fields[field]["format"], format, "{field}");
        }
        for field in ["event_type", "message_id"] {
            assert!(fields[field]["pattern"].is_string(), "{field}");
        }
        let about = components["parameters"]["after"]["description"].as_str().unwrap();
        assert!(about.contains("`cursor`"), "{about}");
    }
}
