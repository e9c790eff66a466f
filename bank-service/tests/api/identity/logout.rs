//! Ending sessions.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Person, TestApp};

async fn refresh(app: &TestApp, person: &Person) -> (u16, String) {
    let answer = app.post_anonymous("/auth/refresh", json!({"refresh_token": person.refresh_token})).await;
    (answer.status.as_u16(), answer.body["error"].as_str().unwrap_or_default().to_owned())
}

async fn status(app: &TestApp, person: &Person) -> u16 {
    app.get(&person.token, "/auth/me").await.status.as_u16()
}

#[actix_web::test]
async fn logging_out_voids_both_tokens_at_once() {
    let app = TestApp::start().await;
    let (first, second) = (app.user("a@example.com").await, app.person("a@example.com").await);
    assert_eq!(status(&app, &first).await, 200);
    app.post(&first.token, "/auth/logout", Value::Null).await.expect(200);
    assert_eq!(app.get(&first.token, "/auth/me").await.outcome(), (401, "token_revoked"));
    assert_eq!(app.get(&first.token, "/api/banks").await.outcome(), (401, "token_revoked"));
    assert_eq!(refresh(&app, &first).await, (401, "token_revoked".to_owned()));
    assert_eq!(status(&app, &second).await, 200);
}

#[actix_web::test]
async fn logging_out_everywhere_ends_all_sessions_of_this_user_only() {
    let app = TestApp::start().await;
    let (first, second) = (app.user("a@example.com").await, app.person("a@example.com").await);
    let other = app.user("b@example.com").await;
    assert_eq!(status(&app, &second).await, 200);
    let body = app.post(&first.token, "/auth/logout_all", Value::Null).await.expect(200);
    assert_eq!(body["sessions_ended"], 2);
    assert_eq!((status(&app, &first).await, status(&app, &second).await, status(&app, &other).await), (401, 401, 200));
    assert_eq!(refresh(&app, &second).await.0, 401);
}

#[actix_web::test]
async fn sessions_are_listed_and_ended_by_their_owner() {
    let app = TestApp::start().await;
    let (first, second) = (app.user("a@example.com").await, app.person("a@example.com").await);
    let list = app.get(&second.token, "/auth/sessions").await.expect(200);
    assert_eq!((&list["total"], &list["pages"]), (&json!(2), &json!(1)));
    let sessions = list["results"].as_array().unwrap();
    assert_eq!(sessions.iter().map(|s| s["current"].as_bool().unwrap()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(sessions[0]["remote_addr"], "127.0.0.1");
    assert!(!list.to_string().contains(&second.refresh_token));
    let path = format!("/auth/sessions/{}", sessions[0]["id"].as_str().unwrap());
    let ended = app.delete(&second.token, &path).await.expect(200);
    assert_eq!((&ended["msg"], &ended["item"]["id"]), (&json!("item deleted"), &sessions[0]["id"]));
    assert_eq!((status(&app, &first).await, status(&app, &second).await), (401, 200));
    assert_eq!(app.delete(&second.token, &path).await.outcome(), (404, "not_found"));
}

#[actix_web::test]
async fn a_foreign_session_is_answered_like_a_missing_one() {
    let app = TestApp::start().await;
    let (owner, stranger) = (app.user("a@example.com").await, app.user("b@example.com").await);
    let list = app.get(&owner.token, "/auth/sessions").await.expect(200);
    let foreign = format!("/auth/sessions/{}", list["results"][0]["id"].as_str().unwrap());
    let missing = "/auth/sessions/01947028-0a10-7000-8000-0000000000aa";
    for path in [foreign.as_str(), missing, "/auth/sessions/abc"] {
        assert_eq!(app.delete(&stranger.token, path).await.outcome(), (404, "not_found"), "{path}");
    }
    assert_eq!(status(&app, &owner).await, 200);
}

#[actix_web::test]
async fn the_session_list_is_paged_like_every_list() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    for _ in 0..6 {
        app.login("a@example.com", PASSWORD).await.expect(200);
    }
    let page = app.get(&person.token, "/auth/sessions?page_number=2").await.expect(200);
    assert_eq!((page["results"].as_array().unwrap().len(), &page["total"]), (2, &json!(7)));
    let walk = app.get(&person.token, "/auth/sessions?after=&page_size=4").await.expect(200);
    let rest = app.get(&person.token, walk["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(rest["results"].as_array().unwrap().len(), 3);
    assert_eq!(app.get(&person.token, "/auth/sessions?user_id=1").await.status.as_u16(), 422);
}

#[actix_web::test]
async fn auth_routes_require_a_token() {
    let app = TestApp::start().await;
    for path in ["/auth/logout", "/auth/logout_all", "/v1/auth/logout"] {
        assert_eq!(app.post_anonymous(path, Value::Null).await.outcome(), (401, "authorization_required"), "{path}");
    }
    let answer = app.send(app.request(reqwest::Method::GET, "/auth/me", None)).await;
    assert_eq!(answer.outcome(), (401, "authorization_required"));
    assert!(answer.headers.contains_key("www-authenticate"));
    let answer = app.send(app.request(reqwest::Method::GET, "/api/users", None)).await;
    assert_eq!(answer.outcome(), (403, "access_denied"));
}

#[actix_web::test]
async fn a_block_and_a_logout_everywhere_are_announced_by_mail() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user("a@example.com").await);
    let subjects = async || {
        let notices = app.mails("a@example.com").await.into_iter().filter(|mail| mail.0.template == "notice");
        notices.map(|mail| mail.0.params["subject"].clone()).collect::<Vec<_>>()
    };
    app.post(&person.token, "/auth/logout_all", Value::Null).await.expect(200);
    assert_eq!(subjects().await, ["You were logged out everywhere"]);
    let path = format!("/api/users/{}", person.id);
    for blocked in [true, true, false] {
        app.put(&admin.token, &path, json!({"is_blocked": blocked})).await.expect(200);
    }
    assert_eq!(subjects().await, ["You were logged out everywhere", "Your account was blocked"], "once");
}
