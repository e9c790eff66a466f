//! The OpenAPI document: the handlers' own descriptions, completed with what is the same for all of them.
//!
//! What a route's method and pattern imply (parameters, errors, headers) and who may call it (the access table) is not
//! repeated at each handler; `complete` adds it. A test compares the document's routes with the table's.

mod complete;
mod parts;

use service_kit::http::openapi::finish;
use service_kit::http::problem::ProblemBody;
use utoipa::OpenApi as _;
use utoipa::openapi::{OpenApi, PathItem, Server};

use super::{
    accounts, auth, banks, branches, cards, changes, cities, clients, dead_letter_work, dead_letters, devices, events,
    jwks, roles, social_statuses, user_mfa, users,
};
use crate::domain::policy::{Method, RULES};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "bank-service",
        description = "Users, clients, banks, branches, cities, accounts and cards. Every change publishes an event. \
            Amounts are whole numbers in the minor unit of their currency. Errors are `application/problem+json` (RFC 9457).",
    ),
    components(schemas(ProblemBody))
)]
struct Root;

/// A route that another one is an alias of: `(alias, of)`.
const ALIASES: &[(&str, &str)] = &[("/api/accounts/cards/{id}", "/api/cards/{id}")];

/// The document of this service.
pub fn document() -> OpenApi {
    let mut document = Root::openapi();
    for part in vec![
        jwks::Document::openapi(),
        auth::Document::openapi(),
        user_mfa::Document::openapi(),
        users::Document::openapi(),
        roles::Document::openapi(),
        social_statuses::Document::openapi(),
        cities::Document::openapi(),
        banks::Document::openapi(),
        branches::Document::openapi(),
        clients::Document::openapi(),
        dead_letter_work::Document::openapi(),
        dead_letters::Document::openapi(),
        events::Document::openapi(),
        accounts::Document::openapi(),
        cards::Document::openapi(),
        devices::Document::openapi(),
        changes::Document::openapi(),
    ] {
        document.merge(part);
    }
    for (alias, of) in ALIASES {
        if let Some(item) = document.paths.paths.get(*of).cloned() {
            document.paths.paths.insert((*alias).to_owned(), renamed(item));
        }
    }
    for (path, item) in &mut document.paths.paths {
        for method in [Method::Get, Method::Post, Method::Put, Method::Delete] {
            if let Some(operation) = complete::operation_of(item, method) {
                complete::complete(operation, method, path);
            }
        }
    }
    document.servers = Some(vec![Server::new("/"), Server::new("/v1")]);
    finish(&mut document, false);
    document
}

/// An operation's id is unique in the document.
fn renamed(mut item: PathItem) -> PathItem {
    for method in [Method::Get, Method::Put, Method::Delete] {
        if let Some(operation) = complete::operation_of(&mut item, method) {
            operation.operation_id = operation.operation_id.take().map(|id| format!("{id}_below_accounts"));
        }
    }
    item
}

/// Every route of the access table, as `GET /api/banks`.
pub fn routes_of_the_table() -> Vec<String> {
    let routes = RULES.iter().flat_map(|rule| rule.routes);
    routes.map(|(method, path)| format!("{} {path}", method.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};
    use service_kit::http::openapi::{BUILTIN_PATHS, documented_routes, faults, registered_routes};

    use super::*;

    fn served() -> Value {
        serde_json::to_value(document()).unwrap()
    }

    fn operations(document: &Value) -> Vec<(String, &Value)> {
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap();
            let operations = methods.iter().filter(|(name, _)| *name != "servers");
            operations.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
        });
        operations.collect()
    }

    fn is_builtin(route: &str) -> bool {
        BUILTIN_PATHS.iter().any(|path| route == format!("GET {path}"))
    }

    #[test]
    fn the_document_has_exactly_the_routes_of_the_access_table() {
        let ruled: BTreeSet<String> = routes_of_the_table().into_iter().collect();
        assert_eq!(documented_routes(&document()), ruled);
    }

    #[test]
    fn the_document_is_a_sound_one() {
        assert_eq!(faults(&document()), Vec::<String>::new());
    }

    #[actix_web::test]
    async fn the_access_table_has_exactly_the_routes_that_are_registered() {
        let registered = registered_routes(crate::http::routes).await;
        let ruled: BTreeSet<String> = routes_of_the_table().into_iter().collect();
        assert_eq!(registered, ruled);
    }

    #[test]
    fn every_operation_says_who_may_call_it_and_what_can_go_wrong() {
        let document = served();
        for (route, operation) in operations(&document) {
            assert!(operation["description"].as_str().unwrap().contains("Access: "), "{route}");
            assert!(operation["x-access"].is_object() || is_builtin(&route), "{route}");
            assert!(operation["security"].is_array(), "{route}");
            assert!(operation["summary"].is_string(), "{route}");
            for status in ["500", "503"] {
                assert!(operation["responses"][status].is_object(), "{route} {status}");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                let required = |header: &str| response["headers"][header]["required"] == true;
                assert!(required("X-Request-Id"), "{route} {status}");
                assert_eq!(required("WWW-Authenticate"), status == "401", "{route} {status}");
                assert_eq!(required("Retry-After"), ["429", "503"].contains(&status.as_str()), "{route} {status}");
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            for name in route.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                let found = parameters.iter().any(|p| p["name"] == name && p["in"] == "path");
                assert!(found, "{route}: {name}");
            }
        }
    }

    #[test]
    fn bodies_take_no_other_fields_and_names_have_a_pattern() {
        let document = served();
        let schemas = &document["components"]["schemas"];
        for body in ["NameBody", "BalanceBody", "BranchBody", "CreateClientBody", "UpdateClientBody", "OpenAccountBody"]
        {
            assert_eq!(schemas[body]["additionalProperties"], false, "{body}");
        }
        for (body, required) in [("NameBody", json!(["name"])), ("CreateClientBody", json!(["name"]))] {
            assert_eq!(schemas[body]["required"], required, "{body}");
        }
        for body in ["RenameBody", "BalanceBody", "MoveBranchBody", "UpdateClientBody", "OpenAccountBody"] {
            assert!(schemas[body].get("required").is_none(), "{body}: {}", schemas[body]);
        }
        assert_eq!(schemas["BalanceBody"]["properties"]["balance"]["type"], "integer", "null is refused");
        assert!(schemas["NameText"]["pattern"].is_string(), "{}", schemas["NameText"]);
    }

    #[test]
    fn lists_name_their_filters() {
        let document = served();
        let parameters = document["paths"]["/api/accounts"]["get"]["parameters"].as_array().unwrap();
        let names: Vec<_> = parameters.iter().filter_map(|p| p["name"].as_str()).collect();
        assert_eq!(names, ["page_number", "page_size", "after", "id", "balance", "currency", "client_id", "bank_id"]);
    }
}
