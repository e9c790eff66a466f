//! Sessions of the console: rows of the sessions of their users, which end as the others do, and earlier when they are idle.

use std::time::Duration;

use serde_json::json;

use super::browser::Browser;
use crate::harness::{ADMIN, PASSWORD, TestApp};

const MINUTE: Duration = Duration::from_mins(1);

#[actix_web::test]
async fn a_session_ends_when_it_is_idle_and_each_request_moves_its_end() {
    let app = TestApp::start().await;
    let browser = Browser::of_admin(&app).await;
    for _ in 0..3 {
        app.clock.advance(29 * MINUTE);
        assert!(browser.is_in().await);
    }
    app.clock.advance(30 * MINUTE);
    assert!(!browser.is_in().await);
    app.clock.advance(MINUTE);
    assert!(!browser.is_in().await, "an ended session does not come back");
}

#[actix_web::test]
async fn a_session_ends_after_half_a_day_however_busy_it_is() {
    let app = TestApp::start().await;
    let browser = Browser::of_admin(&app).await;
    for _ in 0..35 {
        app.clock.advance(20 * MINUTE);
        assert!(browser.is_in().await);
    }
    app.clock.advance(20 * MINUTE);
    assert!(!browser.is_in().await);
}

#[actix_web::test]
async fn a_session_is_listed_among_the_others_and_has_no_refresh_token() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let tokens = app.sql_number("SELECT COUNT(*) FROM refresh_tokens").await;
    let browser = Browser::of(&app, ADMIN).await;
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM refresh_tokens").await, tokens);
    let list = app.get(&admin.token, "/auth/sessions").await.expect(200);
    let sessions = list["results"].as_array().unwrap();
    let (newest, count) = (sessions.last().unwrap(), sessions.len());
    assert_eq!((count, &newest["current"]), (2, &json!(false)));
    app.delete(&admin.token, &format!("/auth/sessions/{}", newest["id"].as_str().unwrap())).await.expect(200);
    assert!(!browser.is_in().await);
}

#[actix_web::test]
async fn logging_out_ends_the_session_and_removes_the_cookie() {
    let app = TestApp::start().await;
    let browser = Browser::of_admin(&app).await;
    let session = browser.session();
    assert_eq!(browser.submit("/console/bank", "/console/logout", &[]).await.leads_to(), "/console/login");
    assert!(!browser.cookies.borrow().contains_key("console"));
    browser.cookies.borrow_mut().insert("console".to_owned(), session);
    assert!(!browser.is_in().await);
}

#[actix_web::test]
async fn a_block_a_new_password_and_a_lost_role_count_at_once() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let user = app.manager(&admin).await;
    let email = "manager@example.com";
    let path = format!("/api/users/{}", user.id);
    let browser = Browser::of(&app, email).await;
    app.put(&admin.token, &path, json!({"is_blocked": true})).await.expect(200);
    assert!(!browser.is_in().await);
    app.put(&admin.token, &path, json!({"is_blocked": false})).await.expect(200);

    let browser = Browser::of(&app, email).await;
    let user = app.person(email).await;
    let body = json!({"existing_password": PASSWORD, "new_password": "another battery horse staple"});
    app.put(&user.token, "/auth/password", body).await.expect(200);
    assert!(!browser.is_in().await);

    let browser = Browser::new(&app);
    browser.log_in(email, "another battery horse staple").await.leads_to();
    app.put(&admin.token, &path, json!({"roles": ["user"]})).await.expect(200);
    let refused = browser.get("/console/bank").await.expect(403);
    assert!(refused.text.contains("For staff"), "{}", refused.text);
}

#[actix_web::test]
async fn without_a_session_a_form_is_refused_and_htmx_is_led_to_the_login() {
    let app = TestApp::start().await;
    app.admin().await;
    let stranger = Browser::new(&app);
    let refused = stranger.post("/console/logout", &[]).await.expect(401);
    assert!(!refused.header("www-authenticate").is_empty());
    let part = stranger.request(reqwest::Method::GET, "/console/users").header("HX-Request", "true");
    let part = stranger.send(part).await.expect(401);
    assert_eq!(part.header("hx-redirect"), "/console/login?next=%2Fconsole%2Fusers");
}
