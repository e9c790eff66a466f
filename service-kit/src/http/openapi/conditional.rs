//! Reads and changes under a condition, by the entity tags of items.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required, ResponseBuilder};

use super::answers::put_problem;

/// `*`, or entity tags (RFC 9110, 8.8.3).
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*"){0,19})$"#;

/// A read of one item that has a tag: `If-None-Match`, and 304.
pub fn conditional_read(operation: &mut Operation) {
    let about = "The `ETag` of the item that the client has; 304 if it is still that one";
    add(operation, "If-None-Match", about);
    add_etag(operation);
    let known = ResponseBuilder::new().description("The item is as `If-None-Match` names it").build();
    operation.responses.responses.insert("304".to_owned(), known.into());
}

/// A change of one item that has a tag: `If-Match`, and 412.
pub fn conditional_change(operation: &mut Operation) {
    let about = "The `ETag` of the item that the change was decided on; 412 if it is another one by now";
    add(operation, "If-Match", about);
    put_problem(operation, "412", "The item is not as `If-Match` names it: `precondition_failed`");
}

/// An answer with an item that has a tag.
pub fn add_etag(operation: &mut Operation) {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let etag = HeaderBuilder::new().schema(Some(text)).description(Some("The item's version, for `If-Match`")).build();
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
        response.headers.entry("ETag".to_owned()).or_insert_with(|| RefOr::T(etag));
    }
}

fn add(operation: &mut Operation, name: &str, about: &str) {
    let tags = ObjectBuilder::new().schema_type(Type::String).pattern(Some(ENTITY_TAGS));
    let parameter: Parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(tags))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}
