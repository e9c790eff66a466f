//! Describes a request type while its reader runs, and makes it a schema of the document.

use utoipa::openapi::Ref;
use utoipa::openapi::schema::{AdditionalProperties, Object, OneOfBuilder};

use super::schema::{Components, FieldSchema};

/// The fields, or the forms, that a reader has asked for.
#[derive(Default)]
pub(super) struct Description {
    object: Object,
    forms: Vec<Ref>,
    components: Components,
}

impl Description {
    pub(super) fn required(&mut self, name: &str, field: FieldSchema) {
        self.object.required.push(name.to_owned());
        self.optional(name, field);
    }

    pub(super) fn optional(&mut self, name: &str, field: FieldSchema) {
        self.object.properties.insert(name.to_owned(), field.schema);
        self.components.extend(field.components);
    }

    /// A form that the request can have, which is a component of its own.
    pub(super) fn form(&mut self, name: &str, components: Components) {
        self.forms.push(Ref::from_schema_name(name));
        self.components.extend(components);
    }

    /// One of the forms if there are any, else an object that has no other fields.
    pub(super) fn into_schema(self) -> FieldSchema {
        let Self { mut object, forms, components } = self;
        if forms.is_empty() {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            return FieldSchema { schema: object.into(), components };
        }
        let one_of = forms.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item);
        FieldSchema { schema: one_of.into(), components }
    }
}

/// Makes a type that is read from [`Fields`](super::Fields) a schema of the document: under its own name or another one, with a
/// description and an example, if they are given.
///
/// ```ignore
/// request_schema!(RegisterRequest, "What a registration takes.");
/// request_schema!(RecordLog as "NewLog", "An event to record.", example_new_log());
/// ```
#[macro_export]
macro_rules! request_schema {
    ($request:ident $(, $about:expr $(, $example:expr)?)? $(,)?) => {
        $crate::request_schema!($request as stringify!($request) $(, $about $(, $example)?)?);
    };
    ($request:ident $(<$parameter:ident: $bound:path>)? as $name:expr $(, $about:expr $(, $example:expr)?)? $(,)?) => {
        impl $(<$parameter: $bound>)? ::utoipa::PartialSchema for $request $(<$parameter>)? {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::schema::Schema> {
                let schema = $crate::http::fields::Fields::describe::<Self>();
                schema $(.described($about) $(.example($example))?)? .into_schema()
            }
        }

        impl $(<$parameter: $bound>)? ::utoipa::ToSchema for $request $(<$parameter>)? {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed($name)
            }

            fn schemas(
                schemas: &mut ::std::vec::Vec<(
                    ::std::string::String,
                    ::utoipa::openapi::RefOr<::utoipa::openapi::schema::Schema>,
                )>,
            ) {
                schemas.extend($crate::http::fields::Fields::describe::<Self>().into_components());
            }
        }
    };
}

/// Declares a form of a request: a type around the request that it is read as, with a schema of its own.
///
/// ```ignore
/// request_form!(ResetByLink of ResetPasswordRequest);
/// ```
#[macro_export]
macro_rules! request_form {
    ($form:ident of $request:ident $(, $about:expr)? $(,)?) => {
        struct $form($request);

        $crate::request_schema!($form $(, $about)?);

        impl ::std::convert::From<$form> for $request {
            fn from(form: $form) -> Self {
                form.0
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_events::{BankId, EventId};
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::Schema;
    use utoipa::{PartialSchema, ToSchema};

    use crate::http::fields::{Fields, Form, FromFields, parse};

    struct OpenRequest;

    impl FromFields for OpenRequest {
        fn read(fields: &mut Fields) -> Option<Self> {
            fields.read_only(&["id"]);
            fields.ignore("roles");
            let name = fields.required("name", parse::string(1, 5).described("Its name.").example("N26"));
            let code = fields.optional("code", parse::via(str::parse::<u8>).pattern("^[0-9]{1,3}$"));
            let bank_id = fields.nullable("bank_id", parse::id::<BankId>());
            let kind = fields.nullable("kind", parse::string(1, 9).values(["a", "b"]).named("KindText"));
            let ids = fields.required("ids", parse::list(1, 9, parse::uuid::<EventId>()).described("Some."));
            let opened = fields.optional("opened", parse::date());
            let (_, _, _, _, _) = (code?, bank_id?, kind?, ids?, opened?);
            name.map(|_| Self)
        }
    }

    impl FromFields for CloseRequest {
        fn read(fields: &mut Fields) -> Option<Self> {
            fields.required("closed", parse::boolean()).map(|_| Self(Request))
        }
    }

    struct Request;

    impl FromFields for Request {
        fn read(fields: &mut Fields) -> Option<Self> {
            fields.one_of(&[Form::of::<OpenRequest>(&["name", "ids"]), Form::of::<CloseRequest>(&["closed"])])
        }
    }

    impl From<OpenRequest> for Request {
        fn from(_: OpenRequest) -> Self {
            Self
        }
    }

    request_schema!(OpenRequest, "What is opened.", json!({"name": "N26"}));
    request_form!(CloseRequest of Request);
    request_schema!(Request as "AnyRequest", "One of two.");

    fn shown(schema: &RefOr<Schema>) -> Value {
        serde_json::to_value(schema).unwrap()
    }

    #[test]
    fn the_fields_that_a_reader_asks_for_are_its_schema() {
        let expected = json!({
            "type": "object", "description": "What is opened.", "example": {"name": "N26"},
            "required": ["name", "ids"], "additionalProperties": false,
            "properties": {
                "name": {"type": "string", "description": "Its name.", "example": "N26", "minLength": 1, "maxLength": 5},
                "code": {"type": "string", "pattern": "^[0-9]{1,3}$"},
                "bank_id": {"type": ["integer", "null"], "format": "int64", "minimum": 1},
                "kind": {"oneOf": [{"$ref": "#/components/schemas/KindText"}, {"type": "null"}]},
                "ids": {
                    "type": "array", "description": "Some.", "minItems": 1, "maxItems": 9,
                    "items": {"type": "string", "format": "uuid"},
                },
                "opened": {"type": "string", "format": "date-time"},
            },
        });
        assert_eq!(shown(&OpenRequest::schema()), expected);
        assert_eq!(OpenRequest::name(), "OpenRequest");
    }

    #[test]
    fn components_come_with_the_request_that_refers_to_them() {
        let mut components = Vec::new();
        OpenRequest::schemas(&mut components);
        let components: Vec<_> = components.iter().map(|(name, schema)| (name.as_str(), shown(schema))).collect();
        let text = json!({"type": "string", "minLength": 1, "maxLength": 9, "enum": ["a", "b"]});
        assert_eq!(components, [("KindText", text)]);
    }

    #[test]
    fn a_request_of_several_forms_is_one_of_them() {
        let form = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let expected = json!({"description": "One of two.", "oneOf": [form("OpenRequest"), form("CloseRequest")]});
        assert_eq!((Request::name().as_ref(), shown(&Request::schema())), ("AnyRequest", expected));
        let mut components = Vec::new();
        Request::schemas(&mut components);
        let names: Vec<_> = components.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["OpenRequest", "KindText", "CloseRequest"]);
    }

    #[test]
    fn a_request_is_read_in_the_form_that_was_given() {
        let faults = |json: &str| match Fields::read_slice::<Request>(json.as_bytes()) {
            Ok(_) => json!({}),
            Err(problem) => json!(problem.errors()),
        };
        assert_eq!(faults(r#"{"closed":true}"#), json!({}));
        assert_eq!(faults(r#"{"closed":true,"code":"1"}"#), json!({"code": ["unknown field"]}));
        assert_eq!(faults(r#"{"name":"N26"}"#), json!({"ids": ["is required"]}));
        let both = r#"{"name":"N26","ids":[],"closed":true}"#;
        assert_eq!(faults(both), json!({"ids": ["must not be empty"], "closed": ["must not be given with name"]}));
        let neither = json!(["is required, unless closed is given"]);
        assert_eq!(faults("{}"), json!({"name": neither, "ids": neither}));
    }
}
