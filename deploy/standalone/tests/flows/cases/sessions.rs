//! Sessions: listed, refreshed, ended one by one and all at once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Fixture, PASSWORD, Person};

async fn refresh(fixture: &Fixture, person: &Person) -> (u16, Value) {
    let body = json!({"refresh_token": person.refresh_token});
    fixture.send(Method::POST, "/auth/refresh", None, &body).await
}

pub(crate) async fn end(fixture: &Fixture) {
    let mia = fixture.register("mia").await;
    let [desktop, phone] = [fixture.log_in(&mia.email, PASSWORD).await, fixture.log_in(&mia.email, PASSWORD).await];
    let listed = fixture.get(&desktop, "/auth/sessions").await;
    assert_eq!(listed["total"], 3);
    let own = listed["results"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    let first = listed["results"][0]["id"].as_str().unwrap();
    assert_ne!(own["id"], first);
    fixture.delete(&desktop, &format!("/auth/sessions/{first}"), Value::Null).await;
    assert!(!fixture.is_in(&mia).await && fixture.is_in(&desktop).await);
    assert_eq!(refresh(fixture, &mia).await.0, 401);

    let (status, tokens) = refresh(fixture, &phone).await;
    assert_eq!(status, 200, "{tokens}");
    let phone = fixture.person(&mia.email, &tokens);
    fixture.post(Some(&desktop), "/auth/logout", Value::Null, 200).await;
    assert!(!fixture.is_in(&desktop).await && fixture.is_in(&phone).await);
    let last = fixture.log_in(&mia.email, PASSWORD).await;
    assert_eq!(fixture.post(Some(&last), "/auth/logout_all", Value::Null, 200).await["sessions_ended"], 2);
    assert!(!fixture.is_in(&phone).await && !fixture.is_in(&last).await);
    assert_eq!(refresh(fixture, &phone).await.0, 401);
}
