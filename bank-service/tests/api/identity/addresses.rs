//! An address that cannot be mailed cannot be set; one stored before stays usable, and an administrator can repair it.

use bank_service::store::migrations;
use serde_json::json;

use crate::harness::{PASSWORD, TestApp};

const UNMAILABLE: [&str; 4] = ["jürgen@example.de", "ｖictim@example.com", "\u{fdfa}@example.com", "a@127.0.0.1"];

#[actix_web::test]
async fn an_address_that_cannot_be_mailed_is_refused_wherever_it_is_set() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user("a@example.com").await);
    for bad in UNMAILABLE {
        let registered = app.post_anonymous("/auth/register", json!({"email": bad, "password": PASSWORD})).await;
        assert_eq!(registered.outcome(), (422, "validation_failed"), "{bad}");
        let created = app.post(&admin.token, "/api/users", json!({"email": bad, "password": PASSWORD})).await;
        assert_eq!(created.outcome(), (422, "validation_failed"), "{bad}");
        let changed = app.post(&person.token, "/auth/email/change", json!({"email": bad})).await;
        assert_eq!(changed.outcome(), (422, "validation_failed"), "{bad}");
        let put = app.put(&admin.token, &format!("/api/users/{}", person.id), json!({"email": bad})).await;
        assert_eq!(put.outcome(), (422, "validation_failed"), "{bad}");
    }
}

#[actix_web::test]
async fn every_address_that_can_be_set_is_one_that_email_service_sends_to() {
    for text in UNMAILABLE.into_iter().chain(["John@Bücher.example", "o'neil@localhost", "a+b@c.d", "a@b%2ec"]) {
        let set = bank_service::domain::email::Email::mailable(text);
        let sent = text.parse::<shared_events::EmailAddress>();
        assert_eq!(set.map(|email| email.as_str().to_owned()).ok(), sent.map(|to| to.as_str().to_owned()).ok());
    }
}

#[actix_web::test]
async fn an_international_domain_is_one_address_in_both_its_forms() {
    let app = TestApp::start().await;
    app.post_anonymous("/auth/register", json!({"email": "a@Bücher.example", "password": PASSWORD})).await.expect(201);
    let again = json!({"email": "A@xn--bcher-kva.example", "password": PASSWORD});
    assert_eq!(app.post_anonymous("/auth/register", again).await.outcome(), (409, "conflict"));
    let person = app.person("a@bücher.example").await;
    let me = app.get(&person.token, "/auth/me").await.expect(200);
    assert_eq!(me["email"], "a@xn--bcher-kva.example");
    app.newest_mail("a@xn--bcher-kva.example", "verify-email").await;
}

#[actix_web::test]
async fn an_administrator_gives_a_user_another_address_which_is_not_verified_by_it() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user("a@example.com").await);
    app.user("taken@example.com").await;
    let mail = app.newest_mail("a@example.com", "verify-email").await;
    let path = format!("/api/users/{}", person.id);
    let taken = app.put(&admin.token, &path, json!({"email": "Taken@example.com"})).await;
    assert_eq!(taken.outcome(), (409, "conflict"));
    let changed = app.put(&admin.token, &path, json!({"email": "b@example.com"})).await.item(200);
    assert_eq!((&changed["email"], &changed["email_verified"]), (&json!("b@example.com"), &json!(false)));
    let late = app.post_anonymous("/auth/email/verify", json!({"token": mail.token()})).await;
    assert_eq!(late.outcome(), (401, "invalid_token"), "it was sent to the address before");
    assert_eq!(app.newest_mail("a@example.com", "notice").await.0.params["subject"], "Your e-mail address was changed");
    assert_eq!(app.login("b@example.com", PASSWORD).await.status.as_u16(), 200);
    assert_eq!(app.login("a@example.com", PASSWORD).await.outcome(), (401, "invalid_credentials"));
}

/// Rows in the form of the previous release: keyed by NFKC, domains in Unicode.
#[actix_web::test]
async fn stored_addresses_are_converted_and_a_collision_is_left_for_an_administrator() {
    let app = TestApp::start().await;
    for email in ["a@example.com", "b@example.com", "c@xn--bcher-kva.example", "d@example.com"] {
        app.post_anonymous("/auth/register", json!({"email": email, "password": PASSWORD})).await.expect(201);
    }
    for (id, email, key) in [
        (1, "ｖictim@example.com", "victim@example.com"),
        (2, "b@Bücher.example", "b@bücher.example"),
        (4, "C@bücher.example", "c@bücher.example"),
    ] {
        let change = format!("UPDATE users SET email = '{email}', email_key = '{key}' WHERE id = {id}");
        app.sql_change(change.leak()).await;
    }
    app.sql_change("DELETE FROM __diesel_schema_migrations WHERE version = '20261201000014'").await;
    let url = app.running.state.settings.database_url.clone();
    let upgraded = url.clone();
    let applied = tokio::task::spawn_blocking(move || migrations::upgrade(&upgraded).unwrap()).await.unwrap();
    assert_eq!(applied, ["20261201000014"]);
    assert_eq!(app.login("b@xn--bcher-kva.example", PASSWORD).await.status.as_u16(), 200);
    assert_eq!(app.login("b@bücher.example", PASSWORD).await.status.as_u16(), 200);
    assert_eq!(app.login("ｖictim@example.com", PASSWORD).await.status.as_u16(), 200, "never refused at login");
    app.user("victim@example.com").await;
    let troubled = tokio::task::spawn_blocking(move || migrations::troubled_addresses(&url).unwrap()).await.unwrap();
    assert_eq!((troubled.total, troubled.ids), (2, vec![1, 4]));
    let admin = app.admin().await;
    app.put(&admin.token, "/api/users/4", json!({"email": "d@example.com"})).await.expect(200);
    assert_eq!(app.login("d@example.com", PASSWORD).await.status.as_u16(), 200);
}
