//! Changing an address.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Answer, PASSWORD, Person, TestApp};
use crate::mails::Mail;

const OLD: &str = "old@example.com";
const NEW: &str = "new@example.com";

async fn ask(app: &TestApp, person: &Person, email: &str) -> Answer {
    app.post(&person.token, "/auth/email/change", json!({"email": email})).await
}

async fn confirm(app: &TestApp, token: &str) -> Answer {
    app.post_anonymous("/auth/email/verify", json!({"token": token})).await
}

#[actix_web::test]
async fn a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_notified() {
    let app = TestApp::start().await;
    let person = app.user(OLD).await;
    ask(&app, &person, NEW).await.expect(202);
    assert_eq!(app.get(&person.token, "/auth/me").await.expect(200)["email"], OLD);
    let announced = app.newest_mail(OLD, "notice").await;
    assert_eq!(announced.0.params["subject"], "Your e-mail address is to be changed");
    assert!(!announced.0.params["text"].contains(NEW), "an address in full");
    let pending = app.newest_mail(OLD, "verify-email").await;
    confirm(&app, app.newest_mail(NEW, "verify-email").await.token()).await.expect(200);
    let me = app.get(&person.token, "/auth/me").await.expect(200);
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(NEW), &json!(true)));
    assert_eq!(app.newest_mail(OLD, "notice").await.0.params["subject"], "Your e-mail address was changed");
    assert_eq!(confirm(&app, pending.token()).await.outcome(), (401, "invalid_token"));
    assert_eq!(app.login(OLD, PASSWORD).await.outcome(), (401, "invalid_credentials"));
    assert_eq!(app.login(NEW, PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn it_takes_a_fresh_token_and_an_hour_at_most() {
    let app = TestApp::start().await;
    let person = app.user(OLD).await;
    let same = ask(&app, &person, OLD).await;
    assert_eq!(same.body["errors"], json!({"email": ["is your address already"]}));
    ask(&app, &person, NEW).await.expect(202);
    assert_eq!(ask(&app, &person, NEW).await.outcome(), (429, "too_many_requests"));
    let mail = app.newest_mail(NEW, "verify-email").await;
    app.clock.advance(Duration::from_secs(301));
    assert_eq!(ask(&app, &person, NEW).await.outcome(), (401, "fresh_token_required"));
    app.clock.advance(Duration::from_hours(1));
    assert_eq!(confirm(&app, mail.token()).await.outcome(), (401, "invalid_token"));
    assert_eq!(app.post_anonymous("/auth/email/change", json!({"email": NEW})).await.status.as_u16(), 401);
}

#[actix_web::test]
async fn an_address_of_another_user_is_not_revealed_and_gets_no_link() {
    let app = TestApp::start().await;
    let (person, other) = (app.user(OLD).await, app.user(NEW).await);
    let taken = ask(&app, &person, "NEW@example.com").await;
    let free = ask(&app, &other, "free@example.com").await;
    assert_eq!((taken.status, &taken.body), (free.status, &free.body));
    let links = |mails: &[Mail]| mails.iter().filter(|mail| mail.0.template == "verify-email").count();
    assert_eq!(links(&app.mails(NEW).await), 1, "that of the registration");
    assert_eq!(links(&app.mails("NEW@example.com").await), 0);
}

#[actix_web::test]
async fn two_users_who_confirm_the_same_address_do_not_both_get_it() {
    let app = TestApp::start().await;
    let people = [app.user(OLD).await, app.user("other@example.com").await];
    let mut tokens = Vec::new();
    for person in &people {
        ask(&app, person, NEW).await.expect(202);
        tokens.push(app.newest_mail(NEW, "verify-email").await.token().to_owned());
    }
    let answers = join_all((0..50).map(|n| confirm(&app, &tokens[n % 2]))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 401, 409].contains(&answer.status.as_u16())));
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM users WHERE email_key = 'new@example.com'").await, 1);
}
