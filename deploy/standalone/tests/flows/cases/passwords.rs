//! Forgotten passwords, set anew by what came by mail.

use serde_json::json;

use crate::inbox::Mail;
use crate::world::{OTHER, PASSWORD, Person, World};

const RESET: &str = "/auth/password/reset/";

/// Somebody who has forgotten the password, and the mail that helps.
async fn forgetful(world: &World, who: &str) -> (Person, Mail) {
    let person = world.register(who).await;
    let known = world.post(None, "/auth/password/forgot", json!({"email": person.email}), 202).await;
    let nobody = json!({"email": world.address("nobody")});
    assert_eq!(world.post(None, "/auth/password/forgot", nobody, 202).await, known);
    let mail = world.inbox.mail(&person.email, "Reset your password").await;
    assert!(mail.link(&world.bank).contains(RESET), "{mail:?}");
    world.secrets.keep("the link that resets", mail.token(RESET));
    world.secrets.keep("the code that resets", mail.code());
    (person, mail)
}

/// The new password counts, the old one and what was open do not; and it is announced.
async fn was_reset(world: &World, person: &Person) {
    assert!(!world.is_in(person).await, "a session has outlived the reset");
    world.refused(&person.email, PASSWORD).await;
    let person = world.log_in(&person.email, OTHER).await;
    assert_eq!(world.get(&person, "/auth/me").await["email_verified"], true);
    world.inbox.mail(&person.email, "Your password was reset").await;
}

pub(crate) async fn reset_by_link(world: &World) {
    let (person, mail) = forgetful(world, "fay").await;
    let by_link = json!({"token": mail.token(RESET), "password": OTHER});
    world.post(None, "/auth/password/reset", by_link.clone(), 200).await;
    was_reset(world, &person).await;
    assert_eq!(world.post(None, "/auth/password/reset", by_link, 401).await["error"], "invalid_token");
    let by_code = json!({"email": person.email, "verification_code": mail.code(), "password": PASSWORD});
    assert_eq!(world.post(None, "/auth/password/reset", by_code, 401).await["error"], "invalid_credentials");
}

pub(crate) async fn reset_by_code(world: &World) {
    let (person, mail) = forgetful(world, "gus").await;
    let by = |code: &str| json!({"email": person.email, "verification_code": code, "password": OTHER});
    let wrong = if mail.code() == "00000000" { "11111111" } else { "00000000" };
    world.post(None, "/auth/password/reset", by(wrong), 401).await;
    world.post(None, "/auth/password/reset", by(&mail.code()), 200).await;
    was_reset(world, &person).await;
    world.post(None, "/auth/password/reset", by(&mail.code()), 401).await;
}
