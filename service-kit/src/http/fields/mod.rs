//! Request bodies: every fault of every field in one answer.
//!
//! A request type reads itself from [`Fields`]; a field that it does not read is unknown and a fault. Bodies are JSON objects,
//! read strictly: UTF-8, each key once, at most 127 levels deep, within the route's limit and its time.
//!
//! The reader is also the description of the body in the OpenAPI document: [`Fields::describe`] runs it once and records the
//! fields that it asks for, and [`request_schema!`](crate::request_schema) makes a schema of that. While it is described, every
//! field is reported as faulty, so a reader asks for all its fields before it returns at the first fault.

mod body;
mod description;
mod entries;
mod form;
mod json;
mod kind;
pub mod parse;
mod path;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde_json::{Map, Value};

use super::problem::{FieldErrors, Problem};

pub(crate) use body::BodyTime;
pub use body::{Body, BodyLimit, RawBody, require_form, require_json};
pub use form::Form;
pub use json::beyond_limits;
pub use kind::{Describe, Kind, Parse};
pub use path::PathId;
pub use schema::FieldSchema;

use description::Description;

/// At most this many unknown fields are named in an answer, each cut to this many characters.
const UNKNOWN_NAMED: usize = 20;
const UNKNOWN_LENGTH: usize = 64;
/// The fault of a field that has to be there.
const MISSING: &str = "is required";

/// A request type that can be read from a JSON object. `None` exactly if a fault was recorded, or if the type is described.
pub trait FromFields: Sized {
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// A JSON object being read, and the faults found in it.
pub struct Fields {
    given: Map<String, Value>,
    known: BTreeSet<String>,
    faults: FieldErrors,
    /// The parameters of the request's path.
    path: BTreeMap<String, String>,
    /// The description so far; none while a request is read.
    description: Option<Description>,
}

impl Fields {
    pub fn new(given: Map<String, Value>) -> Self {
        Self { given, known: BTreeSet::new(), faults: FieldErrors::new(), path: BTreeMap::new(), description: None }
    }

    /// The schema of a request type, by its own reader.
    pub fn describe<T: FromFields>() -> FieldSchema {
        let mut fields = Self::new(Map::new());
        fields.description = Some(Description::default());
        drop(T::read(&mut fields));
        fields.description.unwrap_or_default().into_schema()
    }

    /// Reads a whole request from bytes: the strict parse, then the fields, then all faults.
    pub fn read_slice<T: FromFields>(bytes: &[u8]) -> Result<T, Problem> {
        Self::read_below(BTreeMap::new(), bytes)
    }

    /// The same from the body of a request with these parameters in its path.
    pub(crate) fn read_below<T: FromFields>(path: BTreeMap<String, String>, bytes: &[u8]) -> Result<T, Problem> {
        let value = json::parse(bytes)?;
        let Value::Object(given) = value else {
            let faults = FieldErrors::from([("body".to_owned(), vec!["must be a JSON object".to_owned()])]);
            return Err(Problem::validation(faults));
        };
        Self { path, ..Self::new(given) }.read()
    }

    /// The same from an object that has been parsed already.
    pub fn read_object<T: FromFields>(given: Map<String, Value>) -> Result<T, Problem> {
        Self::new(given).read()
    }

    fn read<T: FromFields>(mut self) -> Result<T, Problem> {
        let request = T::read(&mut self);
        self.finish().map_err(Problem::validation)?;
        request.ok_or_else(|| {
            tracing::error!(request = std::any::type_name::<T>(), "a request was refused without a fault");
            Problem::validation(FieldErrors::new())
        })
    }

    /// A field that must be there.
    pub fn required<T>(&mut self, name: &str, kind: Kind<impl Parse<T>, impl Describe>) -> Option<T> {
        if let Some(description) = &mut self.description {
            description.required(name, kind.describe());
            return None;
        }
        match self.take(name) {
            None => {
                self.fault(name, MISSING);
                None
            }
            Some(value) => self.parsed(name, &value, kind.parse),
        }
    }

    /// A field that may be missing. Outer `None`: a fault; inner `None`: missing.
    pub fn optional<T>(&mut self, name: &str, kind: Kind<impl Parse<T>, impl Describe>) -> Option<Option<T>> {
        if let Some(description) = &mut self.description {
            description.optional(name, kind.describe());
            return None;
        }
        match self.take(name) {
            None => Some(None),
            Some(value) => self.parsed(name, &value, kind.parse).map(Some),
        }
    }

    /// A field that may be missing, and otherwise repeats the path's parameter of its name, if the path has one.
    pub fn optional_as_in_path<T: FromStr + PartialEq>(
        &mut self,
        name: &str,
        kind: Kind<impl Parse<T>, impl Describe>,
    ) -> Option<Option<T>> {
        let given = self.optional(name, kind)?;
        let in_path = self.path.get(name).map(|text| text.parse::<T>().ok());
        if given.is_some() && in_path.is_some_and(|in_path| in_path != given) {
            self.fault(name, "is not the one in the path");
            return None;
        }
        Some(given)
    }

    /// A field that may be missing or null. `Some(Some(None))`: null was given.
    pub fn nullable<T>(&mut self, name: &str, kind: Kind<impl Parse<T>, impl Describe>) -> Option<Option<Option<T>>> {
        if let Some(description) = &mut self.description {
            description.optional(name, kind.describe().or_null());
            return None;
        }
        match self.take(name) {
            None => Some(None),
            Some(Value::Null) => Some(Some(None)),
            Some(value) => self.parsed(name, &value, kind.parse).map(|value| Some(Some(value))),
        }
    }

    /// A field that is accepted and never used; the document does not show it.
    pub fn ignore(&mut self, name: &str) {
        self.take(name);
    }

    /// Fields that a client may know but not set; the document does not show them.
    pub fn read_only(&mut self, names: &[&str]) {
        for name in names {
            if self.take(name).is_some() {
                self.fault(name, "is read-only");
            }
        }
    }

    /// Records a fault.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.entry(name.to_owned()).or_default().push(message.into());
    }

    /// Whether the field was given, null included, even if it has already been read.
    pub fn was_given(&self, name: &str) -> bool {
        self.known.contains(name) || self.given.contains_key(name)
    }

    /// All faults, unknown fields among them.
    pub fn finish(mut self) -> Result<(), FieldErrors> {
        let unknown = std::mem::take(&mut self.given);
        for name in unknown.keys().take(UNKNOWN_NAMED) {
            let name: String = name.chars().take(UNKNOWN_LENGTH).collect();
            self.fault(&name, "unknown field");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let (name, value) = self.given.remove_entry(name)?;
        self.known.insert(name);
        Some(value)
    }

    fn parsed<T>(&mut self, name: &str, value: &Value, parse: impl Parse<T>) -> Option<T> {
        let result = if value.is_null() { Err("must not be null".to_owned()) } else { parse(value) };
        result.map_err(|message| self.fault(name, message)).ok()
    }
}

#[cfg(test)]
mod tests {
    use shared_events::BankId;

    use super::*;
    use crate::http::problem::ErrorCode;

    #[derive(Debug, PartialEq)]
    #[expect(clippy::option_option, reason = "absent, null and a text are three things")]
    struct Sample {
        name: String,
        bank_id: BankId,
        note: Option<Option<String>>,
    }

    impl FromFields for Sample {
        fn read(fields: &mut Fields) -> Option<Self> {
            fields.read_only(&["id"]);
            fields.ignore("roles");
            let name = fields.required("name", parse::string(1, 5));
            let bank_id = fields.required("bank_id", parse::id::<BankId>());
            let note = fields.nullable("note", parse::string(0, 5));
            Some(Self { name: name?, bank_id: bank_id?, note: note? })
        }
    }

    fn faults(json: &str) -> Vec<(String, String)> {
        let problem = Fields::read_slice::<Sample>(json.as_bytes()).unwrap_err();
        assert_eq!(problem.code(), ErrorCode::ValidationFailed, "{json}");
        problem.errors().iter().flat_map(|(name, all)| all.iter().map(move |m| (name.clone(), m.clone()))).collect()
    }

    #[test]
    fn all_faults_come_at_once() {
        let found = faults(r#"{"id":1,"name":"","bank_id":0,"note":7,"color":"red"}"#);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["bank_id", "color", "id", "name", "note"]);
        assert!(found.contains(&("color".to_owned(), "unknown field".to_owned())));
        assert!(found.contains(&("id".to_owned(), "is read-only".to_owned())));
    }

    #[test]
    fn missing_and_null_are_distinguished() {
        let read = |json: &str| Fields::read_slice::<Sample>(json.as_bytes()).unwrap().note;
        assert_eq!(read(r#"{"name":"a","bank_id":1}"#), None);
        assert_eq!(read(r#"{"name":"a","bank_id":1,"note":null,"roles":["admin"]}"#), Some(None));
        assert_eq!(read(r#"{"name":"a","bank_id":1,"note":"x"}"#), Some(Some("x".to_owned())));
        assert_eq!(faults(r#"{"name":null,"bank_id":1}"#), [("name".to_owned(), "must not be null".to_owned())]);
    }

    struct Child;

    impl FromFields for Child {
        fn read(fields: &mut Fields) -> Option<Self> {
            let bank_id = fields.optional_as_in_path("bank_id", parse::id::<BankId>());
            let city_id = fields.required("city_id", parse::id::<BankId>());
            bank_id?;
            city_id.map(|_| Self)
        }
    }

    #[test]
    fn a_parent_in_the_body_is_that_of_the_path_and_any_other_is_one_of_all_faults() {
        let below = |path: &[(&str, &str)], json: &str| {
            let path = path.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
            let faults = Fields::read_below::<Child>(path, json.as_bytes()).err();
            faults.map(|problem| problem.errors().keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
        };
        let bank = [("bank_id", "7")];
        for (path, json) in [
            (&bank[..], r#"{"city_id":1}"#),
            (&bank, r#"{"bank_id":7,"city_id":1}"#),
            (&[], r#"{"bank_id":8,"city_id":1}"#),
            (&[("id", "7")], r#"{"bank_id":8,"city_id":1}"#),
        ] {
            assert_eq!(below(path, json), Vec::<String>::new(), "{json}");
        }
        assert_eq!(below(&bank, r#"{"bank_id":8,"color":1}"#), ["bank_id", "city_id", "color"]);
        assert_eq!(below(&[("bank_id", "07")], r#"{"bank_id":7,"city_id":1}"#), ["bank_id"]);
    }

    #[test]
    fn only_an_object_is_a_request() {
        for json in ["[]", "1", "null", "\"x\""] {
            assert_eq!(faults(json), [("body".to_owned(), "must be a JSON object".to_owned())]);
        }
    }

    #[test]
    fn a_flood_of_unknown_fields_is_answered_briefly() {
        let json = format!("{{{}}}", (0..500).map(|n| format!("\"{n:0100}\":1")).collect::<Vec<_>>().join(","));
        let found = faults(&json);
        assert!(found.len() <= UNKNOWN_NAMED + 2 && found.iter().all(|(name, _)| name.len() <= UNKNOWN_LENGTH));
    }
}
