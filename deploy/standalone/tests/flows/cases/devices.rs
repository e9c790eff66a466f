//! A device, and its notifications.

use serde_json::{Value, json};

use crate::fixture::{Fixture, PASSWORD};

pub(crate) async fn push(fixture: &Fixture) {
    let kim = fixture.register("kim").await;
    let token = fixture.secrets.keep("a push token", "canary-push-token-of-kim");
    let device = json!({"device_id": "kims-phone", "device_type": "android", "push_token": token});
    let id = fixture.post(Some(&kim), "/api/devices", device, 201).await["item"]["id"].clone();
    fixture.post(Some(&kim), &format!("/api/devices/{id}/push-test"), Value::Null, 202).await;
    arrived(fixture, &token, "Test").await;
    fixture.log_in(&kim.email, PASSWORD).await;
    arrived(fixture, &token, "New login").await;
    fixture.delete(&kim, &format!("/api/devices/{id}"), Value::Null).await;
    assert_eq!(fixture.get(&kim, "/api/devices").await["results"], json!([]));
}

async fn arrived(fixture: &Fixture, token: &str, title: &str) {
    let poll = async || {
        let messages = fixture.push.messages();
        messages.into_iter().find(|message| message["token"] == token && message["notification"]["title"] == title)
    };
    fixture.eventually(title, poll).await;
}
