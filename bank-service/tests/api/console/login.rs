//! Logging in to the console, with and without a second factor.

use reqwest::header::SET_COOKIE;
use serde_json::json;

use super::browser::Browser;
use crate::harness::{ADMIN, PASSWORD, TestApp};
use crate::identity::authenticator::{Secured, secured};

/// A manager with a second factor.
async fn secured_manager(app: &TestApp) -> Secured {
    let user = secured(app, "a@example.com").await;
    let admin = app.admin().await;
    app.put(&admin.token, &format!("/api/users/{}", user.person.id), json!({"roles": ["manager"]})).await.expect(200);
    user
}

#[actix_web::test]
async fn a_right_password_opens_a_session_and_returns_to_the_page_that_was_asked_for() {
    let app = TestApp::start().await;
    app.admin().await;
    let browser = Browser::new(&app);
    let redirected = browser.get("/console/users?q=7").await;
    assert_eq!(redirected.leads_to(), "/console/login?next=%2Fconsole%2Fusers%3Fq%3D7");
    let form = browser.get("/console/login?next=%2Fconsole%2Fusers%3Fq%3D7").await.expect(200);
    let wrong = [("email", ADMIN), ("password", "a wrong password"), ("next", "/console")];
    let refused = browser.post("/console/login", &wrong).await.expect(401);
    assert!(refused.text.contains("is wrong") && !refused.text.contains("a wrong password"), "{}", refused.text);
    let next = form.field("next");
    let right = [("email", ADMIN), ("password", PASSWORD), ("next", next.as_str())];
    assert_eq!(browser.post("/console/login", &right).await.leads_to(), "/console/users?q=7");
    assert!(browser.is_in().await);
}

#[actix_web::test]
async fn a_login_leads_to_no_other_site() {
    let app = TestApp::start().await;
    app.admin().await;
    for evil in ["https://evil.example/console", "//evil.example/console", "/api/users", "/console/logout"] {
        let fields = [("email", ADMIN), ("password", PASSWORD), ("next", evil)];
        assert_eq!(Browser::new(&app).post("/console/login", &fields).await.leads_to(), "/console", "{evil}");
    }
}

#[actix_web::test]
async fn the_cookies_are_for_this_site_alone_and_hidden_from_scripts() {
    let app = TestApp::start().await;
    app.admin().await;
    let answer = Browser::new(&app).log_in(ADMIN, PASSWORD).await;
    let cookies: Vec<&str> = answer.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies[0].starts_with("console=") && cookies[0].ends_with("; Path=/; HttpOnly; SameSite=Strict"));
    assert!(cookies[1].starts_with("device="), "{cookies:?}");
    let over_tls = TestApp::start_with(|config| config.public_url = "https://bank.example".to_owned()).await;
    over_tls.admin().await;
    let browser = Browser::new(&over_tls);
    let fields = [("email", ADMIN), ("password", PASSWORD), ("next", "/console")];
    let login = browser.request(reqwest::Method::POST, "/console/login").header("origin", "https://bank.example");
    let answer = browser.send(login.form(&fields)).await;
    let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-console=") && cookie.ends_with("; Secure"), "{cookie}");
}

#[actix_web::test]
async fn a_second_factor_is_asked_for_and_taken_once() {
    let app = TestApp::start().await;
    let user = secured_manager(&app).await;
    let browser = Browser::new(&app);
    let asked = browser.log_in(&user.email, PASSWORD).await.expect(200);
    assert!(!browser.is_in().await);
    let mfa_token = asked.field("mfa_token");
    let give = |code: String| {
        let (browser, mfa_token) = (&browser, mfa_token.clone());
        async move {
            let fields = [("mfa_token", mfa_token.as_str()), ("code", code.as_str()), ("next", "/console")];
            browser.post("/console/login/mfa", &fields).await
        }
    };
    give("no code".to_owned()).await.expect(422);
    let wrong = give(user.phone.wrong_code(&app)).await.expect(401);
    assert_eq!(wrong.field("mfa_token"), mfa_token);
    assert_eq!(give(user.phone.code(&app)).await.leads_to(), "/console");
    assert!(browser.is_in().await);
    assert!(give(user.phone.code_in(&app, 1)).await.expect(401).text.contains("Begin again"));
}

#[actix_web::test]
async fn a_recovery_code_is_a_second_factor() {
    let app = TestApp::start().await;
    let user = secured_manager(&app).await;
    let browser = Browser::new(&app);
    let mfa_token = browser.log_in(&user.email, PASSWORD).await.expect(200).field("mfa_token");
    let fields = [("mfa_token", mfa_token.as_str()), ("code", user.recovery_codes[0].as_str()), ("next", "/console")];
    assert_eq!(browser.post("/console/login/mfa", &fields).await.leads_to(), "/console");
    assert!(browser.is_in().await);
}

#[actix_web::test]
async fn a_customer_gets_a_page_for_staff_and_no_session() {
    let app = TestApp::start().await;
    let user = secured(&app, "b@example.com").await;
    let customer = app.user("c@example.com").await;
    let before = app.sql_number("SELECT COUNT(*) FROM sessions").await;
    for email in ["c@example.com", user.email.as_str()] {
        let browser = Browser::new(&app);
        let refused = browser.log_in(email, PASSWORD).await.expect(403);
        assert!(refused.text.contains("For staff"), "{}", refused.text);
        assert!(!browser.is_in().await);
    }
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM sessions").await, before);
    let events = app.events().await;
    let failed = events.iter().filter(|event| event.event_type.as_str() == "security.login_failed");
    let refused = failed.map(|event| &event.body.data).filter(|data| data["detail"] == "not of the staff");
    let users: Vec<_> = refused.map(|data| data["user_id"].as_i64().unwrap()).collect();
    assert_eq!(users, [customer.id, user.person.id], "a right password leaves a record");
}

#[actix_web::test]
async fn logins_of_the_console_count_as_those_of_the_api() {
    let app = TestApp::start_with(|config| config.rate_login_per_minute = 2).await;
    app.running.state.ensure_admin(ADMIN, &service_kit::config::Secret::new(PASSWORD)).await.unwrap();
    let browser = Browser::new(&app);
    browser.log_in(ADMIN, "a wrong password").await.expect(401);
    assert_eq!(app.login(ADMIN, "a wrong password").await.status.as_u16(), 401);
    let refused = browser.log_in(ADMIN, PASSWORD).await.expect(429);
    assert!(!refused.header("retry-after").is_empty());
}
