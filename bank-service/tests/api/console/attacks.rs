//! Attacks on the console, each refused.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, COOKIE, ORIGIN, REFERER};
use serde_json::json;

use super::browser::{Browser, SCREENS};
use crate::harness::{ADMIN, PASSWORD, TestApp};
use crate::resources::fixture::Fixture;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

#[actix_web::test]
async fn a_cookie_that_was_planted_before_the_login_is_worth_nothing_after_it() {
    let app = TestApp::start().await;
    app.admin().await;
    let browser = Browser::new(&app);
    let planted = "A".repeat(43);
    browser.cookies.borrow_mut().insert("console".to_owned(), planted.clone());
    assert!(!browser.is_in().await);
    browser.log_in(ADMIN, PASSWORD).await.leads_to();
    let first = browser.session();
    assert_ne!(first, planted);
    browser.log_in(ADMIN, PASSWORD).await.leads_to();
    assert_ne!(browser.session(), first, "each login makes a new cookie");
    browser.cookies.borrow_mut().insert("console".to_owned(), planted);
    assert!(!browser.is_in().await);
}

#[actix_web::test]
async fn a_form_of_another_site_or_without_the_token_changes_nothing() {
    let app = TestApp::start().await;
    let user = app.user("a@example.com").await;
    let browser = Browser::of_admin(&app).await;
    let other = Browser::of(&app, ADMIN).await;
    let page = browser.get(&format!("/console/users/{}", user.id)).await.expect(200);
    let (token, version) = (page.field("_token"), page.field("version"));
    let foreign_token = other.get("/console/users").await.expect(200).field("_token");
    let (own, path) = (app.url(""), format!("/console/users/{}/block", user.id));
    for (header, token) in [
        (Some((ORIGIN.as_str(), "https://evil.example")), Some(&token)),
        (Some((ORIGIN.as_str(), "null")), Some(&token)),
        (Some((REFERER.as_str(), "https://evil.example/console/users")), Some(&token)),
        (None, Some(&token)),
        (Some((ORIGIN.as_str(), own.as_str())), None),
        (Some((ORIGIN.as_str(), own.as_str())), Some(&foreign_token)),
        (Some((ORIGIN.as_str(), own.as_str())), Some(&version)),
    ] {
        let mut fields = vec![("is_blocked", "true"), ("version", version.as_str())];
        fields.extend(token.map(|token| ("_token", token.as_str())));
        let mut request = browser.request(Method::POST, &path).form(&fields);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let refused = browser.send(request).await.expect(403);
        assert!(refused.text.contains("Nothing was changed"), "{header:?}");
    }
    let cross_site = browser.request(Method::POST, &path).header(ORIGIN, &own).header("sec-fetch-site", "cross-site");
    let fields = [("is_blocked", "true"), ("version", version.as_str()), ("_token", token.as_str())];
    browser.send(cross_site.form(&fields)).await.expect(403);
    app.get(&user.token, "/auth/me").await.expect(200);
    browser.post(&path, &fields).await.expect(303);
    assert_eq!(app.get(&user.token, "/auth/me").await.outcome(), (403, "blocked"));
}

#[actix_web::test]
async fn another_site_cannot_log_a_browser_in() {
    let app = TestApp::start().await;
    app.admin().await;
    let browser = Browser::new(&app);
    let fields = [("email", ADMIN), ("password", PASSWORD), ("next", "/console")];
    for path in ["/console/login", "/console/login/mfa"] {
        let login = browser.request(Method::POST, path).header(ORIGIN, "https://evil.example").form(&fields);
        let refused = browser.send(login).await.expect(403);
        assert!(refused.header("set-cookie").is_empty());
    }
}

#[actix_web::test]
async fn a_form_of_a_page_that_was_not_opened_by_the_public_address_names_it() {
    let app = TestApp::start_with(|config| config.public_url = "https://bank.example".to_owned()).await;
    app.admin().await;
    let refused = Browser::new(&app).log_in(ADMIN, PASSWORD).await.expect(403);
    assert!(
        refused.text.contains("The console is at https:&#x2f;&#x2f;bank.example&#x2f;console."),
        "{}",
        refused.text
    );
}

#[actix_web::test]
async fn the_cookie_is_no_credential_of_the_api_and_a_token_of_the_api_opens_no_page() {
    let app = TestApp::start().await;
    let browser = Browser::of_admin(&app).await;
    let session = browser.session();
    for path in ["/auth/me", "/api/users", "/v1/api/users"] {
        let by_cookie = app.request(Method::GET, path, None).header(COOKIE, format!("console={session}"));
        assert!([401, 403].contains(&app.send(by_cookie).await.status.as_u16()), "{path}");
        let as_bearer = app.get(&session, path).await;
        assert_eq!(as_bearer.status.as_u16(), 401, "{path}");
    }
    let refresh = app.post_anonymous("/auth/refresh", json!({"refresh_token": session})).await;
    assert_eq!(refresh.outcome(), (401, "invalid_token"));
    let token = app.person(ADMIN).await.token;
    let stranger = Browser::new(&app);
    let page = stranger.request(Method::GET, "/console/users").header(AUTHORIZATION, format!("Bearer {token}"));
    assert!(stranger.send(page).await.leads_to().starts_with("/console/login"));
}

#[actix_web::test]
async fn every_answer_forbids_frames_inline_script_and_caching() {
    let fixture = Fixture::new().await;
    let (staff, stranger) = (Browser::of(&fixture.app, ADMIN).await, Browser::new(&fixture.app));
    let mut answers = Vec::new();
    for path in SCREENS.into_iter().chain(["/console", "/console/nowhere", "/console/users/0", "/console/login"]) {
        answers.push((path, staff.get(path).await));
        answers.push((path, stranger.get(path).await));
    }
    answers.push(("a form", stranger.post("/console/logout", &[]).await));
    for (path, answer) in answers {
        assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "forms of {path} need an origin");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        if answer.status != 303 {
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        }
    }
}

#[actix_web::test]
async fn markup_that_users_have_stored_is_shown_as_text() {
    let fixture = Fixture::new().await;
    let app = &fixture.app;
    // No request stores such a name; a row of another program might have one.
    app.sql_change("UPDATE users SET username = '<script>alert(1)</script>' WHERE email = 'ada@example.com'").await;
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    let login = app.request(Method::POST, "/auth/login", None).header("user-agent", MARKUP).json(&login);
    app.send(login).await.expect(200);
    let mut body =
        json!({"from": {"account_id": fixture.ada.account}, "to": {"account_id": fixture.bob.account}, "amount": 1});
    body["description"] = MARKUP.into();
    let transfer = app.post(fixture.ada.token(), "/api/transfers", body).await.item(201);
    let browser = Browser::of(app, ADMIN).await;
    for path in [
        format!("/console/users/{}", fixture.ada.person.id),
        format!("/console/bank/transfers/{}", transfer["id"].as_str().unwrap()),
        format!("/console/bank/accounts/{}", fixture.ada.account),
    ] {
        let page = browser.get(&path).await.expect(200);
        assert!(page.text.contains("&lt;script&gt;alert(1)"), "{path}");
        assert!(!page.text.contains("<script>") && !page.text.contains("<img"), "{path}");
    }
    let searched = browser.get("/console/users?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await.expect(200);
    assert!(!searched.text.contains("<script>"), "{}", searched.text);
}

#[actix_web::test]
async fn a_manager_sees_no_users_and_changes_none() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.manager(&admin).await;
    let browser = Browser::of(&app, "manager@example.com").await;
    browser.get("/console/users").await.expect(403);
    let page = browser.get("/console/bank").await.expect(200);
    assert!(!page.text.contains(">Users<") && page.text.contains(">Bank<"), "{}", page.text);
    let fields = [("is_blocked", "true"), ("version", "1")];
    let path = format!("/console/users/{}/block", admin.id);
    browser.submit("/console/bank", &path, &fields).await.expect(403);
    assert!(Browser::of(&app, ADMIN).await.is_in().await);
}
