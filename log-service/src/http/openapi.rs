//! The OpenAPI document.

use service_kit::http::openapi;
use service_kit::http::problem::ProblemBody;
use utoipa::OpenApi;

use super::{ROOTS, create, export, item, list, lookup, models, stream, stream_ticket};
use crate::domain::LogEntry;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "log-service",
        description = "The events of the bank, recorded once each. Staff read all entries, a user its own (what it caused, and \
                       transfers from or to what it has); services record; only an admin changes or removes. Every path \
                       exists below `/logs` too.",
        license(name = "MIT", identifier = "MIT"),
    ),
    paths(
        list::list, create::create, lookup::lookup, stream::stream, stream_ticket::create_ticket, export::export,
        item::read, item::update, item::delete,
    ),
    components(schemas(LogEntry, models::LogEnvelope, list::LogList, ProblemBody)),
    tags((name = "logs", description = "Recorded events")),
)]
struct Document;

/// The document of this service, with the alias paths.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let [root, alias] = ROOTS;
    if let Some(item) = document.paths.paths.get_mut(&format!("{root}/{{id}}")) {
        item.get.iter_mut().for_each(openapi::conditional_read);
        item.put.iter_mut().for_each(openapi::add_etag);
        [&mut item.put, &mut item.delete].into_iter().flatten().for_each(openapi::conditional_change);
    }
    openapi::alias(&mut document, root, alias, "_alias");
    openapi::set_values(&mut document, "LogEnvelope", "msg", &["item created", "item updated", "item deleted"]);
    openapi::finish(&mut document, false);
    document
}

#[cfg(test)]
mod tests {
    use test_support::openapi::{documented_routes, faults, registered_routes, undescribed};

    use super::*;

    #[test]
    fn the_document_is_a_sound_one() {
        assert_eq!(faults(&document()), Vec::<String>::new());
    }

    #[test]
    fn every_field_and_parameter_is_described() {
        assert_eq!(undescribed(&document()), Vec::<String>::new());
    }

    #[actix_web::test]
    async fn the_document_has_exactly_the_routes_that_are_registered() {
        let documented = documented_routes(&document());
        assert_eq!(documented, registered_routes(crate::http::mount).await);
        assert_eq!(documented.len(), 18);
    }

    #[test]
    fn a_change_needs_no_particular_field() {
        let document = serde_json::to_value(document()).unwrap();
        let changes = &document["components"]["schemas"]["LogChanges"];
        assert!(changes["properties"]["data"].is_object() && changes["required"].is_null(), "{changes}");
    }

    #[test]
    fn ids_times_and_pages_are_described_in_the_form_that_they_have() {
        let document = serde_json::to_value(document()).unwrap();
        let components = &document["components"];
        let log = &components["schemas"]["Log"]["properties"];
        for (field, format) in [("event_id", "uuid"), ("date", "date-time"), ("received_at", "date-time")] {
            assert_eq!(log[field]["format"], format, "{field}");
        }
        for (schema, field) in [("Log", "id"), ("Log", "event_type"), ("RecordedEvent", "id"), ("LogList", "cursor")] {
            assert!(components["schemas"][schema]["properties"][field]["pattern"].is_string(), "{schema}.{field}");
        }
        let about = components["parameters"]["after"]["description"].as_str().unwrap();
        assert!(about.contains("`cursor` of the page before"), "{about}");
    }

    #[test]
    fn every_route_is_described_with_its_problems() {
        let document = serde_json::to_value(document()).unwrap();
        for root in ROOTS {
            for (path, method) in [
                ("", "get"),
                ("", "post"),
                ("/stream", "get"),
                ("/stream/ticket", "post"),
                ("/export", "get"),
                ("/lookup", "post"),
                ("/{id}", "get"),
                ("/{id}", "put"),
                ("/{id}", "delete"),
            ] {
                let operation = &document["paths"][format!("{root}{path}")][method];
                assert_eq!(operation["security"][0]["bearer"], serde_json::json!([]), "{method} {root}{path}");
                let shared = operation["responses"]["default"]["$ref"].as_str().unwrap_or_default();
                let answer = document.pointer(shared.trim_start_matches('#')).unwrap();
                let content = &answer["content"]["application/problem+json"];
                assert!(content["schema"]["$ref"].is_string(), "{method} {root}{path}");
                for status in ["401: ", "403: ", "503: "] {
                    assert!(answer["description"].as_str().unwrap().contains(status), "{status}");
                }
            }
        }
        assert!(document["components"]["schemas"]["ProblemBody"].is_object());
    }
}
