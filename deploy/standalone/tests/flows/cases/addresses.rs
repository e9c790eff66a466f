//! Registering with an address, proving it, and changing it.

use serde_json::json;

use crate::fixture::{Fixture, PASSWORD, Person};

/// Proves the user's address, which text messages require.
pub(crate) async fn verify(fixture: &Fixture, person: &Person) {
    let token = fixture.inbox.mail(&person.email, "confirm your e-mail").await.token(VERIFY);
    fixture.secrets.keep("a link that verifies", &token);
    fixture.post(Some(person), "/auth/email/verify", json!({"token": token}), 200).await;
}

const VERIFY: &str = "/auth/email/verify/";

/// By the page that the link opens: loading it changes nothing, its button does.
pub(crate) async fn register_and_verify(fixture: &Fixture) {
    let ada = fixture.register("ada").await;
    assert_eq!(fixture.get(&ada, "/auth/me").await["email_verified"], false);
    fixture.inbox.mail(&ada.email, "Welcome").await;
    let mail = fixture.inbox.mail(&ada.email, "confirm your e-mail").await;
    let link = mail.link(&format!("{}{VERIFY}", fixture.bank));
    fixture.secrets.keep("the link that verifies", mail.token(VERIFY));
    let page = fixture.http.get(&link).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    assert_eq!(fixture.get(&ada, "/auth/me").await["email_verified"], false, "a look has verified");
    let pressed = fixture.http.post(&link).send().await.unwrap();
    assert_eq!(pressed.status().as_u16(), 200);
    assert_eq!(fixture.get(&ada, "/auth/me").await["email_verified"], true);
    let token = mail.token(VERIFY);
    let again = fixture.post(None, "/auth/email/verify", json!({"token": token}), 401).await;
    assert_eq!(again["error"], "invalid_token");
}

pub(crate) async fn change(fixture: &Fixture) {
    let eve = fixture.register("eve").await;
    let new = fixture.address("eve-anew");
    fixture.post(Some(&eve), "/auth/email/change", json!({"email": new}), 202).await;
    let notice = fixture.inbox.mail(&eve.email, "is to be changed").await;
    assert!(!notice.text.contains(&new), "an address in full");
    assert_eq!(fixture.get(&eve, "/auth/me").await["email"], eve.email, "changed without a proof");
    let token = fixture.inbox.mail(&new, "confirm your e-mail").await.token(VERIFY);
    fixture.secrets.keep("the link that changes the address", &token);
    fixture.post(None, "/auth/email/verify", json!({"token": token}), 200).await;
    fixture.inbox.mail(&eve.email, "was changed").await;
    fixture.refused(&eve.email, PASSWORD).await;
    let me = fixture.get(&fixture.log_in(&new, PASSWORD).await, "/auth/me").await;
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(new), &json!(true)));
}
