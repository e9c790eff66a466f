//! A device, and what is pushed to it.

use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

pub(crate) async fn push(world: &World) {
    let kim = world.register("kim").await;
    let token = world.secrets.keep("a push token", "canary-push-token-of-kim");
    let device = json!({"device_id": "kims-phone", "device_type": "android", "push_token": token});
    let id = world.post(Some(&kim), "/api/devices", device, 201).await["item"]["id"].clone();
    world.post(Some(&kim), &format!("/api/devices/{id}/push-test"), Value::Null, 202).await;
    arrived(world, &token, "Test").await;
    world.log_in(&kim.email, PASSWORD).await;
    arrived(world, &token, "New login").await;
    world.delete(&kim, &format!("/api/devices/{id}"), Value::Null).await;
    assert_eq!(world.get(&kim, "/api/devices").await["results"], json!([]));
}

async fn arrived(world: &World, token: &str, title: &str) {
    let look = async || {
        let messages = world.push.messages();
        messages.into_iter().find(|message| message["token"] == token && message["notification"]["title"] == title)
    };
    world.eventually(title, look).await;
}
