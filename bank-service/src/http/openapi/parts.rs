//! Parameters that many operations share.

use serde_json::json;
use service_kit::http::paging::{Filter, FilterKind, IdKind, MAX_PAGE_NUMBER, MAX_PAGE_SIZE};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// Empty, or what `encode_cursor` makes of an id of 64 bits. Of which list it is, the pattern does not say.
const NUMBER_CURSOR: &str = "^(A[w-z0-9_-][A-Za-z0-9_-]{12}[AEIMQUYcgkosw048])?$";
/// Empty, or what it makes of a `UUIDv7`, which begins with a time that is not 0.
const UUID_CURSOR: &str = "^(B[A-P][A-Za-z0-9_-]{2}[A-Za-f][B-Za-z0-9_-][A-Za-z0-9_-]{19}[AQgw])?$";
/// NUL is what no text of the database can hold.
const WITHOUT_NUL: &str = r"^[^\u0000]*$";

fn integer() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn parameter(name: &str, parameter_in: ParameterIn, description: &str, schema: ObjectBuilder) -> Parameter {
    let required = if parameter_in == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(parameter_in)
        .required(required)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

pub(super) fn path_id(name: &str) -> Parameter {
    parameter(name, ParameterIn::Path, "An id", integer().minimum(Some(1)))
}

pub(super) fn page(ids: IdKind) -> [Parameter; 3] {
    let number = integer().minimum(Some(1)).maximum(Some(MAX_PAGE_NUMBER)).default(Some(json!(1)));
    let size = integer().minimum(Some(1)).maximum(Some(MAX_PAGE_SIZE)).default(Some(json!(5)));
    let after = "The `cursor` of the page before; empty at the start. A `page_number` of 1 beside it is passed over";
    let cursor = match ids {
        IdKind::Number => NUMBER_CURSOR,
        IdKind::Uuid => UUID_CURSOR,
    };
    [
        parameter("page_number", ParameterIn::Query, "Which page; a page beyond the end is 404", number),
        parameter("page_size", ParameterIn::Query, "How many items a page has", size),
        parameter("after", ParameterIn::Query, after, text().pattern(Some(cursor))),
    ]
}

pub(super) fn filter(filter: &Filter) -> Parameter {
    let schema = match filter.kind {
        FilterKind::Integer => integer(),
        FilterKind::Text => text().min_length(Some(1)).max_length(Some(255)).pattern(Some(WITHOUT_NUL)),
        FilterKind::OneOf(values) => text().enum_values(Some(values.iter().copied())),
        FilterKind::Boolean => ObjectBuilder::new().schema_type(Type::Boolean),
        FilterKind::Date => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
    };
    let about = match filter.name {
        "from" => "Only items of this time or later",
        "to" => "Only items of this time or earlier; a day alone counts whole",
        "order" => "The newest first, which is the default, or the oldest first",
        _ => "Exactly this value",
    };
    parameter(filter.name, ParameterIn::Query, about, schema)
}

/// What the problems of some codes have beside the members of all problems.
pub(super) fn members_of_problems() -> [(&'static str, ObjectBuilder); 3] {
    let available = integer().minimum(Some(0)).description(Some("Of `insufficient_funds`: what can be spent"));
    let mfa_token = text().description(Some("Of `mfa_required`: for `POST /auth/login/mfa`"));
    let expires_in = integer().minimum(Some(0)).description(Some("Of `mfa_required`: its seconds"));
    [("available", available), ("mfa_token", mfa_token), ("expires_in", expires_in)]
}

pub(super) fn idempotency_key() -> Parameter {
    let schema = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
    let about = "The same key and body give the same answer, once; kept per caller for 24 hours";
    parameter("Idempotency-Key", ParameterIn::Header, about, schema)
}
