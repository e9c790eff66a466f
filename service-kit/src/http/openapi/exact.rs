//! Bounds that a derived schema leaves open: the range of numbers, and the form of an image.

use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayItems, Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Components, Content, KnownFormat, OpenApi, RefOr};

use crate::http::GREATEST_NUMBER;

/// Deeper than any schema of ours.
const MAX_DEPTH: u8 = 16;

/// Tells the values that a text can have: of a property of a schema. `false` if there is no such property.
pub fn set_values(document: &mut OpenApi, schema: &str, property: &str, values: &[&str]) -> bool {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let Some(RefOr::T(Schema::Object(object))) = schemas.and_then(|schemas| schemas.get_mut(schema)) else {
        return false;
    };
    let Some(RefOr::T(Schema::Object(text))) = object.properties.get_mut(property) else { return false };
    text.enum_values = Some(values.iter().map(|value| json!(value)).collect());
    true
}

pub(super) fn complete_components(components: &mut Components) {
    components.schemas.values_mut().for_each(|schema| walk(schema, MAX_DEPTH));
}

pub(super) fn complete_operation(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(schema) = &mut parameter.schema
        {
            walk(schema, MAX_DEPTH);
        }
    }
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        for (media_type, content) in &mut response.content {
            if let RefOr::T(content) = content
                && media_type.starts_with("image/")
            {
                binary(content);
            }
        }
    }
}

fn binary(content: &mut Content) {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    content.schema = Some(ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into());
}

fn walk(schema: &mut RefOr<Schema>, depth: u8) {
    let (RefOr::T(schema), Some(depth)) = (schema, depth.checked_sub(1)) else { return };
    match schema {
        Schema::Object(object) => {
            bound(object);
            object.properties.values_mut().for_each(|schema| walk(schema, depth));
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                walk(items, depth);
            }
        }
        Schema::OneOf(parts) => parts.items.iter_mut().for_each(|schema| walk(schema, depth)),
        Schema::AllOf(parts) => parts.items.iter_mut().for_each(|schema| walk(schema, depth)),
        Schema::AnyOf(parts) => parts.items.iter_mut().for_each(|schema| walk(schema, depth)),
        _ => {}
    }
}

fn bound(object: &mut Object) {
    if object.format == Some(SchemaFormat::KnownFormat(KnownFormat::Int64)) {
        object.maximum.get_or_insert(GREATEST_NUMBER.into());
        object.minimum.get_or_insert((-GREATEST_NUMBER).into());
    }
}
