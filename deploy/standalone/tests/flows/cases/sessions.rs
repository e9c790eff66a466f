//! Sessions: listed, refreshed, ended one by one and all at once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PASSWORD, Person, World};

async fn refresh(world: &World, person: &Person) -> (u16, Value) {
    let body = json!({"refresh_token": person.refresh_token});
    world.send(Method::POST, "/auth/refresh", None, &body).await
}

pub(crate) async fn end(world: &World) {
    let mia = world.register("mia").await;
    let [desk, phone] = [world.log_in(&mia.email, PASSWORD).await, world.log_in(&mia.email, PASSWORD).await];
    let listed = world.get(&desk, "/auth/sessions").await;
    assert_eq!(listed["total"], 3);
    let own = listed["results"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    let first = listed["results"][0]["id"].as_str().unwrap();
    assert_ne!(own["id"], first);
    world.delete(&desk, &format!("/auth/sessions/{first}"), Value::Null).await;
    assert!(!world.is_in(&mia).await && world.is_in(&desk).await);
    assert_eq!(refresh(world, &mia).await.0, 401);

    let (status, tokens) = refresh(world, &phone).await;
    assert_eq!(status, 200, "{tokens}");
    let phone = world.person(&mia.email, &tokens);
    world.post(Some(&desk), "/auth/logout", Value::Null, 200).await;
    assert!(!world.is_in(&desk).await && world.is_in(&phone).await);
    let last = world.log_in(&mia.email, PASSWORD).await;
    assert_eq!(world.post(Some(&last), "/auth/logout_all", Value::Null, 200).await["sessions_ended"], 2);
    assert!(!world.is_in(&phone).await && !world.is_in(&last).await);
    assert_eq!(refresh(world, &phone).await.0, 401);
}
