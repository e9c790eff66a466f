//! The parts of an operation's description that follow from its method, pattern and rule.

use service_kit::http::openapi::{BEARER, FAULTS, add_etag, conditional_change, conditional_read, put_problem};
use service_kit::http::paging::{Filter, IdKind};
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{PathItem, RefOr};

use super::parts;
use crate::domain::policy::{Method, Rule, Who, rule_of_route};
use crate::http::money::ENTRY_FILTERS;
use crate::store::{accounts, branches, cards, clients, ledger, named, roles, users};

pub(super) fn operation_of(item: &mut PathItem, method: Method) -> Option<&mut Operation> {
    match method {
        Method::Get => item.get.as_mut(),
        Method::Post => item.post.as_mut(),
        Method::Put => item.put.as_mut(),
        Method::Delete => item.delete.as_mut(),
    }
}

/// Adds what is missing; what the handler says itself stays.
pub(super) fn complete(operation: &mut Operation, method: Method, path: &str) {
    let filters = if method == Method::Get { filters(path) } else { None };
    let in_path = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(parts::path_id);
    let mut parameters: Vec<Parameter> = in_path.collect();
    if let Some(filters) = filters {
        parameters.extend(parts::page(if path == "/api/transfers" { IdKind::Uuid } else { IdKind::Number }));
        parameters.extend(filters.iter().map(parts::filter));
    }
    if takes_key(method, path) {
        parameters.push(parts::idempotency_key());
    }
    add_parameters(operation, parameters);
    if path.starts_with("/api/") && matches!(method, Method::Put | Method::Delete) {
        conditional_change(operation);
    }
    if let Some(rule) = rule_of_route(method, path) {
        add_access(operation, rule);
        for (status, description) in problems(rule, method, path, filters.is_some()) {
            put_problem(operation, status, description);
        }
    }
    let has_version = !path.starts_with("/api/events/") && !path.starts_with("/api/dead-letters/");
    let is_item = path.ends_with("/{id}") && path.starts_with("/api/") && has_version;
    if is_item && method == Method::Put {
        add_etag(operation);
    }
    if is_item && method == Method::Get {
        conditional_read(operation);
    }
}

/// Whether the request may be repeated under an `Idempotency-Key`.
fn takes_key(method: Method, path: &str) -> bool {
    // A test notification is sent each time, a ticket is a secret, and one check runs at a time: none is idempotent by key.
    let without = ["/push-test", "/ticket", "/verify"];
    let creates = path.starts_with("/api/") && !without.iter().any(|end| path.ends_with(end));
    method == Method::Post && (creates || path == "/auth/register")
}

/// The filters of the lists of this module's resources.
fn filters(path: &str) -> Option<&'static [Filter]> {
    match path {
        "/api/banks" | "/api/cities" | "/api/social-statuses" => Some(named::FILTERS),
        "/api/branches" | "/api/banks/{bank_id}/branches" => Some(branches::FILTERS),
        "/api/clients" => Some(clients::FILTERS),
        "/api/accounts" | "/api/banks/{bank_id}/accounts" | "/api/clients/{client_id}/accounts" => {
            Some(accounts::FILTERS)
        }
        "/api/cards" | "/api/accounts/{account_id}/cards" => Some(cards::FILTERS),
        "/api/users" => Some(users::FILTERS),
        "/api/roles" => Some(roles::FILTERS),
        "/api/transfers" => Some(ledger::TRANSFER_FILTERS),
        "/api/accounts/{id}/entries" | "/api/cards/{id}/entries" => Some(ENTRY_FILTERS),
        "/api/ledger/accounts" => Some(ledger::LEDGER_FILTERS),
        "/auth/sessions" => Some(&[]),
        _ => None,
    }
}

fn add_parameters(operation: &mut Operation, parameters: Vec<Parameter>) {
    let given = operation.parameters.get_or_insert_default();
    for parameter in parameters {
        let known = given.iter().any(|given| matches!(given, RefOr::T(given) if given.name == parameter.name));
        if !known {
            given.push(RefOr::T(parameter));
        }
    }
}

fn add_access(operation: &mut Operation, rule: &Rule) {
    let about = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{about}\n\n{}", rule.text()).trim().to_owned());
    let security = match rule.any {
        Who::Everybody => SecurityRequirement::default(),
        Who::Nobody | Who::Admin | Who::Staff | Who::AnyRole => SecurityRequirement::new(BEARER, Vec::<String>::new()),
    };
    operation.security = Some(vec![security]);
}

/// Statuses that a route of this method, pattern and rule can answer with, and why; the server's own come from `finish`.
fn problems(rule: &Rule, method: Method, path: &str, is_list: bool) -> Vec<(&'static str, &'static str)> {
    let mut problems = vec![
        ("400", "The request cannot be read: `malformed_request`"),
        ("426", "`X-Client-Version` is below the least that is served: `client_too_old`"),
    ];
    if rule.any != Who::Everybody {
        problems.push(("401", "No token below `/auth`: `authorization_required`; or a bad one: `invalid_token`, `token_expired`, `token_revoked`"));
        problems
            .push(("403", "No token below `/api`, the wrong role, or not the caller's: `access_denied`; or `blocked`"));
    }
    if path.contains('{') || is_list {
        problems.push(("404", "`not_found`, for those who may know; also a page beyond the end"));
    }
    if method != Method::Get && path.starts_with("/api/") {
        problems.push(("409", "Taken, in use, or not possible in this state: `conflict`"));
    }
    if is_list || takes_key(method, path) {
        problems.push(("422", FAULTS));
    }
    problems
}
