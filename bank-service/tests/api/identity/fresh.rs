//! Writes on users, roles and other users' second factors need a proof of the last five minutes.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::authenticator::secured;
use crate::harness::{PASSWORD, TestApp};

#[actix_web::test]
async fn what_an_administrator_writes_needs_a_fresh_token_and_what_it_reads_does_not() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user("a@example.com").await);
    let role = app.post(&admin.token, "/api/roles", json!({"name": "auditor"})).await.item(201);
    app.clock.advance(Duration::from_secs(301));
    let (user, role) = (format!("/api/users/{}", person.id), format!("/api/roles/{}", role["id"]));
    let new = json!({"email": "new@example.com", "password": PASSWORD, "roles": ["admin"]});
    let writes = [
        (Method::POST, "/api/users".to_owned(), new),
        (Method::PUT, user.clone(), json!({"roles": ["admin"]})),
        (Method::DELETE, user.clone(), json!(null)),
        (Method::DELETE, format!("{user}/mfa"), json!(null)),
        (Method::POST, "/api/roles".to_owned(), json!({"name": "other"})),
        (Method::PUT, role.clone(), json!({"name": "other"})),
        (Method::DELETE, role.clone(), json!(null)),
    ];
    for (method, path, body) in &writes {
        let stale = app.send(app.request(method.clone(), path, Some(&admin.token)).json(body)).await;
        assert_eq!(stale.outcome(), (401, "fresh_token_required"), "{method} {path}");
    }
    for path in ["/api/users", "/api/roles", &user, &role] {
        assert_eq!(app.get(&admin.token, path).await.status.as_u16(), 200, "{path}");
    }
    let fresh = app.post(&admin.token, "/auth/reauth", json!({"password": PASSWORD})).await.expect(200);
    let fresh = fresh["access_token"].as_str().unwrap();
    app.put(fresh, &user, json!({"is_blocked": true})).await.expect(200);
}

#[actix_web::test]
async fn an_administrator_cannot_remove_its_own_second_factor() {
    let app = TestApp::start().await;
    app.admin().await;
    let user = secured(&app, "boss@example.com").await;
    let id = shared_events::UserId::try_new(user.person.id).unwrap();
    app.running.state.promote(id).await.unwrap();
    let own = app.delete(&user.person.token, &format!("/api/users/{id}/mfa")).await;
    assert_eq!(own.outcome(), (403, "access_denied"));
    assert_eq!(app.login("boss@example.com", PASSWORD).await.outcome(), (401, "mfa_required"));
}

#[actix_web::test]
async fn a_user_shows_whether_its_logins_need_a_second_factor() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = secured(&app, "a@example.com").await;
    let me = app.get(&user.person.token, "/auth/me").await.expect(200);
    assert_eq!((&me["mfa_enabled"], &me["customer_id"]), (&json!(true), &json!(null)));
    let list = app.get(&admin.token, "/api/users").await.expect(200);
    let shown: Vec<_> = list["results"].as_array().unwrap().iter().map(|user| user["mfa_enabled"].clone()).collect();
    assert_eq!(shown, [json!(false), json!(true)]);
}
