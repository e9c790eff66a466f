//! Forgotten passwords, reset by link and by code.

use serde_json::json;

use crate::fixture::{Fixture, OTHER, PASSWORD, Person};
use crate::inbox::Mail;

const RESET: &str = "/auth/password/reset/";

/// A user who has forgotten the password, and the reset mail.
async fn forgetful(fixture: &Fixture, who: &str) -> (Person, Mail) {
    let person = fixture.register(who).await;
    let known = fixture.post(None, "/auth/password/forgot", json!({"email": person.email}), 202).await;
    let nobody = json!({"email": fixture.address("nobody")});
    assert_eq!(fixture.post(None, "/auth/password/forgot", nobody, 202).await, known);
    let mail = fixture.inbox.mail(&person.email, "Reset your password").await;
    assert!(mail.link(&fixture.bank).contains(RESET), "{mail:?}");
    fixture.secrets.keep("the link that resets", mail.token(RESET));
    fixture.secrets.keep("the code that resets", mail.code());
    (person, mail)
}

/// The new password counts, the old one and the open sessions do not; and the change is announced.
async fn was_reset(fixture: &Fixture, person: &Person) {
    assert!(!fixture.is_in(person).await, "a session has outlived the reset");
    fixture.refused(&person.email, PASSWORD).await;
    let person = fixture.log_in(&person.email, OTHER).await;
    assert_eq!(fixture.get(&person, "/auth/me").await["email_verified"], true);
    fixture.inbox.mail(&person.email, "Your password was reset").await;
}

pub(crate) async fn reset_by_link(fixture: &Fixture) {
    let (person, mail) = forgetful(fixture, "fay").await;
    let by_link = json!({"token": mail.token(RESET), "password": OTHER});
    fixture.post(None, "/auth/password/reset", by_link.clone(), 200).await;
    was_reset(fixture, &person).await;
    assert_eq!(fixture.post(None, "/auth/password/reset", by_link, 401).await["error"], "invalid_token");
    let by_code = json!({"email": person.email, "verification_code": mail.code(), "password": PASSWORD});
    assert_eq!(fixture.post(None, "/auth/password/reset", by_code, 401).await["error"], "invalid_credentials");
}

pub(crate) async fn reset_by_code(fixture: &Fixture) {
    let (person, mail) = forgetful(fixture, "gus").await;
    let by = |code: &str| json!({"email": person.email, "verification_code": code, "password": OTHER});
    let wrong = if mail.code() == "00000000" { "11111111" } else { "00000000" };
    fixture.post(None, "/auth/password/reset", by(wrong), 401).await;
    fixture.post(None, "/auth/password/reset", by(&mail.code()), 200).await;
    was_reset(fixture, &person).await;
    fixture.post(None, "/auth/password/reset", by(&mail.code()), 401).await;
}
