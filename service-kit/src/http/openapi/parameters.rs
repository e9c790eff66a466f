//! Parameters are texts in URLs and headers: one may be missing, but none is null.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Schema, SchemaType, Type};

/// Takes null, which the document's generator adds to whatever is optional, from the parameters' types.
pub(super) fn never_null(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(RefOr::T(schema)) = &mut parameter.schema
        {
            without_null(schema);
        }
    }
}

fn without_null(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|one| *one != Type::Null);
                if let [only] = types.as_slice() {
                    object.schema_type = SchemaType::Type(only.clone());
                }
            }
        }
        Schema::OneOf(parts) => {
            parts.items.retain(|part| !is_null(part));
            if let [RefOr::T(only)] = parts.items.as_slice() {
                *schema = only.clone();
            }
        }
        _ => {}
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}
