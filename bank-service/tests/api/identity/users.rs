//! `/api/users`.

use std::time::Duration;

use serde_json::{Value, json};

use super::authenticator::begin;
use crate::harness::{PASSWORD, TestApp};

fn path(id: i64) -> String {
    format!("/api/users/{id}")
}

#[actix_web::test]
async fn an_administrator_creates_users_with_roles() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let body = json!({"email": "m@example.com", "password": PASSWORD, "roles": ["manager", "user"]});
    let item = app.post(&admin.token, "/api/users", body).await.item(201);
    assert_eq!(item["roles"], json!(["manager", "user"]));
    let plain = json!({"email": "u@example.com", "password": PASSWORD});
    assert_eq!(app.post(&admin.token, "/api/users", plain).await.item(201)["roles"], json!(["user"]));
    let unknown = json!({"email": "x@example.com", "password": PASSWORD, "roles": ["emperor"]});
    let answer = app.post(&admin.token, "/api/users", unknown).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    assert!(answer.body["errors"]["roles"].is_array());
    let list = app.get(&admin.token, "/api/users?page_size=2").await.expect(200);
    assert_eq!((&list["total"], list["results"].as_array().unwrap().len()), (&json!(3), 2));
    let found = app.get(&admin.token, "/api/users?email=M@example.com").await.expect(200);
    assert_eq!(found["results"][0]["id"], item["id"]);
    assert_eq!(app.get(&admin.token, "/api/users?password_hash=x").await.status.as_u16(), 422);
}

#[actix_web::test]
async fn only_administrators_see_others() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (user, manager) = (app.user("a@example.com").await, app.manager(&admin).await);
    for person in [&user, &manager] {
        assert_eq!(app.get(&person.token, &path(person.id)).await.expect(200)["id"], person.id);
        for (id, other) in [(admin.id, "foreign"), (4711, "missing")] {
            assert_eq!(app.get(&person.token, &path(id)).await.outcome(), (403, "access_denied"), "{other}");
        }
        assert_eq!(app.get(&person.token, "/api/users").await.outcome(), (403, "access_denied"));
        let body = json!({"roles": ["admin"]});
        assert_eq!(app.put(&person.token, &path(person.id), body).await.outcome(), (403, "access_denied"));
        assert_eq!(app.delete(&person.token, &path(person.id)).await.outcome(), (403, "access_denied"));
    }
    assert_eq!(app.get(&admin.token, &path(4711)).await.outcome(), (404, "not_found"));
    assert_eq!(app.get(&admin.token, "/api/users/abc").await.outcome(), (404, "not_found"));
}

#[actix_web::test]
async fn a_role_change_counts_at_the_next_request() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = app.user("a@example.com").await;
    assert_eq!(app.get(&user.token, "/api/users").await.status.as_u16(), 403);
    app.put(&admin.token, &path(user.id), json!({"roles": ["admin", "user"]})).await.expect(200);
    assert_eq!(app.get(&user.token, "/api/users").await.status.as_u16(), 200);
    app.put(&admin.token, &path(user.id), json!({"roles": ["user"]})).await.expect(200);
    assert_eq!(app.get(&user.token, "/api/users").await.status.as_u16(), 403);
    let events = app.events().await;
    let changes = events.iter().filter(|event| event.event_type.as_str() == "security.roles_changed");
    assert_eq!(changes.count(), 2);
}

#[actix_web::test]
async fn a_block_ends_all_sessions_at_once() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (user, other) = (app.user("a@example.com").await, app.person("a@example.com").await);
    assert_eq!(app.get(&other.token, "/auth/me").await.status.as_u16(), 200);
    let item = app.put(&admin.token, &path(user.id), json!({"is_blocked": true})).await.item(200);
    assert_eq!((&item["is_blocked"], &item["blocked_on"]), (&json!(true), &json!("2026-01-16T17:10:26Z")));
    for person in [&user, &other] {
        assert_eq!(app.get(&person.token, "/auth/me").await.outcome(), (403, "blocked"));
        let body = json!({"refresh_token": person.refresh_token});
        assert_eq!(app.post_anonymous("/auth/refresh", body).await.outcome(), (403, "blocked"));
    }
    let item = app.put(&admin.token, &path(user.id), json!({"is_blocked": false})).await.item(200);
    assert_eq!(item["blocked_on"], Value::Null);
    assert_eq!(app.get(&user.token, "/auth/me").await.outcome(), (401, "token_revoked"), "old sessions stay ended");
    assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn the_last_administrator_stays() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let own = path(admin.id);
    for body in [json!({"roles": ["user"]}), json!({"is_blocked": true})] {
        assert_eq!(app.put(&admin.token, &own, body).await.outcome(), (409, "conflict"));
    }
    assert_eq!(app.delete(&admin.token, &own).await.outcome(), (409, "conflict"));
    let second = app.with_roles(&admin, "second@example.com", &["admin"]).await;
    app.put(&second.token, &own, json!({"is_blocked": true})).await.expect(200);
    assert_eq!(
        app.delete(&second.token, &path(second.id)).await.outcome(),
        (409, "conflict"),
        "a blocked one does not count"
    );
    app.put(&second.token, &own, json!({"is_blocked": false})).await.expect(200);
    app.delete(&second.token, &path(second.id)).await.expect(200);
}

#[actix_web::test]
async fn two_administrators_cannot_demote_each_other() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let second = app.with_roles(&admin, "second@example.com", &["admin"]).await;
    let demote = json!({"roles": ["user"]});
    let (first_path, second_path) = (path(admin.id), path(second.id));
    let (one, two) = futures_util::future::join(
        app.put(&admin.token, &second_path, demote.clone()),
        app.put(&second.token, &first_path, demote),
    )
    .await;
    let outcomes = [one.status.as_u16(), two.status.as_u16()];
    assert_eq!(outcomes.iter().filter(|status| **status == 200).count(), 1, "{outcomes:?}");
}

#[actix_web::test]
async fn a_stale_change_is_refused() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = app.user("a@example.com").await;
    let etag = app.get(&admin.token, &path(user.id)).await.headers["etag"].to_str().unwrap().to_owned();
    let change = async |etag: &str, roles: Value| {
        let request = app.request(reqwest::Method::PUT, &path(user.id), Some(&admin.token)).header("If-Match", etag);
        app.send(request.json(&json!({"roles": roles}))).await
    };
    let answer = change(&etag, json!(["manager"])).await;
    let newer = answer.headers["etag"].to_str().unwrap().to_owned();
    answer.expect(200);
    assert_ne!(etag, newer);
    assert_eq!(change(&etag, json!(["user"])).await.outcome(), (412, "precondition_failed"));
    assert_eq!(change(&newer, json!(["user"])).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_user_that_changed_without_an_administrator_has_another_tag_and_can_still_be_changed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let role = app.post(&admin.token, "/api/roles", json!({"name": "teller"})).await.item(201);
    let user = app.with_roles(&admin, "a@example.com", &["teller"]).await;
    let tag = async || app.get(&admin.token, &path(user.id)).await.headers["etag"].to_str().unwrap().to_owned();
    let known = async |tag: &str| {
        let request =
            app.request(reqwest::Method::GET, &path(user.id), Some(&admin.token)).header("If-None-Match", tag);
        app.send(request).await.status.as_u16()
    };
    let first = tag().await;
    let mut last = first.clone();
    for what in ["a login", "a second factor", "the new name of a role"] {
        assert_eq!(known(&last).await, 304, "before {what}");
        match what {
            "a login" => {
                app.clock.advance(Duration::from_secs(1));
                app.login("a@example.com", PASSWORD).await.expect(200);
            }
            "a second factor" => {
                let phone = begin(&app, &user).await;
                let body = json!({"otp": phone.code(&app)});
                app.post(&user.token, "/auth/mfa/totp/verify", body).await.expect(200);
            }
            _ => {
                let renamed = json!({"name": "cashier"});
                app.put(&admin.token, &format!("/api/roles/{}", role["id"]), renamed).await.expect(200);
            }
        }
        assert_eq!(known(&last).await, 200, "after {what}");
        let next = tag().await;
        assert_ne!(next, last, "{what}");
        last = next;
    }
    let change = app.request(reqwest::Method::PUT, &path(user.id), Some(&admin.token)).header("If-Match", first);
    let changed = app.send(change.json(&json!({"is_blocked": true}))).await;
    assert_eq!(changed.headers["etag"].to_str().unwrap(), tag().await);
    changed.expect(200);
}

#[actix_web::test]
async fn a_deleted_user_is_gone_with_its_sessions() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = app.user("a@example.com").await;
    assert_eq!(app.get(&user.token, "/auth/me").await.status.as_u16(), 200);
    let answer = app.delete(&admin.token, &path(user.id)).await.expect(200);
    assert_eq!((&answer["msg"], &answer["item"]["email"]), (&json!("item deleted"), &json!("a@example.com")));
    assert_eq!(app.get(&user.token, "/auth/me").await.outcome(), (401, "token_revoked"));
    assert_eq!(app.get(&admin.token, &path(user.id)).await.outcome(), (404, "not_found"));
    assert_eq!(app.login("a@example.com", PASSWORD).await.outcome(), (401, "invalid_credentials"));
    assert!(app.event_types(0).await.contains(&"user.deleted".to_owned()));
    app.user("a@example.com").await;
}

#[actix_web::test]
async fn faults_of_a_user_change_are_named_and_change_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = app.user("a@example.com").await;
    let body = json!({"email": "no address", "roles": [], "is_blocked": "yes", "height": 3});
    let answer = app.put(&admin.token, &path(user.id), body).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    let names: Vec<_> = answer.body["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["email", "height", "is_blocked", "roles"]);
    let roles = json!(["emperor", "user", "pilot"]);
    let strangers = json!(["there is no role emperor", "there is no role pilot"]);
    let body = json!({"email": "no address", "roles": roles});
    let answer = app.put(&admin.token, &path(user.id), body).await;
    assert!(answer.body["errors"]["email"].is_array(), "{}", answer.body);
    assert_eq!(answer.body["errors"]["roles"], strangers, "{}", answer.body);
    let body = json!({"email": "x@example.com", "password": "short", "roles": roles});
    let answer = app.post(&admin.token, "/api/users", body).await;
    assert!(answer.body["errors"]["password"].is_array(), "{}", answer.body);
    assert_eq!(answer.body["errors"]["roles"], strangers, "{}", answer.body);
    let unknown = app.put(&admin.token, &path(user.id), json!({"roles": ["emperor"], "is_blocked": true})).await;
    assert_eq!(unknown.status.as_u16(), 422);
    let item = app.get(&admin.token, &path(user.id)).await.expect(200);
    assert_eq!((&item["roles"], &item["is_blocked"]), (&json!(["user"]), &json!(false)));
}
