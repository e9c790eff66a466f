//! The kind of a field: how it is read, and how the document shows it, declared in one place.
//!
//! The schema is a closure that only the document calls: a request pays nothing for it. It may be narrower than what is read,
//! where a wrong value is not a fault of its field (a password of a login), and says so beside the parser.

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa::openapi::{KnownFormat, SchemaFormat};

use super::schema::FieldSchema;

/// Reads a JSON value. An error names the expected form, never the given value.
pub trait Parse<T>: Fn(&Value) -> Result<T, String> {}
impl<T, F: Fn(&Value) -> Result<T, String>> Parse<T> for F {}

/// Makes a schema.
pub trait Describe: FnOnce() -> FieldSchema {}
impl<F: FnOnce() -> FieldSchema> Describe for F {}

/// How a field is read (`parse`), and how the document shows it (`schema`).
pub struct Kind<P, S> {
    pub(super) parse: P,
    pub(super) schema: S,
}

impl<P, S: Describe> Kind<P, S> {
    pub fn new<T>(parse: P, schema: S) -> Self
    where
        P: Fn(&Value) -> Result<T, String>,
    {
        Self { parse, schema }
    }

    /// Reads a value; the request's own fields are read by [`Fields`](super::Fields).
    pub fn read<T>(&self, value: &Value) -> Result<T, String>
    where
        P: Parse<T>,
    {
        (self.parse)(value)
    }

    pub fn describe(self) -> FieldSchema {
        (self.schema)()
    }

    /// Changes the schema, if it is neither a list nor a reference.
    pub fn with_object(self, change: impl FnOnce(&mut Object)) -> Kind<P, impl Describe> {
        self.with_schema(move |schema| schema.with_object(change))
    }

    fn with_schema(self, change: impl FnOnce(FieldSchema) -> FieldSchema) -> Kind<P, impl Describe> {
        let Self { parse, schema } = self;
        Kind { parse, schema: move || change(schema()) }
    }

    /// Reads on from the value that was read.
    pub fn and_then<T, U>(self, next: impl Fn(T) -> Result<U, String>) -> Kind<impl Parse<U>, S>
    where
        P: Parse<T>,
    {
        let Self { parse, schema } = self;
        Kind { parse: move |value: &Value| next(parse(value)?), schema }
    }

    /// Turns the value that was read into another one.
    pub fn map<T, U>(self, change: impl Fn(T) -> U) -> Kind<impl Parse<U>, S>
    where
        P: Parse<T>,
    {
        self.and_then(move |value| Ok(change(value)))
    }

    pub fn described(self, text: &str) -> Kind<P, impl Describe> {
        self.with_schema(move |schema| schema.described(text))
    }

    pub fn example(self, example: impl Into<Value>) -> Kind<P, impl Describe> {
        self.with_schema(move |schema| schema.example(example))
    }

    pub fn format(self, format: KnownFormat) -> Kind<P, impl Describe> {
        self.with_object(move |object| object.format = Some(SchemaFormat::KnownFormat(format)))
    }

    /// A regular expression (ECMA-262) of the texts.
    pub fn pattern(self, pattern: &str) -> Kind<P, impl Describe> {
        self.with_object(move |object| object.pattern = Some(pattern.to_owned()))
    }

    /// From `min` to `max` characters.
    pub fn length(self, min: usize, max: usize) -> Kind<P, impl Describe> {
        self.with_object(move |object| {
            object.min_length = (min > 0).then_some(min);
            object.max_length = Some(max);
        })
    }

    pub fn minimum(self, minimum: i64) -> Kind<P, impl Describe> {
        self.with_object(move |object| object.minimum = Some(minimum.into()))
    }

    pub fn maximum(self, maximum: i64) -> Kind<P, impl Describe> {
        self.with_object(move |object| object.maximum = Some(maximum.into()))
    }

    /// The only values.
    pub fn values<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Kind<P, impl Describe> {
        self.with_object(move |object| object.enum_values = Some(values.into_iter().map(Into::into).collect()))
    }

    /// Becomes a component of the document, which fields refer to.
    pub fn named(self, name: &str) -> Kind<P, impl Describe> {
        self.with_schema(move |schema| schema.named(name))
    }

    /// Refers to a component that has a type of its own.
    pub fn component<C: ToSchema>(self) -> Kind<P, impl Describe> {
        Kind { parse: self.parse, schema: FieldSchema::component::<C> }
    }
}
