//! The screen of users: search, roles, block, sessions, second factor; and the password that its changes ask for.

use std::time::Duration;

use serde_json::json;

use super::browser::Browser;
use crate::harness::{ADMIN, PASSWORD, TestApp};
use crate::identity::authenticator::secured;

#[actix_web::test]
async fn a_user_is_found_by_id_address_and_username() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    app.user("b@example.com").await;
    app.put(&user.token, "/auth/me", json!({"username": "ada"})).await.expect(200);
    let browser = Browser::of_admin(&app).await;
    for search in [user.id.to_string(), "A@example.com".to_owned(), "ada".to_owned()] {
        let page = browser.get(&format!("/console/users?q={search}&is_blocked=")).await.expect(200);
        assert!(page.text.contains("a@example.com") && !page.text.contains("b@example.com"), "{search}");
    }
    assert!(browser.get("/console/users?q=nobody").await.expect(200).text.contains("No user matches"));
    browser.get("/console/users?password=x").await.expect(422);
    browser.get("/console/users/999999").await.expect(404);
}

#[actix_web::test]
async fn roles_are_changed_unless_somebody_else_changed_the_user_meanwhile() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    let browser = Browser::of_admin(&app).await;
    let (on, path) = (format!("/console/users/{}", user.id), format!("/console/users/{}/roles", user.id));
    let version = browser.get(&on).await.expect(200).field("version");
    let fields = [("role[]", "manager"), ("role[]", "user"), ("version", version.as_str())];
    assert_eq!(browser.submit(&on, &path, &fields).await.leads_to(), on);
    let page = browser.get(&on).await.expect(200);
    assert!(page.text.contains("roles were changed") && page.text.contains("value=\"manager\" checked"));
    assert!(!browser.get(&on).await.expect(200).text.contains("roles were changed"), "a notice is shown once");
    browser.submit(&on, &path, &fields).await.expect(412);
    let version = page.field("version");
    browser.submit(&on, &path, &[("role[]", "nobody"), ("version", version.as_str())]).await.expect(422);
}

#[actix_web::test]
async fn a_role_that_a_user_has_is_on_its_form_however_many_there_are() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    let admin = app.admin().await;
    for number in 0..100 {
        app.post(&admin.token, "/api/roles", json!({"name": format!("auditor{number}")})).await.item(201);
    }
    let path = format!("/api/users/{}", user.id);
    app.put(&admin.token, &path, json!({"roles": ["user", "auditor99"]})).await.expect(200);
    let page = Browser::of(&app, ADMIN).await.get(&format!("/console/users/{}", user.id)).await.expect(200);
    assert!(page.text.contains("value=\"auditor99\" checked"), "{}", page.text);
}

#[actix_web::test]
async fn a_block_ends_the_sessions_of_a_user_and_can_be_lifted() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    let browser = Browser::of_admin(&app).await;
    let (on, path) = (format!("/console/users/{}", user.id), format!("/console/users/{}/block", user.id));
    for (blocked, status) in [("true", 403), ("false", 200)] {
        let version = browser.get(&on).await.expect(200).field("version");
        let fields = [("is_blocked", blocked), ("version", version.as_str())];
        assert_eq!(browser.submit(&on, &path, &fields).await.leads_to(), on);
        assert_eq!(app.login("a@example.com", PASSWORD).await.status.as_u16(), status);
    }
}

#[actix_web::test]
async fn a_block_is_neither_set_nor_lifted_by_another_word() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    let browser = Browser::of_admin(&app).await;
    let (on, path) = (format!("/console/users/{}", user.id), format!("/console/users/{}/block", user.id));
    let block = async |word: &str| {
        let version = browser.get(&on).await.expect(200).field("version");
        browser.submit(&on, &path, &[("is_blocked", word), ("version", version.as_str())]).await
    };
    block("true").await.expect(303);
    for word in ["", "maybe", "TRUE", "1", "0", "on", "False", " false"] {
        let refused = block(word).await.expect(400).text;
        assert!(refused.contains("a choice that its page does not offer"), "{word:?}: {refused}");
    }
    assert_eq!(app.login("a@example.com", PASSWORD).await.outcome(), (403, "blocked"));
    block("false").await.expect(303);
    app.login("a@example.com", PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn one_session_of_a_user_is_ended() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    let other = app.person("a@example.com").await;
    let list = app.get(&user.token, "/auth/sessions").await.expect(200);
    let sessions = list["results"].as_array().unwrap();
    let current = sessions.iter().find(|session| session["current"] == true).unwrap();
    let browser = Browser::of_admin(&app).await;
    let on = format!("/console/users/{}", user.id);
    let path = format!("{on}/sessions/{}/end", current["id"].as_str().unwrap());
    assert_eq!(browser.submit(&on, &path, &[]).await.leads_to(), on);
    assert_eq!(app.get(&user.token, "/auth/me").await.outcome(), (401, "token_revoked"));
    app.get(&other.token, "/auth/me").await.expect(200);
    browser.submit(&on, &path, &[]).await.expect(404);
    let events = app.events().await;
    let ended = events.iter().rfind(|event| event.event_type.as_str() == "security.logged_out").unwrap();
    assert_eq!(ended.body.data["detail"], "by an administrator");
}

#[actix_web::test]
async fn a_lost_second_factor_is_removed_but_not_ones_own() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let browser = Browser::of_admin(&app).await;
    let on = format!("/console/users/{}", user.person.id);
    let version = browser.get(&on).await.expect(200).field("version");
    let fields = [("version", version.as_str())];
    assert_eq!(browser.submit(&on, &format!("{on}/mfa"), &fields).await.leads_to(), on);
    app.login("a@example.com", PASSWORD).await.expect(200);
    let admin = app.person(ADMIN).await;
    let own = format!("/console/users/{}", admin.id);
    let version = browser.get(&own).await.expect(200).field("version");
    browser.submit(&own, &format!("{own}/mfa"), &[("version", version.as_str())]).await.expect(403);
}

#[actix_web::test]
async fn a_change_asks_for_the_password_once_it_was_given_too_long_ago() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    let browser = Browser::of_admin(&app).await;
    app.clock.advance(Duration::from_secs(301));
    let (on, path) = (format!("/console/users/{}", user.id), format!("/console/users/{}/block", user.id));
    let version = browser.get(&on).await.expect(200).field("version");
    let fields = [("is_blocked", "true"), ("version", version.as_str())];
    let asked = browser.submit(&on, &path, &fields).await;
    let confirm = asked.leads_to().to_owned();
    assert_eq!(confirm, format!("/console/confirm?next=%2Fconsole%2Fusers%2F{}", user.id));
    let next = browser.get(&confirm).await.expect(200).field("next");
    let wrong = [("password", "a wrong password"), ("code", ""), ("next", next.as_str())];
    browser.submit(&confirm, "/console/confirm", &wrong).await.expect(401);
    let right = [("password", PASSWORD), ("code", ""), ("next", next.as_str())];
    assert_eq!(browser.submit(&confirm, "/console/confirm", &right).await.leads_to(), on);
    assert_eq!(browser.submit(&on, &path, &fields).await.leads_to(), on);
    assert_eq!(app.login("a@example.com", PASSWORD).await.outcome(), (403, "blocked"));
}
