//! Administrators created by an operator: never from an account that may be a stranger's.

use bank_service::identity::users::admin::AdminOutcome;
use serde_json::{Value, json};
use service_kit::config::Secret;

use crate::harness::{ADMIN, PASSWORD, TestApp};

const CHOSEN: &str = "the administrator chose this one";

async fn ensure(app: &TestApp, email: &str) -> AdminOutcome {
    app.running.state.ensure_admin(email, &Secret::new(CHOSEN)).await.unwrap()
}

async fn roles(app: &TestApp, token: &str) -> Value {
    app.get(token, "/auth/me").await.expect(200)["roles"].clone()
}

async fn verify(app: &TestApp, email: &str) {
    let mail = app.newest_mail(email, "verify-email").await;
    app.post_anonymous("/auth/email/verify", json!({"token": mail.token()})).await.expect(200);
}

#[actix_web::test]
async fn a_stranger_who_registered_the_address_first_is_not_promoted() {
    let app = TestApp::start().await;
    let stranger = app.user("ops@example.com").await;
    let outcome = ensure(&app, "ops@example.com").await;
    assert!(matches!(outcome, AdminOutcome::Refused { there_is_another: false, .. }), "{outcome:?}");
    assert_eq!(roles(&app, &stranger.token).await, json!(["user"]));
    app.admin().await;
    let outcome = ensure(&app, "ops@example.com").await;
    assert!(matches!(outcome, AdminOutcome::Refused { there_is_another: true, .. }), "{outcome:?}");
}

#[actix_web::test]
async fn a_verified_account_is_promoted_if_its_address_is_written_alike() {
    let app = TestApp::start().await;
    let colleague = app.user("Ops@example.com").await;
    verify(&app, "Ops@example.com").await;
    assert!(matches!(ensure(&app, "ops@example.com").await, AdminOutcome::Refused { .. }));
    assert!(matches!(ensure(&app, "Ops@Example.com").await, AdminOutcome::Promoted(_)));
    assert_eq!(roles(&app, &colleague.token).await, json!(["admin", "user"]));
    assert!(matches!(ensure(&app, "Ops@example.com").await, AdminOutcome::Unchanged(_)));
}

#[actix_web::test]
async fn a_blocked_account_is_neither_promoted_nor_unblocked_by_its_address() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user("ops@example.com").await);
    verify(&app, "ops@example.com").await;
    let path = format!("/api/users/{}", person.id);
    app.put(&admin.token, &path, json!({"is_blocked": true})).await.expect(200);
    assert!(matches!(ensure(&app, "ops@example.com").await, AdminOutcome::Refused { .. }));
    assert_eq!(app.login("ops@example.com", PASSWORD).await.outcome(), (403, "blocked"));
}

#[actix_web::test]
async fn an_operator_promotes_by_id_whatever_the_address() {
    let app = TestApp::start().await;
    let person = app.user("ops@example.com").await;
    let id = shared_events::UserId::try_new(person.id).unwrap();
    assert_eq!(app.running.state.promote(id).await.unwrap(), AdminOutcome::Promoted(id));
    assert_eq!(roles(&app, &person.token).await, json!(["admin", "user"]));
    assert_eq!(app.running.state.promote(id).await.unwrap(), AdminOutcome::Unchanged(id));
}

#[actix_web::test]
async fn a_first_administrator_is_made_once_however_many_replicas_start() {
    let app = TestApp::start().await;
    let secret = Secret::new(CHOSEN);
    let addresses: Vec<String> = (0..8).map(|n| format!("admin{n}@example.com")).collect();
    let starting = addresses.iter().map(|email| app.running.state.ensure_first_admin(email, &secret));
    let outcomes: Vec<_> = futures_util::future::join_all(starting).await.into_iter().map(Result::unwrap).collect();
    let created = outcomes.iter().filter(|outcome| matches!(outcome, AdminOutcome::Created(_))).count();
    assert_eq!(created, 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == AdminOutcome::Present).count(), 7);
}

#[actix_web::test]
async fn an_administrator_is_left_as_it_is() {
    let app = TestApp::start().await;
    app.admin().await;
    assert!(matches!(ensure(&app, ADMIN).await, AdminOutcome::Unchanged(_)));
    assert_eq!(app.login(ADMIN, PASSWORD).await.status.as_u16(), 200, "its password stays");
}

#[actix_web::test]
async fn the_reason_why_an_administrator_cannot_be_made_is_reported_once() {
    let app = TestApp::start().await;
    for (email, password, expected) in [
        (ADMIN, "short", "the password: must have at least 8 characters"),
        ("nobody", PASSWORD, "the e-mail address: must be an e-mail address such as name@example.com"),
    ] {
        let refused = app.running.state.ensure_admin(email, &Secret::new(password)).await.unwrap_err();
        let line = format!("{:#}", anyhow::Error::from(refused));
        assert!(line.starts_with(expected) && line.matches("must ").count() == 1, "{line}");
    }
}
