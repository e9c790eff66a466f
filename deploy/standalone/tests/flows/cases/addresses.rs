//! Registering with an address, proving it, and taking another one.

use serde_json::json;

use crate::world::{PASSWORD, Person, World};

/// The user proves its address, which text messages ask for.
pub(crate) async fn prove(world: &World, person: &Person) {
    let token = world.inbox.mail(&person.email, "confirm your e-mail").await.token(VERIFY);
    world.secrets.keep("a link that verifies", &token);
    world.post(Some(person), "/auth/email/verify", json!({"token": token}), 200).await;
}

const VERIFY: &str = "/auth/email/verify/";

/// By the page that the link opens: looking at it changes nothing, its button does.
pub(crate) async fn register_and_verify(world: &World) {
    let ada = world.register("ada").await;
    assert_eq!(world.get(&ada, "/auth/me").await["email_verified"], false);
    world.inbox.mail(&ada.email, "Welcome").await;
    let mail = world.inbox.mail(&ada.email, "confirm your e-mail").await;
    let link = mail.link(&format!("{}{VERIFY}", world.bank));
    world.secrets.keep("the link that verifies", mail.token(VERIFY));
    let page = world.http.get(&link).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    assert_eq!(world.get(&ada, "/auth/me").await["email_verified"], false, "a look has verified");
    let pressed = world.http.post(&link).send().await.unwrap();
    assert_eq!(pressed.status().as_u16(), 200);
    assert_eq!(world.get(&ada, "/auth/me").await["email_verified"], true);
    let token = mail.token(VERIFY);
    let again = world.post(None, "/auth/email/verify", json!({"token": token}), 401).await;
    assert_eq!(again["error"], "invalid_token");
}

pub(crate) async fn change(world: &World) {
    let eve = world.register("eve").await;
    let new = world.address("eve-anew");
    world.post(Some(&eve), "/auth/email/change", json!({"email": new}), 202).await;
    let notice = world.inbox.mail(&eve.email, "is to be changed").await;
    assert!(!notice.text.contains(&new), "an address in full");
    assert_eq!(world.get(&eve, "/auth/me").await["email"], eve.email, "changed without a proof");
    let token = world.inbox.mail(&new, "confirm your e-mail").await.token(VERIFY);
    world.secrets.keep("the link that changes the address", &token);
    world.post(None, "/auth/email/verify", json!({"token": token}), 200).await;
    world.inbox.mail(&eve.email, "was changed").await;
    world.refused(&eve.email, PASSWORD).await;
    let me = world.get(&world.log_in(&new, PASSWORD).await, "/auth/me").await;
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(new), &json!(true)));
}
