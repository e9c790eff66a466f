//! A telephone number, proved by the text message that comes there.

use serde_json::json;

use super::addresses::prove;
use crate::world::World;

/// The text of the only message to a number, once the provider has it.
async fn message(world: &World, number: &str) -> String {
    let look = async || {
        let mut taken = world.sms.taken();
        taken.retain(|(to, _)| to == number);
        assert!(taken.len() < 2, "more than one message: {taken:?}");
        taken.pop()
    };
    world.eventually("a text message", look).await.1
}

pub(crate) async fn verify(world: &World) {
    let jon = world.register("jon").await;
    prove(world, &jon).await;
    let number = world.secrets.keep_data("a telephone number in full", "+4915112345678");
    world.post(Some(&jon), "/auth/phone", json!({"phone": number}), 202).await;
    let text = message(world, &number).await;
    let code = world.secrets.keep("the code of the text message", text.split(' ').next().unwrap());
    let wrong = if code == "000000" { "111111" } else { "000000" };
    world.post(Some(&jon), "/auth/phone/verify", json!({"code": wrong}), 422).await;
    world.post(Some(&jon), "/auth/phone/verify", json!({"code": code}), 200).await;
    assert_eq!(world.get(&jon, "/auth/me").await["phone"], number);
    world.post(Some(&jon), "/auth/phone/verify", json!({"code": code}), 200).await;
}
