//! Confirmations on the callback queue, from our email-service and from older ones.

use serde_json::{Value, json};
use service_kit::messaging::{Delivery, HandlerResult};
use shared_events::WireMessage;
use shared_events::wire::Properties;

use crate::harness::TestApp;

/// A confirmation: its AMQP properties and the `data` of its body.
struct Confirmation<'a> {
    kind: Option<&'a str>,
    correlation_id: Option<&'a str>,
    message: &'a str,
    data: Value,
}

impl Confirmation<'_> {
    async fn arrive(&self, app: &TestApp) -> HandlerResult {
        let body = json!({"user_id": null, "date": "2025-01-16T17:10:26", "message": self.message, "data": self.data});
        let message = WireMessage {
            routing_key: "bank-service.acks".to_owned(),
            properties: Properties {
                kind: self.kind.map(str::to_owned),
                correlation_id: self.correlation_id.map(str::to_owned),
                ..Properties::default()
            },
            headers: std::collections::BTreeMap::new(),
            body: body.to_string().into_bytes(),
        };
        let (_, consumer) = app.running.mail_receipts();
        consumer.handle(&[Delivery { message, attempt: 1, redelivered: false }]).await.remove(0)
    }
}

/// The ids of a bank's event, which needs a confirmation, and of a city's, which does not.
async fn two_events(app: &TestApp) -> (String, String) {
    let admin = app.admin().await;
    app.post(&admin.token, "/api/banks", json!({"name": "My Bank"})).await.expect(201);
    app.post(&admin.token, "/api/cities", json!({"name": "My City"})).await.expect(201);
    let events = app.events().await;
    let id_of = |kind: &str| events.iter().find(|event| event.event_type.as_str() == kind).unwrap().id.to_string();
    (id_of("bank.created"), id_of("city.created"))
}

/// The stored state of an event's confirmation.
async fn state(app: &TestApp, event_id: &str) -> Option<String> {
    let event_id = event_id.to_owned();
    let read = move |db: &mut bank_service::store::Db| {
        bank_service::store::event_trace::receipts(db, std::slice::from_ref(&event_id))
    };
    app.running.state.store.read(read).await.unwrap().pop().map(|receipt| receipt.state)
}

#[actix_web::test]
async fn an_event_with_a_confirmation_carries_its_own_id_as_correlation_id() {
    let app = TestApp::start().await;
    let (bank, _) = two_events(&app).await;
    let envelopes = app.events().await;
    let event = envelopes.iter().find(|event| event.id.to_string() == bank).unwrap();
    let wire = WireMessage::encode(event).unwrap();
    assert_eq!(wire.properties.correlation_id, Some(bank));
    assert_eq!(wire.headers.get("x-request-id"), event.correlation_id.as_ref());
    assert!(event.correlation_id.is_some(), "the request's id is kept");
}

#[actix_web::test]
async fn the_older_services_confirmation_counts_by_its_correlation_id() {
    let app = TestApp::start().await;
    let (bank, _) = two_events(&app).await;
    let old =
        Confirmation { kind: None, correlation_id: Some(&bank), message: "Message acknowledged", data: json!({}) };
    assert_eq!(old.arrive(&app).await, HandlerResult::Done);
    assert_eq!(state(&app, &bank).await.as_deref(), Some("sent"));
    // A second delivery changes nothing.
    assert_eq!(old.arrive(&app).await, HandlerResult::Done);
    let nearly = Confirmation { message: "Message Acknowledged!", ..old };
    assert!(matches!(nearly.arrive(&app).await, HandlerResult::Reject { .. }));
}

#[actix_web::test]
async fn a_confirmation_may_write_its_ids_in_capitals_and_a_message_id_of_any_length() {
    let app = TestApp::start().await;
    let (bank, _) = two_events(&app).await;
    let capitals = bank.to_uppercase();
    let confirmation = Confirmation {
        kind: Some("email.sent"),
        correlation_id: Some(&capitals),
        message: "sent",
        data: json!({"event_id": bank, "message_id": "é".repeat(5000), "reason": "r".repeat(5000)}),
    };
    assert_eq!(confirmation.arrive(&app).await, HandlerResult::Done);
    let event_id = bank.clone();
    let read = move |db: &mut bank_service::store::Db| {
        bank_service::store::event_trace::receipts(db, std::slice::from_ref(&event_id))
    };
    let receipt = app.running.state.store.read(read).await.unwrap().pop().unwrap();
    assert_eq!(receipt.message_id, Some("é".repeat(255)), "as much as MySQL's column takes");
}

#[actix_web::test]
async fn only_an_event_that_requested_it_is_confirmed_and_two_ids_must_agree() {
    let app = TestApp::start().await;
    let (bank, city) = two_events(&app).await;
    let stranger = "01947018-43d0-7000-8000-000000000001";
    for (correlation_id, data) in [
        (Some(city.as_str()), json!({})),
        (Some(stranger), json!({})),
        (Some(stranger), json!({"event_id": bank})),
        (Some("request-1"), json!({})),
        (None, json!({"event_id": city, "event_type": "bank.created"})),
        (None, json!({"event_id": 7})),
        (Some(bank.as_str()), json!({"event_id": 7})),
        (None, json!(null)),
    ] {
        let confirmation = Confirmation { kind: Some("email.sent"), correlation_id, message: "sent", data };
        let outcome = confirmation.arrive(&app).await;
        assert!(
            matches!(outcome, HandlerResult::Reject { .. }),
            "{correlation_id:?} {}: {outcome:?}",
            confirmation.data
        );
    }
    assert_eq!((state(&app, &bank).await, state(&app, &city).await), (None, None));
    let right = Confirmation {
        kind: Some("email.rejected"),
        correlation_id: None,
        message: "no",
        data: json!({"event_id": bank}),
    };
    assert_eq!(right.arrive(&app).await, HandlerResult::Done);
    assert_eq!(state(&app, &bank).await.as_deref(), Some("rejected"));
}
