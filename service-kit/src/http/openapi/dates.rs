//! How dates look. chrono's form in a document is RFC 3339, with an offset; ours are always UTC, mostly without a `Z`.

use utoipa::openapi::schema::{ArrayItems, Object, Schema, SchemaFormat};
use utoipa::openapi::{Components, KnownFormat, RefOr};

/// The dates of the contract: `2025-01-16T17:10:26`, in newer fields with fractions and `Z`.
const DATE_PATTERN: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z?$";
/// Deeper than any schema of ours.
const MAX_DEPTH: u8 = 16;

/// Describes every date of the components as it is.
pub(super) fn describe(components: &mut Components) {
    for schema in components.schemas.values_mut() {
        walk(schema, MAX_DEPTH);
    }
}

fn walk(schema: &mut RefOr<Schema>, depth: u8) {
    let (RefOr::T(schema), Some(depth)) = (schema, depth.checked_sub(1)) else { return };
    match schema {
        Schema::Object(object) => {
            correct(object);
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

fn correct(object: &mut Object) {
    if object.format != Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)) {
        return;
    }
    object.format = None;
    object.pattern = Some(DATE_PATTERN.to_owned());
    object.description.get_or_insert_with(|| "UTC".to_owned());
    if object.examples.is_empty() {
        object.examples = vec!["2025-01-16T17:10:26".into()];
    }
}
