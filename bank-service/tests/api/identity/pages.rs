//! The pages of links in mails, as users see them.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, TestApp};

const ADDRESS: &str = "a@example.com";
const VOID: &str = "<title>This link is not valid</title>";

async fn submit(app: &TestApp, path: &str, form: &str) -> Answer {
    let request = app.request(Method::POST, path, None).header("content-type", "application/x-www-form-urlencoded");
    app.send(request.body(form.to_owned())).await
}

async fn open(app: &TestApp, path: &str) -> Answer {
    app.send(app.request(Method::GET, path, None)).await
}

#[actix_web::test]
async fn every_page_is_readable_on_a_telephone_and_in_the_dark() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    let verify = format!("/auth/email/verify/{}", app.newest_mail(ADDRESS, "verify-email").await.token());
    let (reset, callback) = (format!("/auth/password/reset/{}", "A".repeat(43)), "/auth/social/github/callback");
    for path in [&verify, &reset, callback, "/docs/errors/not_found", "/docs/errors/blocked"] {
        let page = open(&app, path).await.expect(200).as_str().unwrap().to_owned();
        for part in ["<main><h1>", "color-scheme:light dark", "name=\"viewport\"", "pre{overflow:auto"] {
            assert!(page.contains(part), "{path} has no {part}");
        }
        assert!(!page.contains("<script"), "{path}");
    }
}

#[actix_web::test]
async fn a_body_that_is_no_form_is_refused_as_such_and_changes_nothing() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    app.post_anonymous("/auth/password/forgot", json!({"email": ADDRESS})).await.expect(202);
    let verify = format!("/auth/email/verify/{}", app.newest_mail(ADDRESS, "verify-email").await.token());
    let reset = format!("/auth/password/reset/{}", app.newest_mail(ADDRESS, "reset-password").await.token());
    let body = r#"{"password":"another horse and another staple","email":"a@example.com"}"#;
    for path in [&verify, &reset] {
        for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", ""] {
            let request = app.request(Method::POST, path, None).header("content-type", kind).body(body);
            let answer = app.send(request).await;
            assert_eq!(answer.outcome(), (415, "unsupported_media_type"), "{path} {kind}");
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{path} {kind}");
        }
    }
    let form = "password=another+horse+and+another+staple";
    submit(&app, &verify, "").await.expect(200);
    submit(&app, &reset, form).await.expect(200);
}

#[actix_web::test]
async fn a_void_link_is_reported_and_another_one_is_sent_on_request() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    let mail = app.newest_mail(ADDRESS, "verify-email").await.token().to_owned();
    let path = format!("/auth/email/verify/{mail}");
    app.clock.advance(Duration::from_hours(25));
    let void = submit(&app, &path, "").await;
    let shown = void.body.to_string();
    assert!(void.status == 401 && shown.contains(VOID) && shown.contains("Send me another link"), "{shown}");
    let words = submit(&app, &path, "email=a%40example.com").await.expect(202);
    let another = app.newest_mail(ADDRESS, "verify-email").await.token().to_owned();
    assert_ne!(another, mail);
    for nobody in ["email=nobody%40example.com", "email=nonsense", "email=a%40example.com"] {
        assert_eq!(submit(&app, &path, nobody).await.expect(202), words, "{nobody}: the same words");
    }
    assert_eq!(
        app.mails(ADDRESS).await.iter().filter(|mail| mail.0.template == "verify-email").count(),
        2,
        "one a minute"
    );
    let confirmed = submit(&app, &format!("/auth/email/verify/{another}"), "").await;
    assert!(confirmed.status == 200 && confirmed.body.to_string().contains("<title>Thank you</title>"));
    app.clock.advance(Duration::from_mins(2));
    submit(&app, &path, "email=a%40example.com").await.expect(202);
    assert_eq!(app.mails(ADDRESS).await.iter().filter(|mail| mail.0.template == "verify-email").count(), 2, "proved");
    let made_up = submit(&app, &format!("/auth/email/verify/{}", "A".repeat(43)), "").await;
    assert!(made_up.status == 401 && made_up.body.to_string().contains(VOID));
}

/// A link that was used itself, or became void when another link for the same address was used.
#[actix_web::test]
async fn each_link_of_a_confirmed_address_reports_that_it_is_confirmed() {
    let app = TestApp::start().await;
    let person = app.user(ADDRESS).await;
    let first = app.newest_mail(ADDRESS, "verify-email").await.token().to_owned();
    app.clock.advance(Duration::from_mins(2));
    app.post(&person.token, "/auth/email/verification", json!({})).await.expect(202);
    let second = app.newest_mail(ADDRESS, "verify-email").await.token().to_owned();
    submit(&app, &format!("/auth/email/verify/{second}"), "").await.expect(200);
    for token in [&first, &second] {
        let path = format!("/auth/email/verify/{token}");
        for answer in [submit(&app, &path, "").await, open(&app, &path).await] {
            assert!(answer.status == 200 && answer.body.to_string().contains("Already confirmed"), "{}", answer.body);
        }
    }
    let admin = app.admin().await;
    app.put(&admin.token, &format!("/api/users/{}", person.id), json!({"is_blocked": true})).await.expect(200);
    assert_eq!(submit(&app, &format!("/auth/email/verify/{second}"), "").await.status.as_u16(), 401, "blocked");
}

#[actix_web::test]
async fn the_page_for_a_password_names_whose_it_is_and_a_void_one_sends_another() {
    let app = TestApp::start().await;
    app.user(ADDRESS).await;
    app.post_anonymous("/auth/password/forgot", json!({"email": ADDRESS})).await.expect(202);
    let path = format!("/auth/password/reset/{}", app.newest_mail(ADDRESS, "reset-password").await.token());
    let page = open(&app, &path).await.expect(200).as_str().unwrap().to_owned();
    let name = "name=\"username\" value=\"a@example.com\" autocomplete=\"username\"";
    assert!(page.contains(name), "{page}");
    let refused = submit(&app, &path, "username=a%40example.com&password=short").await;
    assert!(refused.status == 422 && refused.body.as_str().unwrap().contains(name), "{}", refused.body);
    submit(&app, &path, "username=a%40example.com&password=another+horse+and+another+staple").await.expect(200);
    assert!(!open(&app, &path).await.body.to_string().contains(ADDRESS), "a spent link names nobody");
    let void = submit(&app, &path, "password=another+horse+and+another+staple").await;
    assert!(void.status == 401 && void.body.to_string().contains(VOID), "{}", void.body);
    app.clock.advance(Duration::from_mins(2));
    let before = app.mails(ADDRESS).await.len();
    submit(&app, &path, "email=A%40Example.com").await.expect(202);
    assert_eq!(app.mails(ADDRESS).await.len(), before + 1);
}
