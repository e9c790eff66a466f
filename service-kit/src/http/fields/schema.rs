//! The schema of a field or of a body, for the OpenAPI document.

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, SchemaFormat};

pub(super) type Components = Vec<(String, RefOr<Schema>)>;

/// A schema, and the components that it refers to.
#[derive(Clone)]
pub struct FieldSchema {
    pub(super) schema: RefOr<Schema>,
    pub(super) components: Components,
}

impl FieldSchema {
    pub fn text() -> Self {
        Self::of_type(Type::String)
    }

    /// A whole number of 64 bits.
    pub fn integer() -> Self {
        let format = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
        Self::of_type(Type::Integer).with_object(|number| number.format = format)
    }

    pub fn boolean() -> Self {
        Self::of_type(Type::Boolean)
    }

    pub fn object() -> Self {
        Self::of_type(Type::Object)
    }

    /// Any JSON value.
    pub fn any() -> Self {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).build().into()
    }

    /// A reference to a component, which comes along.
    pub fn component<C: ToSchema>() -> Self {
        let name = C::name();
        let mut components = vec![(name.to_string(), C::schema())];
        C::schemas(&mut components);
        Self { schema: Ref::from_schema_name(name).into(), components }
    }

    fn of_type(schema_type: Type) -> Self {
        ObjectBuilder::new().schema_type(schema_type).build().into()
    }

    #[must_use]
    pub fn described(mut self, text: &str) -> Self {
        let description = match &mut self.schema {
            RefOr::Ref(reference) => {
                text.clone_into(&mut reference.description);
                return self;
            }
            RefOr::T(Schema::Object(object)) => &mut object.description,
            RefOr::T(Schema::Array(array)) => &mut array.description,
            RefOr::T(Schema::OneOf(forms)) => &mut forms.description,
            RefOr::T(_) => return self,
        };
        *description = Some(text.to_owned());
        self
    }

    #[must_use]
    pub fn example(mut self, example: impl Into<Value>) -> Self {
        match &mut self.schema {
            RefOr::T(Schema::Object(object)) => object.example = Some(example.into()),
            RefOr::T(Schema::Array(array)) => array.example = Some(example.into()),
            RefOr::T(_) | RefOr::Ref(_) => {}
        }
        self
    }

    pub(super) fn with_object(mut self, change: impl FnOnce(&mut Object)) -> Self {
        if let RefOr::T(Schema::Object(object)) = &mut self.schema {
            change(object);
        }
        self
    }

    /// A component of this name, and a reference to it.
    pub(super) fn named(self, name: &str) -> Self {
        let Self { schema, mut components } = self;
        components.push((name.to_owned(), schema));
        Self { schema: Ref::from_schema_name(name).into(), components }
    }

    /// A list of such items.
    pub(super) fn list(self, min: usize, max: usize) -> Self {
        let min = (min > 0).then_some(min);
        let list = ArrayBuilder::new().items(self.schema).min_items(min).max_items(Some(max)).build();
        Self { schema: RefOr::T(Schema::Array(list)), components: self.components }
    }

    /// The same, or null.
    pub(super) fn or_null(mut self) -> Self {
        match &mut self.schema {
            RefOr::T(Schema::Object(Object { schema_type, .. }) | Schema::Array(Array { schema_type, .. })) => {
                if let SchemaType::Type(only) = schema_type {
                    *schema_type = [only.clone(), Type::Null].into_iter().collect();
                }
                self
            }
            RefOr::T(_) | RefOr::Ref(_) => {
                let either = OneOfBuilder::new().item(self.schema).item(Object::with_type(Type::Null));
                Self { schema: either.into(), components: self.components }
            }
        }
    }

    /// For `utoipa::PartialSchema`.
    #[doc(hidden)]
    pub fn into_schema(self) -> RefOr<Schema> {
        self.schema
    }

    /// For `utoipa::ToSchema`.
    #[doc(hidden)]
    pub fn into_components(self) -> Vec<(String, RefOr<Schema>)> {
        self.components
    }
}

impl From<Object> for FieldSchema {
    fn from(object: Object) -> Self {
        Self { schema: object.into(), components: Components::new() }
    }
}
