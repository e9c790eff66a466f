//! A text message and a notification that are refused for good become dead letters: to be seen, without what they were to say.

use serde_json::{Value, json};
use stand_ins::fcm::Mood;
use stand_ins::sms::Reply;

use super::addresses::prove;
use crate::world::World;

pub(crate) async fn letters(world: &World) {
    let pia = world.register("pia").await;
    prove(world, &pia).await;
    let number = world.secrets.keep_data("a telephone number that is refused", "+4915187654321");
    world.sms.answer_with(&[Reply::Status(400)]);
    world.post(Some(&pia), "/auth/phone", json!({"phone": number}), 202).await;
    let token = world.secrets.keep("a push token that is refused", "canary-push-token-of-pia");
    let device = json!({"device_id": "pias-phone", "device_type": "ios", "push_token": token});
    let id = world.post(Some(&pia), "/api/devices", device, 201).await["item"]["id"].clone();
    world.push.answer_with(&[Mood::Status(400)]);
    world.post(Some(&pia), &format!("/api/devices/{id}/push-test"), Value::Null, 202).await;
    let admin = world.admin().await;
    for queue in ["bank-service.sms", "bank-service.push"] {
        let path = format!("/api/dead-letters?queue={queue}");
        let look = async || (world.get(&admin, &path).await["total"] == 1).then_some(());
        world.eventually(&format!("a dead letter of {queue}"), look).await;
    }
}
