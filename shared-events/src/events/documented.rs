//! The parts of the generated documents that follow from an event's type.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{Event, facts_of};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Documented {
    pub(crate) schema: fn() -> Value,
    /// The message and the data of the example.
    pub(crate) example: fn() -> Result<(String, Value), serde_json::Error>,
}

impl Documented {
    pub(crate) const fn of<E: Event + JsonSchema>() -> Self {
        Self { schema: schema::<E>, example: example::<E> }
    }
}

/// The schema of what is published, so every field of the type is required; nothing is referred to elsewhere.
fn schema<E: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.inline_subschemas = true);
    let mut schema = E::json_schema(&mut settings.into_generator()).to_value();
    // The event has its own title and description; those of the facts' type would repeat them.
    if let Some(object) = schema.as_object_mut() {
        object.remove("title");
    }
    schema
}

fn example<E: Event>() -> Result<(String, Value), serde_json::Error> {
    let event = E::example();
    Ok((event.message(), facts_of(&event)?))
}
