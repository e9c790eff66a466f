//! The routes of a document, and whether it is valid.

use std::collections::BTreeSet;

use serde_json::Value;
use service_kit::http::openapi::BUILTIN_PATHS;
use utoipa::openapi::OpenApi;

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// Every route of a document, as `GET /api/banks/{id}`, without those that every server has.
pub fn documented_routes(document: &OpenApi) -> BTreeSet<String> {
    let json = serde_json::to_value(document).unwrap_or_default();
    let own = operations(&json).into_iter().filter(|(_, path, _)| !BUILTIN_PATHS.contains(path));
    own.map(|(method, path, _)| format!("{} {path}", method.to_uppercase())).collect()
}

/// The faults of a document (OpenAPI 3.1): references to nothing, ids that are not unique, path parameters that are
/// not the path's, required properties that are none, unknown security schemes, answers that are no answers.
pub fn faults(document: &OpenApi) -> Vec<String> {
    let json = serde_json::to_value(document).unwrap_or_default();
    let mut faults = Vec::new();
    if !at(&json, "/openapi").as_str().is_some_and(|version| version.starts_with("3.1")) {
        faults.push("openapi: is not 3.1".to_owned());
    }
    for field in ["title", "version"] {
        if !json.get("info").is_some_and(|info| at(info, &format!("/{field}")).is_string()) {
            faults.push(format!("info.{field}: is missing"));
        }
    }
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&json) {
        let mut fault = |text: String| faults.push(format!("{method} {path}: {text}"));
        if !ids.insert(operation["operationId"].as_str().unwrap_or_default().to_owned()) {
            fault("the operationId is missing or not unique".to_owned());
        }
        if names_of_path(path) != names_of_parameters(&json, operation) {
            fault("its path parameters are not those of the path".to_owned());
        }
        for scheme in operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            for name in scheme.keys().filter(|name| at(&json, "/components/securitySchemes").get(name).is_none()) {
                fault(format!("there is no security scheme {name}"));
            }
        }
        for (status, response) in operation["responses"].as_object().into_iter().flatten() {
            let is_status = status.len() == 3 && status.parse::<u16>().is_ok_and(|code| (100..600).contains(&code));
            let known = is_status || status == "default";
            if !known || !resolved(&json, response)["description"].is_string() {
                fault(format!("{status} is no answer, or has no description"));
            }
        }
    }
    walk(&json, &json, &mut faults);
    faults
}

/// The properties of objects, and the parameters, that have no description, each by its place. What is referred to may have it.
pub fn undescribed(document: &OpenApi) -> Vec<String> {
    let json = serde_json::to_value(document).unwrap_or_default();
    let mut found = Vec::new();
    collect_undescribed(&json, &json, "", &mut found);
    found
}

fn collect_undescribed(root: &Value, node: &Value, place: &str, found: &mut Vec<String>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| collect_undescribed(root, item, place, found)),
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object).into_iter().flatten();
            // A page is described as a whole.
            let bare = properties.filter(|(name, schema)| *name != "results" && !is_described(root, schema));
            found.extend(bare.map(|(name, _)| format!("{place}: {name}")));
            let is_parameter = members.contains_key("in") && members.contains_key("schema");
            if is_parameter && !is_described(root, node) {
                found.push(format!("{place}: parameter {}", node["name"].as_str().unwrap_or_default()));
            }
            for (name, member) in members {
                collect_undescribed(root, member, &format!("{place}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// Whether a schema, what it refers to, or one of its parts has a description.
fn is_described(root: &Value, node: &Value) -> bool {
    let has_own = node["description"].as_str().is_some_and(|text| !text.is_empty());
    let parts = ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| node[*key].as_array()).flatten();
    has_own
        || parts.into_iter().any(|part| is_described(root, part))
        || (node["$ref"].is_string() && is_described(root, resolved(root, node)))
}

/// The value at a JSON pointer; null if there is none.
fn at<'a>(json: &'a Value, pointer: &str) -> &'a Value {
    json.pointer(pointer).unwrap_or(&Value::Null)
}

fn operations(json: &Value) -> Vec<(&str, &str, &Value)> {
    let items = json["paths"].as_object().into_iter().flatten();
    items
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| Some((*method, path.as_str(), item.get(*method)?)))
        })
        .collect()
}

fn names_of_path(path: &str) -> BTreeSet<&str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

/// The value that a node refers to, or the node itself.
pub fn resolved<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    match node["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => at(root, pointer),
        None => node,
    }
}

fn names_of_parameters<'a>(root: &'a Value, operation: &'a Value) -> BTreeSet<&'a str> {
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|one| resolved(root, one));
    parameters.filter(|one| one["in"] == "path").filter_map(|one| one["name"].as_str()).collect()
}

/// References and required properties, wherever they are.
fn walk(root: &Value, node: &Value, faults: &mut Vec<String>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| walk(root, item, faults)),
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref")
                && reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).is_none()
            {
                faults.push(format!("{reference}: refers to nothing"));
            }
            if let (Some(Value::Array(required)), Some(Value::Object(properties))) =
                (members.get("required"), members.get("properties"))
            {
                let missing = required.iter().filter_map(Value::as_str).filter(|name| !properties.contains_key(*name));
                faults.extend(missing.map(|name| format!("{name}: is required and no property")));
            }
            members.values().for_each(|member| walk(root, member, faults));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_property_and_a_parameter_are_described_where_they_are_or_where_they_refer_to() {
        let document = json!({
            "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {"/a": {"get": {
                "parameters": [
                    {"name": "p", "in": "query", "required": false, "schema": {"type": "string"}},
                    {"name": "q", "in": "query", "required": false, "description": "d", "schema": {"type": "string"}},
                ],
                "responses": {"200": {"description": "d"}},
            }}},
            "components": {"schemas": {
                "Known": {"type": "string", "description": "d"},
                "Bare": {"type": "object", "properties": {"x": {"type": "string"}}},
                "S": {"type": "object", "properties": {
                    "own": {"type": "string", "description": "d"},
                    "referred": {"$ref": "#/components/schemas/Known"},
                    "either": {"oneOf": [{"$ref": "#/components/schemas/Known"}, {"type": "null"}]},
                    "bare": {"$ref": "#/components/schemas/Bare"},
                    "list": {"type": "array", "items": {"$ref": "#/components/schemas/Known"}},
                }},
            }},
        });
        let found = undescribed(&serde_json::from_value(document).unwrap());
        let expected = ["/components/schemas/Bare: x", "/components/schemas/S: bare", "/components/schemas/S: list"];
        let (parameters, properties): (Vec<_>, Vec<_>) = found.iter().partition(|place| place.contains("parameter"));
        assert_eq!(properties, expected);
        assert!(parameters.len() == 1 && parameters[0].ends_with(": parameter p"), "{parameters:?}");
    }

    fn faults_of(json: Value) -> Vec<String> {
        faults(&serde_json::from_value(json).unwrap())
    }

    #[test]
    fn a_sound_document_has_no_faults_and_a_broken_one_all_of_them() {
        let sound = json!({
            "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {"/a/{id}": {"get": {
                "operationId": "a", "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "d"}}, "security": [{"bearer": []}],
            }}},
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        });
        assert_eq!(faults_of(sound.clone()), Vec::<String>::new());
        let mut broken = sound;
        broken["paths"]["/b/{x}"] = broken["paths"]["/a/{id}"].clone();
        broken["paths"]["/b/{x}"]["get"]["security"] = json!([{"basic": []}]);
        broken["paths"]["/b/{x}"]["get"]["responses"] = json!({"2000": {"description": "d"}});
        broken["components"]["schemas"] = json!({"S": {"type": "object", "required": ["r"], "properties": {
            "p": {"$ref": "#/components/schemas/None"}}}});
        assert_eq!(faults_of(broken).len(), 6);
    }
}
