//! Refused text messages and notifications become dead letters, which are visible without their content.

use serde_json::{Value, json};
use stand_ins::fcm::Behaviour;
use stand_ins::sms::Reply;

use super::addresses::verify;
use crate::fixture::Fixture;

pub(crate) async fn dead_letters(fixture: &Fixture) {
    let pia = fixture.register("pia").await;
    verify(fixture, &pia).await;
    let number = fixture.secrets.keep_data("a telephone number that is refused", "+4915187654321");
    fixture.sms.answer_with(&[Reply::Status(400)]);
    fixture.post(Some(&pia), "/auth/phone", json!({"phone": number}), 202).await;
    let token = fixture.secrets.keep("a push token that is refused", "canary-push-token-of-pia");
    let device = json!({"device_id": "pias-phone", "device_type": "ios", "push_token": token});
    let id = fixture.post(Some(&pia), "/api/devices", device, 201).await["item"]["id"].clone();
    fixture.push.answer_with(&[Behaviour::Status(400)]);
    fixture.post(Some(&pia), &format!("/api/devices/{id}/push-test"), Value::Null, 202).await;
    let admin = fixture.admin().await;
    for queue in ["bank-service.sms", "bank-service.push"] {
        let path = format!("/api/dead-letters?queue={queue}");
        let poll = async || (fixture.get(&admin, &path).await["total"] == 1).then_some(());
        fixture.eventually(&format!("a dead letter of {queue}"), poll).await;
    }
}
