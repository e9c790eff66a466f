//! Answers that do not depend on what a route is for, and the headers of answers.

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Components, ContentBuilder, Header, Ref, RefOr, Response, ResponseBuilder};

use crate::http::problem::{ErrorCode, PROBLEM_JSON, ProblemBody};

/// The server's own answers to any request.
const ANY: &[(&str, &str)] = &[
    ("500", "Our fault, which is logged: `internal_error`"),
    ("503", "Too much to do, or a dependency is down; ask again: `overloaded`, `unavailable`"),
];
/// Bad fields or parameters.
pub const FAULTS: &str =
    "Faults in fields or parameters, all at once: `validation_failed`; or `idempotency_key_reused`";
/// The server's own answers to a request with a JSON body.
const WITH_BODY: &[(&str, &str)] = &[
    ("400", "The request cannot be read: `malformed_request`"),
    ("408", "The body did not arrive in time: `request_timeout`"),
    ("413", "The body is too large: `payload_too_large`"),
    ("415", "The body is not `application/json`: `unsupported_media_type`"),
    ("422", FAULTS),
];

/// An answer that is a problem.
pub fn problem(description: impl Into<String>) -> Response {
    let schema = Ref::from_schema_name(<ProblemBody as ToSchema>::name());
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM_JSON, ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

/// Documents a problem, unless the operation says something of that status itself.
pub fn put_problem(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(description)));
}

/// Adds the server's own answers, and to every problem the headers that it comes with.
pub(super) fn complete(operation: &mut Operation) {
    let with_body = if takes_json(operation) { WITH_BODY } else { &[] };
    for (status, description) in ANY.iter().chain(with_body) {
        put_problem(operation, status, description);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            add_headers(status, response);
        }
    }
}

fn takes_json(operation: &Operation) -> bool {
    match &operation.request_body {
        Some(RefOr::T(body)) => body.content.contains_key("application/json"),
        Some(RefOr::Ref(_)) => true,
        None => false,
    }
}

pub(super) fn add_headers(status: &str, response: &mut Response) {
    let mut add = |name: &str, header: Header| {
        response.headers.entry(name.to_owned()).or_insert(RefOr::T(header));
    };
    add("X-Request-Id", always("The request's id, which is in our logs too", text(64)));
    match status {
        "401" => add("WWW-Authenticate", always("How to authenticate (RFC 6750)", text(1_024))),
        "403" => add("WWW-Authenticate", header("Where no token was sent (RFC 6750)", text(1_024)).build()),
        "429" | "503" => {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
            add("Retry-After", always("Seconds to wait before asking again", seconds.into()));
        }
        _ => {}
    }
}

fn text(max_length: usize) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(max_length)).build().into()
}

/// A header that is never missing.
fn always(description: &str, schema: Schema) -> Header {
    let required = Extensions::from_iter([("required", true)]);
    header(description, schema).extensions(Some(required)).build()
}

fn header(description: &str, schema: Schema) -> HeaderBuilder {
    HeaderBuilder::new().description(Some(description)).schema(Some(schema))
}

/// Says in the schema of a problem what its derived form cannot: `error` is one of the codes, and nothing is null.
pub(super) fn strict_problem_body(components: &mut Components) {
    let name = <ProblemBody as ToSchema>::name();
    let Some(RefOr::T(Schema::Object(body))) = components.schemas.get_mut(name.as_ref()) else { return };
    let codes: Vec<Value> = ErrorCode::ALL.iter().map(|code| json!(code.as_str())).collect();
    if let Some(RefOr::T(Schema::Object(error))) = body.properties.get_mut("error") {
        error.enum_values = Some(codes);
    }
    if let Some(RefOr::T(Schema::Object(status))) = body.properties.get_mut("status") {
        status.minimum = Some(400.into());
        status.maximum = Some(599.into());
    }
}
