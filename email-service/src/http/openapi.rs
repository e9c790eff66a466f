//! The OpenAPI document.

use std::collections::BTreeMap;

use service_kit::http::openapi::finish;
use service_kit::http::problem::ProblemBody;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi};

use super::{item, list, preview, test};

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
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    finish(&mut document, true);
    document
}

const ALWAYS: &[(u16, &str)] = &[
    (401, "The token is not valid or has expired."),
    (403, "No token, or not the role of a manager or an administrator."),
    (404, "There is nothing here."),
    (405, "Another method is wanted."),
    (408, "The request took too long to arrive."),
    (422, "Some values are not valid: all faults at once."),
    (429, "Too many requests."),
    (500, "A fault of the service."),
    (503, "Overloaded or unavailable: see Retry-After."),
];
const WITH_BODY: &[(u16, &str)] =
    &[(400, "The body is not JSON."), (413, "The body is too large."), (415, "The body is not application/json.")];
const WITH_KEY: &[(u16, &str)] = &[(409, "The Idempotency-Key was used for something else.")];

/// What can go wrong with a read.
pub(super) struct ReadProblems;
/// … with a request that has a body.
pub(super) struct WriteProblems;
/// … with a request that sends.
pub(super) struct SendProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[ALWAYS])
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[ALWAYS, WITH_BODY])
    }
}

impl IntoResponses for SendProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[ALWAYS, WITH_BODY, WITH_KEY])
    }
}

fn problems(groups: &[&[(u16, &str)]]) -> BTreeMap<String, RefOr<Response>> {
    let all = groups.iter().flat_map(|group| group.iter());
    all.map(|(status, description)| (status.to_string(), RefOr::T(problem(description)))).collect()
}

fn problem(description: &str) -> Response {
    let schema = Ref::from_schema_name("ProblemBody");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}
