//! A telephone number, proved by the code of its text message.

use serde_json::json;

use crate::fixture::Fixture;

/// The text of the only message to a number, once the provider has it.
async fn message(fixture: &Fixture, number: &str) -> String {
    let poll = async || {
        let mut taken = fixture.sms.taken();
        taken.retain(|(to, _)| to == number);
        assert!(taken.len() < 2, "more than one message: {taken:?}");
        taken.pop()
    };
    fixture.eventually("a text message", poll).await.1
}

pub(crate) async fn verify(fixture: &Fixture) {
    let jon = fixture.register("jon").await;
    super::addresses::verify(fixture, &jon).await;
    let number = fixture.secrets.keep_data("a telephone number in full", "+4915112345678");
    fixture.post(Some(&jon), "/auth/phone", json!({"phone": number}), 202).await;
    let text = message(fixture, &number).await;
    let code = fixture.secrets.keep("the code of the text message", text.split(' ').next().unwrap());
    let wrong = if code == "000000" { "111111" } else { "000000" };
    fixture.post(Some(&jon), "/auth/phone/verify", json!({"code": wrong}), 422).await;
    fixture.post(Some(&jon), "/auth/phone/verify", json!({"code": code}), 200).await;
    assert_eq!(fixture.get(&jon, "/auth/me").await["phone"], number);
    fixture.post(Some(&jon), "/auth/phone/verify", json!({"code": code}), 200).await;
}
