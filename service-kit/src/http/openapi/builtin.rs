//! The routes that every server has, as the document shows them.

use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, OpenApi, Required, ResponseBuilder, Schema, Server};

use super::answers::{problem, put_problem};

/// The paths that [`super::finish`] adds. The documentation's own files below `/docs/` are no part of the API.
pub const BUILTIN_PATHS: [&str; 6] = ["/livez", "/readyz", "/metrics", "/ping", "/openapi.json", "/docs/errors/{code}"];

/// The tag of these routes.
pub(super) const TAG: &str = "service";

/// A route without a token, which answers 200.
struct Route {
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    media_type: &'static str,
    schema: Schema,
    example: Option<Value>,
}

pub(super) fn add(document: &mut OpenApi) {
    for route in routes() {
        let path = route.path;
        let mut operation = operation(&route);
        match path {
            "/readyz" => {
                let answer = json!({ "status": "not ready", "dependencies": { "database": "down" } });
                let content = ContentBuilder::new().schema(Some(any_object())).example(Some(answer)).build();
                let response = ResponseBuilder::new().description("A dependency is down, or the service is draining");
                let mut response = response.content("application/json", content).build();
                response.content.extend(problem("").content);
                operation.responses.responses.insert("503".to_owned(), response.into());
            }
            "/openapi.json" => {
                let unchanged = ResponseBuilder::new().description("Unchanged").build();
                operation.responses.responses.insert("304".to_owned(), unchanged.into());
            }
            "/docs/errors/{code}" => put_problem(&mut operation, "404", "There is no such code: `not_found`"),
            _ => {}
        }
        let mut item = PathItem::new(HttpMethod::Get, operation);
        if matches!(path, "/livez" | "/readyz" | "/metrics") {
            // At the root only, whatever else the document's routes stand below.
            item.servers = Some(vec![Server::new("/")]);
        }
        document.paths.paths.insert(path.to_owned(), item);
    }
}

fn routes() -> [Route; 6] {
    let [livez, readyz, metrics, ping, openapi, error_page] = BUILTIN_PATHS;
    let route = |path, id, summary| {
        let (media_type, schema, example) = ("application/json", any_object(), None);
        Route { path, id, summary, media_type, schema, example }
    };
    let text = || Schema::from(ObjectBuilder::new().schema_type(Type::String).build());
    [
        Route {
            example: Some(json!({ "status": "alive" })),
            ..route(livez, "check_liveness", "Whether the process lives")
        },
        Route {
            example: Some(json!({ "status": "ready", "dependencies": { "database": "up" } })),
            ..route(
                readyz,
                "check_readiness",
                "Whether the service can work, and which dependency is unavailable if not",
            )
        },
        Route { media_type: "text/plain", schema: text(), ..route(metrics, "read_metrics", "Metrics for Prometheus") },
        Route {
            example: Some(json!({ "status": "success", "message": "pong!" })),
            ..route(ping, "ping_service", "Whether the service answers")
        },
        route(openapi, "read_openapi_document", "This document"),
        Route {
            media_type: "text/html",
            schema: text(),
            ..route(error_page, "read_error_page", "What an error code means: cause, fix, example")
        },
    ]
}

fn any_object() -> Schema {
    ObjectBuilder::new().schema_type(Type::Object).build().into()
}

fn operation(route: &Route) -> Operation {
    let content = ContentBuilder::new().schema(Some(route.schema.clone())).example(route.example.clone()).build();
    let answer = ResponseBuilder::new().description(route.summary).content(route.media_type, content).build();
    let builder = OperationBuilder::new()
        .operation_id(Some(route.id))
        .tag(TAG)
        .summary(Some(route.summary))
        .description(Some("Access: everybody, no token."))
        .security(SecurityRequirement::default())
        .response("200", answer);
    if !route.path.contains("{code}") {
        return builder.build();
    }
    let code = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[a-z_]+$"));
    let code = ParameterBuilder::new()
        .name("code")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The `error` of a problem"))
        .schema(Some(code))
        .example(Some(json!("not_found")));
    builder.parameter(code.build()).build()
}

#[cfg(test)]
mod tests {
    use test_support::openapi::resolved;
    use utoipa::openapi::OpenApiBuilder;

    use super::*;
    use crate::http::openapi::finish;
    use crate::http::problem::{ErrorCode, ProblemBody};

    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(ProblemBody)))]
    struct Empty;

    #[test]
    fn the_document_is_3_1_and_names_the_scheme() {
        let mut document = OpenApiBuilder::new().build();
        finish(&mut document, true);
        let json = serde_json::to_value(&document).unwrap();
        assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(json["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        assert_eq!(json["security"][0]["bearer"], json!([]));
    }

    #[test]
    fn the_routes_of_every_server_are_open_to_everybody() {
        let mut document = OpenApiBuilder::new().build();
        finish(&mut document, true);
        let json = serde_json::to_value(&document).unwrap();
        for path in BUILTIN_PATHS {
            let operation = &json["paths"][path]["get"];
            assert_eq!(operation["security"], json!([{}]), "{path}");
            let problem = resolved(&json, &operation["responses"]["default"]);
            let description = problem["description"].as_str().unwrap();
            assert!(description.contains("500: ") && description.contains("503: "), "{path}: {description}");
        }
    }

    #[test]
    fn the_document_is_answered_with_304_to_those_who_have_it() {
        let mut document = OpenApiBuilder::new().build();
        finish(&mut document, true);
        let json = serde_json::to_value(&document).unwrap();
        assert!(json["paths"]["/openapi.json"]["get"]["responses"]["304"]["description"].is_string());
    }

    #[test]
    fn a_problem_names_one_of_our_codes() {
        use utoipa::OpenApi as _;
        let mut document = Empty::openapi();
        finish(&mut document, false);
        let json = serde_json::to_value(&document).unwrap();
        let codes = json["components"]["schemas"]["ProblemBody"]["properties"]["error"]["enum"].as_array().unwrap();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
    }
}
