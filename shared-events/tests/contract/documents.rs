//! The committed files are the generated ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use shared_events::{WireMessage, catalog, schema};

const REGENERATE: &str = "run `cargo run -p shared-events --example generate`, and look at what changes on the wire";

fn committed(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; {REGENERATE}", path.display()))
}

#[test]
fn golden_files_schemas_and_asyncapi_are_as_generated() {
    for (path, generated) in schema::files().unwrap() {
        assert!(committed(&path) == generated, "{path} differs; {REGENERATE}");
    }
}

#[test]
fn no_file_is_left_of_an_event_that_is_gone() {
    let expected: BTreeSet<String> = schema::files().unwrap().into_keys().collect();
    for folder in ["golden", "schemas"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
            assert!(expected.contains(&path), "{path} belongs to no event; {REGENERATE}");
        }
    }
}

#[test]
fn the_guide_has_the_table_as_generated() {
    assert!(committed("../docs/events/README.md").contains(&schema::table().unwrap()), "{REGENERATE}");
}

#[test]
fn a_golden_file_reads_back_as_the_event_it_was_written_from() {
    for entry in catalog::all() {
        let golden: WireMessage =
            serde_json::from_str(&committed(&format!("golden/{}.json", entry.event_type))).unwrap();
        let envelope = golden.decode().unwrap();
        assert_eq!(envelope, entry.example().unwrap(), "{}", entry.event_type);
        assert_eq!(WireMessage::encode(&envelope).unwrap(), golden, "{}", entry.event_type);
    }
}

#[test]
fn every_example_has_the_fields_that_its_schema_requires_and_no_others() {
    for entry in catalog::all() {
        let (schema, example) = (entry.data_schema(), entry.example().unwrap());
        let fields: BTreeSet<&str> = example.body.data.as_object().unwrap().keys().map(String::as_str).collect();
        let properties = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let required: BTreeSet<&str> =
            schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(fields, properties, "{}", entry.event_type);
        assert_eq!(fields, required, "{}", entry.event_type);
    }
}

#[test]
fn nothing_in_the_asyncapi_document_refers_to_nowhere() {
    let document = schema::asyncapi().unwrap();
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(target)) = object.get("$ref") {
                    references += 1;
                    assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                }
                open.extend(object.values());
            }
            Value::Array(array) => open.extend(array),
            _ => {}
        }
    }
    assert!(references > catalog::all().count());
}

#[test]
fn no_event_has_a_field_for_something_secret() {
    for entry in catalog::all() {
        let schema = entry.data_schema();
        for name in schema["properties"].as_object().unwrap().keys() {
            let suspect = ["password", "secret", "token", "hash", "seed"].iter().any(|word| name.contains(word));
            assert!(!suspect, "{} has a field {name}", entry.event_type);
        }
    }
}
