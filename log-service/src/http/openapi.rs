//! The OpenAPI document.

use service_kit::http::openapi;
use service_kit::http::problem::ProblemBody;
use utoipa::OpenApi;

use super::{ROOTS, create, export, item, list, lookup, models, stream};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "log-service",
        description = "The events of the bank, recorded once each. Staff read all entries, a user its own; services \
                       record; only an admin changes or removes. Every path exists below `/logs` too.",
    ),
    paths(
        list::list, create::create, lookup::lookup, stream::stream, export::export, item::read, item::update, item::delete,
    ),
    components(schemas(models::Log, models::NewLog, models::LogChanges, models::LogEnvelope, models::LogList, ProblemBody)),
    tags((name = "logs", description = "Recorded events")),
)]
struct Document;

/// The document of this service, with the alias paths.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let [root, alias] = ROOTS;
    let aliases: Vec<_> = document
        .paths
        .paths
        .iter()
        .filter_map(|(path, item)| Some((format!("{alias}{}", path.strip_prefix(root)?), item.clone())))
        .collect();
    for (path, mut item) in aliases {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.operation_id = operation.operation_id.take().map(|id| format!("{id}Alias"));
        }
        document.paths.paths.insert(path, item);
    }
    openapi::finish(&mut document, false);
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_with_its_problems() {
        let document = serde_json::to_value(document()).unwrap();
        for root in ROOTS {
            for (path, method) in [
                ("", "get"),
                ("", "post"),
                ("/stream", "get"),
                ("/export", "get"),
                ("/lookup", "post"),
                ("/{id}", "get"),
                ("/{id}", "put"),
                ("/{id}", "delete"),
            ] {
                let operation = &document["paths"][format!("{root}{path}")][method];
                assert_eq!(operation["security"][0]["bearer"], serde_json::json!([]), "{method} {root}{path}");
                for status in ["401", "403", "503"] {
                    let content = &operation["responses"][status]["content"]["application/problem+json"];
                    assert!(content["schema"]["$ref"].is_string(), "{method} {root}{path} {status}");
                }
            }
        }
        assert!(document["components"]["schemas"]["ProblemBody"].is_object());
    }
}
