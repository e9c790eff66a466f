//! The access table, checked: every rule, every kind of caller. The identity tests check `/auth`.

use bank_service::domain::policy::{Action, Method, RULES, Rule};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::callers::{CALLERS, Caller, Callers, allowed, body_of, call, fresh_item, is_own_list, path_of, path_to_do};
use super::fixture::Fixture;

/// The routes below `/api`.
fn routes() -> impl Iterator<Item = (&'static Rule, Method, &'static str)> {
    let all = RULES.iter().flat_map(|rule| rule.routes.iter().map(move |(method, path)| (rule, *method, *path)));
    // A stream does not end by itself: its tests are in `changes`.
    // Of a batch each item is judged by itself: its tests are in `money`.
    let apart = [Action::StreamChanges, Action::CreateTransfers];
    all.filter(move |(rule, _, path)| path.starts_with("/api/") && !apart.contains(&rule.action))
}

/// Refusals come first: they must change nothing.
#[actix_web::test]
async fn a_caller_that_the_table_does_not_name_is_refused_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let callers = Callers::new(&fixture).await;
    let before = fixture.snapshot().await;
    let mut refused = 0;
    for (rule, method, pattern) in routes() {
        let path = path_of(rule.action, pattern, &fixture).await;
        for caller in CALLERS.into_iter().filter(|caller| !allowed(rule, *caller)) {
            if is_own_list(rule.action, pattern) && !matches!(caller, Caller::Anonymous | Caller::Blocked) {
                continue;
            }
            let token = callers.token(&fixture, caller);
            let status = call(&fixture, method, &path, token, body_of(rule.action, &fixture)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{caller:?} {method:?} {path}");
            refused += 1;
        }
    }
    assert!(refused > 150, "{refused}");
    assert_eq!(fixture.snapshot().await, before);
}

/// Permitted callers are not refused; only creating a client for a user who has one conflicts.
#[actix_web::test]
async fn every_caller_that_the_table_names_is_permitted() {
    let fixture = Fixture::new().await;
    let callers = Callers::new(&fixture).await;
    for (rule, method, pattern) in routes().filter(|(_, method, _)| *method != Method::Delete) {
        for caller in CALLERS.into_iter().filter(|caller| allowed(rule, *caller)) {
            let path = path_to_do(rule.action, pattern, &fixture).await;
            let token = callers.token(&fixture, caller);
            let status = call(&fixture, method, &path, token, body_of(rule.action, &fixture)).await;
            let makes = method == Method::Post && !pattern.starts_with("/api/dead-letters/");
            let done = match rule.action {
                Action::TestDevice => StatusCode::ACCEPTED,
                Action::CreateClient => StatusCode::CONFLICT,
                Action::VoidTransfer => StatusCode::OK,
                // The dry answer of a verification that runs.
                Action::VerifyLedger if method == Method::Post => StatusCode::ACCEPTED,
                _ if makes => StatusCode::CREATED,
                _ => StatusCode::OK,
            };
            assert_eq!(status, done, "{caller:?} {method:?} {path}");
        }
    }
}

/// Each deletion that the table allows, by each permitted caller, on a bank of its own.
#[actix_web::test]
async fn who_may_delete_can() {
    let deletions =
        RULES.iter().filter(|rule| rule.routes[0].0 == Method::Delete && rule.routes[0].1.starts_with("/api/"));
    let mut cases: Vec<(&Rule, &str, Caller)> = Vec::new();
    for rule in deletions {
        for caller in CALLERS.into_iter().filter(|caller| allowed(rule, *caller)) {
            cases.extend(rule.routes.iter().map(|(_, pattern)| (rule, *pattern, caller)));
        }
    }
    assert!(cases.len() > 15);
    let fixture = Fixture::new().await;
    let callers = Callers::new(&fixture).await;
    for (rule, pattern, caller) in cases {
        let path = fresh_item(rule.action, pattern, &fixture).await;
        let status = call(&fixture, Method::Delete, &path, callers.token(&fixture, caller), Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{caller:?} {path}");
    }
}

#[actix_web::test]
async fn a_promotion_and_a_block_count_at_the_next_request() {
    let fixture = Fixture::new().await;
    let user = fixture.app.user("new@example.com").await;
    let body = json!({"name": "Another Bank"});
    assert_eq!(fixture.app.post(&user.token, "/api/banks", body.clone()).await.outcome(), (403, "access_denied"));
    let path = format!("/api/users/{}", user.id);
    fixture.app.put(&fixture.admin.token, &path, json!({"roles": ["manager"]})).await.expect(200);
    fixture.app.post(&user.token, "/api/banks", body).await.expect(201);
    fixture.app.put(&fixture.admin.token, &path, json!({"is_blocked": true})).await.expect(200);
    assert_eq!(fixture.app.get(&user.token, "/api/banks").await.status.as_u16(), 403);
}
