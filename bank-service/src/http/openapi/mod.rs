//! The OpenAPI document: the handlers' own descriptions, completed with the parts that all share.
//!
//! The parts that follow from a route's method and pattern (parameters, errors, headers) and from the access table (its callers)
//! are not repeated at each handler; `complete` adds them. A test compares the document's routes with the table's.

mod complete;
mod parts;

use service_kit::http::openapi::{finish, set_values};
use service_kit::http::problem::ProblemBody;
use utoipa::openapi::{OpenApi, PathItem, RefOr, Schema, Server};
use utoipa::{OpenApi as _, ToSchema};

use super::{
    accounts, auth, banks, branches, cards, changes, cities, clients, dead_letter_actions, dead_letters, devices,
    events, jwks, money, roles, social_statuses, stream_ticket, user_mfa, users,
};
use crate::domain::event_status::EventStatus;
use crate::domain::ledger::{LedgerKind, System};
use crate::domain::policy::Method;
use crate::trace::{DeliveryState, PublishState};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "bank-service",
        description = "Users, clients, banks, branches, cities, accounts and cards. Every change publishes an event. \
            Amounts are whole numbers in the minor unit of their currency. Errors are `application/problem+json` (RFC 9457).",
        license(name = "MIT", identifier = "MIT"),
    ),
    tags(
        (name = "identity", description = "Registration, login, sessions, the second factor, one's own profile"),
        (name = "users", description = "Users, for administrators"),
        (name = "roles", description = "Roles, for administrators"),
        (name = "clients", description = "Users as clients of banks"),
        (name = "banks", description = "Banks"),
        (name = "branches", description = "Branches of banks in cities"),
        (name = "cities", description = "Cities"),
        (name = "social statuses", description = "Social statuses of clients"),
        (name = "accounts", description = "Accounts of clients at banks"),
        (name = "cards", description = "Cards of accounts"),
        (name = "money", description = "Transfers, holds, entries, balances at a time, and the ledger"),
        (name = "devices", description = "Devices for push notifications"),
        (name = "changes", description = "What changes, as it changes"),
        (name = "events", description = "Events and where they have been, for staff"),
        (name = "dead letters", description = "Messages that were given up, for administrators"),
    ),
    components(schemas(ProblemBody))
)]
struct Root;

/// The fields whose text is one of some values: schema, field, values.
const VALUES: &[(&str, &str, &[&str])] = &[
    ("Journey", "state", EventStatus::NAMES),
    ("PublishStep", "state", PublishState::NAMES),
    ("DeliveryStep", "state", DeliveryState::NAMES),
    ("MailStep", "state", &["none", "waiting", "sending", "sent", "rejected", "failed", "unknown"]),
    ("MailDelivery", "state", &["sending", "sent", "rejected", "failed"]),
    ("LogStep", "state", &["none", "waiting", "logged", "unknown"]),
    ("DeadLetterAction", "action", &["replayed", "discarded"]),
    ("DeadLetterReport", "msg", &["dry run", "letters replayed", "letters discarded"]),
    ("WorkResult", "outcome", &["done", "kept", "missing"]),
    ("Entry", "kind", &money::ENTRY_KINDS),
    ("LedgerAccount", "kind", &LedgerKind::NAMES),
    ("TransferAnswer", "msg", &["item created", "item updated"]),
    ("TransferSide", "system", &System::NAMES),
    ("TrialBalanceLine", "kind", &LedgerKind::NAMES),
    ("TokenPair", "token_type", &["Bearer"]),
    ("AccessToken", "token_type", &["Bearer"]),
    ("FactorView", "kind", &["totp"]),
    ("LoggedOutBody", "msg", &["logged out", "logged out everywhere"]),
    ("PushRequestedBody", "msg", &["push requested"]),
    ("ChangedBody", "msg", &["password changed"]),
    ("VerifiedBody", "msg", &["phone verified"]),
    ("RemovedBody", "msg", &["second factor disabled"]),
];

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
        dead_letter_actions::Document::openapi(),
        dead_letters::Document::openapi(),
        events::Document::openapi(),
        accounts::Document::openapi(),
        cards::Document::openapi(),
        devices::Document::openapi(),
        changes::Document::openapi(),
        stream_ticket::Document::openapi(),
    ] {
        document.merge(part);
    }
    for part in money::documents() {
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
    for (schema, field, values) in VALUES {
        set_values(&mut document, schema, field, values);
    }
    add_members_of_problems(&mut document);
    finish(&mut document, true);
    document
}

fn add_members_of_problems(document: &mut OpenApi) {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let problem = schemas.and_then(|schemas| schemas.get_mut(<ProblemBody as ToSchema>::name().as_ref()));
    let Some(RefOr::T(Schema::Object(problem))) = problem else { return };
    for (name, member) in parts::members_of_problems() {
        problem.properties.insert(name.to_owned(), RefOr::T(Schema::from(member.build())));
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};
    use service_kit::http::GREATEST_NUMBER;
    use shared_events::NAME_MARKS;
    use test_support::openapi::{documented_routes, faults, registered_routes, undescribed};

    use super::*;
    use crate::domain::ledger::{TransferKind, TransferStatus};
    use crate::domain::policy::RULES;

    /// The document, with what operations share put back in its places.
    fn served() -> Value {
        let mut document = serde_json::to_value(document()).unwrap();
        let components = document["components"].clone();
        put_back(&mut document["paths"], &components);
        document
    }

    fn put_back(node: &mut Value, components: &Value) {
        let shared = node["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components"));
        if let Some(pointer) = shared.filter(|pointer| !pointer.starts_with("/schemas/")) {
            *node = components.pointer(pointer).unwrap().clone();
        }
        match node {
            Value::Array(items) => items.iter_mut().for_each(|item| put_back(item, components)),
            Value::Object(members) => members.values_mut().for_each(|member| put_back(member, components)),
            _ => {}
        }
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

    /// As `GET /api/banks`.
    fn routes_of_the_table() -> BTreeSet<String> {
        let routes = RULES.iter().flat_map(|rule| rule.routes);
        routes.map(|(method, path)| format!("{} {path}", method.as_str())).collect()
    }

    #[test]
    fn the_document_has_exactly_the_routes_of_the_access_table() {
        assert_eq!(documented_routes(&document()), routes_of_the_table());
    }

    #[test]
    fn every_field_of_fixed_values_is_there_and_names_them() {
        let document = served();
        for (schema, field, values) in VALUES {
            let listed = &document["components"]["schemas"][*schema]["properties"][*field]["enum"];
            assert_eq!(listed, &json!(values), "{schema}.{field}");
        }
    }

    #[test]
    fn what_some_problems_have_beside_the_others_is_documented() {
        let problem = &served()["components"]["schemas"]["ProblemBody"];
        for (name, kind) in [("available", "integer"), ("mfa_token", "string"), ("expires_in", "integer")] {
            assert_eq!(problem["properties"][name]["type"], kind, "{name}");
            assert!(!problem["required"].as_array().unwrap().contains(&json!(name)), "{name}");
        }
    }

    #[test]
    fn unrouted_is_a_documented_state_of_each_step_before_the_queue() {
        let document = served();
        for schema in ["Journey", "PublishStep", "DeliveryStep"] {
            let listed = &document["components"]["schemas"][schema]["properties"]["state"]["enum"];
            assert!(listed.as_array().unwrap().contains(&json!("unrouted")), "{schema}: {listed}");
        }
    }

    #[test]
    fn the_document_is_small_and_for_readers() {
        let document = serde_json::to_string(&document()).unwrap();
        // Parts that stand in two places are components.
        let operations = documented_routes(&super::document()).len();
        assert!(document.len() < operations * 1_550, "{} bytes for {operations} operations", document.len());
        for private in ["Debug", "for the OpenAPI document", "\\\\p{", "office", "the house"] {
            assert!(!document.contains(private), "{private}");
        }
    }

    #[test]
    fn items_are_types_of_their_own() {
        let document = served();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (name, schema) in schemas {
            let item = match name.split_once('_') {
                Some(("ItemBody", item)) => (&schema["properties"]["item"]["$ref"], item),
                Some(("ListBody", item)) => {
                    assert_eq!(schema["allOf"][0]["$ref"], "#/components/schemas/ListPage", "{name}");
                    (&schema["allOf"][1]["properties"]["results"]["items"]["$ref"], item)
                }
                _ => continue,
            };
            assert_eq!(item.0, &json!(format!("#/components/schemas/{}", item.1)), "{name}");
            assert!(schemas.contains_key(item.1), "{name}");
        }
        assert!(schemas.keys().filter(|name| name.starts_with("ListBody_")).count() >= 8);
    }

    #[test]
    fn whole_numbers_are_bounded_by_what_every_client_holds_and_images_are_binary() {
        let document = served();
        let mut numbers = 0;
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            for (field, one) in schema["properties"].as_object().into_iter().flatten() {
                if one["format"] == "int64" {
                    let greatest = one["maximum"].as_i64();
                    assert!(greatest.is_some_and(|greatest| greatest <= GREATEST_NUMBER), "{name}.{field}: {one}");
                    numbers += 1;
                }
            }
        }
        assert!(numbers > 20, "{numbers}");
        let code = &document["paths"]["/auth/mfa/totp/qrcode"]["get"]["responses"]["200"]["content"]["image/png"];
        assert_eq!(code["schema"], json!({"type": "string", "format": "binary"}));
    }

    #[test]
    fn operations_have_ids_that_generators_take_as_they_are() {
        let document = served();
        for (route, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && id.contains('_'), "{route}: {id}");
        }
    }

    #[test]
    fn the_document_is_a_sound_one() {
        assert_eq!(faults(&document()), Vec::<String>::new());
    }

    #[test]
    fn every_field_and_parameter_is_described() {
        assert_eq!(undescribed(&document()), Vec::<String>::new());
    }

    #[actix_web::test]
    async fn the_access_table_has_exactly_the_routes_that_are_registered() {
        assert_eq!(registered_routes(crate::http::routes).await, routes_of_the_table());
    }

    #[test]
    fn every_operation_documents_who_may_call_it_and_what_can_go_wrong() {
        let document = served();
        assert_eq!(document["security"], json!([{"bearer": []}]));
        for (route, operation) in operations(&document) {
            assert!(operation["description"].as_str().unwrap().contains("Access: "), "{route}");
            let is_open = operation["description"].as_str().unwrap().contains("Access: everybody");
            assert_eq!(operation["security"], if is_open { json!([{}]) } else { Value::Null }, "{route}");
            assert!(operation["summary"].is_string(), "{route}");
            assert!(operation["responses"]["default"].is_object(), "{route}");
            let problems =
                operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.as_str() >= "4");
            for (status, response) in problems.filter(|(status, _)| *status != "default") {
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
    fn bodies_take_no_other_fields_and_names_are_described_in_words() {
        let document = served();
        let schemas = &document["components"]["schemas"];
        for body in ["NameBody", "BalanceBody", "BranchBody", "CreateClientBody", "UpdateClientBody", "OpenAccountBody"]
        {
            assert_eq!(schemas[body]["additionalProperties"], false, "{body}");
        }
        for (body, required) in [("NameBody", "name"), ("CreateClientBody", "name"), ("OpenAccountBody", "bank_id")] {
            assert_eq!(schemas[body]["required"], json!([required]), "{body}");
        }
        for body in ["RenameBody", "BalanceBody", "MoveBranchBody", "UpdateClientBody", "OpenAccountAtBankBody"] {
            assert!(schemas[body].get("required").is_none(), "{body}: {}", schemas[body]);
        }
        assert_eq!(schemas["BalanceBody"]["properties"]["balance"]["type"], "integer", "null is refused");
        let name = &schemas["NameText"];
        assert!(name["pattern"].is_null() && name["description"].as_str().unwrap().contains(NAME_MARKS), "{name}");
    }

    #[test]
    fn filters_of_fixed_values_name_them_and_those_of_a_time_are_dates() {
        let document = served();
        let filter = |path: &str, name: &str| {
            let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
            parameters.iter().find(|parameter| parameter["name"] == name).unwrap().clone()
        };
        let transfers = "/api/transfers";
        let (kinds, statuses) =
            (TransferKind::ALL.map(TransferKind::as_str), TransferStatus::ALL.map(TransferStatus::as_str));
        assert_eq!(filter(transfers, "kind")["schema"]["enum"], json!(kinds));
        assert_eq!(filter(transfers, "status")["schema"]["enum"], json!(statuses));
        for path in ["/api/accounts/{id}/entries", "/api/cards/{id}/entries"] {
            assert_eq!(filter(path, "kind")["schema"]["enum"], json!(money::ENTRY_KINDS), "{path}");
            assert_eq!(filter(path, "order")["schema"]["enum"], json!(["desc", "asc"]), "{path}");
        }
        for path in [transfers, "/api/accounts/{id}/entries", "/api/cards/{id}/entries"] {
            for (name, about) in [("from", "this time or later"), ("to", "this time or earlier")] {
                let parameter = filter(path, name);
                assert_eq!(parameter["schema"]["format"], "date-time", "{path}: {parameter}");
                assert!(parameter["description"].as_str().unwrap().contains(about), "{path}: {parameter}");
            }
        }
    }

    #[test]
    fn lists_name_their_filters() {
        let document = served();
        let parameters = document["paths"]["/api/accounts"]["get"]["parameters"].as_array().unwrap();
        let names: Vec<_> = parameters.iter().filter_map(|p| p["name"].as_str()).collect();
        assert_eq!(
            names,
            ["page_number", "page_size", "after", "id", "balance", "currency", "client_id", "iban", "bank_id"]
        );
    }
}
