//! Each change emits an event, and a refused one emits none.

use serde_json::{Value, json};
use shared_events::Envelope;

use super::fixture::Fixture;
use crate::harness::TestApp;

fn find<'a>(events: &'a [Envelope], kind: &str) -> &'a Envelope {
    events.iter().find(|event| event.event_type.to_string() == kind).unwrap_or_else(|| panic!("no {kind}"))
}

#[actix_web::test]
async fn creations_publish_what_their_listeners_need() {
    let fixture = Fixture::new().await;
    let events = fixture.app.events().await;
    let account = find(&events, "account.created");
    let expected = json!({
        "id": fixture.ada.account, "name": "Ada", "client_id": fixture.ada.client, "bank_id": fixture.bank,
        "balance": 520, "currency": "EUR", "email": "ada@example.com",
    });
    assert_eq!(account.body.data, expected);
    assert_eq!(account.body.message, format!("Account created with ID: {}", fixture.ada.account));
    assert_eq!(account.body.user_id.map(i64::from), Some(fixture.ada.person.id));
    assert!(account.correlation_id.is_some() && account.reply_to.is_none());
    let bank = find(&events, "bank.created");
    assert_eq!(bank.reply_to.as_deref(), Some("bank-service.acks"));
    assert_eq!(bank.body.data, json!({"id": fixture.bank, "name": "First Bank"}));
    assert_eq!(find(&events, "email.requested").reply_to.as_deref(), Some("bank-service.acks"));
    for kind in ["city.created", "social_status.created", "branch.created", "client.created", "card.created"] {
        assert!(find(&events, kind).reply_to.is_none());
    }
}

#[actix_web::test]
async fn a_bank_is_to_be_confirmed_on_the_queue_that_confirmations_are_consumed_from() {
    let app = TestApp::start_with(|config| config.callback_queue = "branch-office.acks".to_owned()).await;
    let admin = app.admin().await;
    app.post(&admin.token, "/api/banks", json!({"name": "First Bank"})).await.expect(201);
    let events = app.events().await;
    assert_eq!(find(&events, "bank.created").reply_to.as_deref(), Some("branch-office.acks"));
    assert_eq!(app.running.mail_receipts().0.queue, "branch-office.acks");
}

/// Whether each of the event's facts is what the answer says. Answers have more fields, such as what is held.
fn is_part_of(facts: &Value, item: &Value) -> bool {
    facts.as_object().is_some_and(|facts| facts.len() > 1 && facts.iter().all(|(name, fact)| item[name] == *fact))
}

#[actix_web::test]
async fn every_update_and_deletion_is_an_event_with_the_item() {
    let fixture = Fixture::new().await;
    let (app, admin) = (&fixture.app, &fixture.admin.token);
    let cases: [(&str, String, Value, Value); 5] = [
        ("card", format!("/api/cards/{}", fixture.ada.card), json!({"balance": 9}), json!(9)),
        ("account", format!("/api/accounts/{}", fixture.ada.account), json!({"balance": 9}), json!(9)),
        ("client", format!("/api/clients/{}", fixture.ada.client), json!({"name": "New"}), json!("New")),
        ("branch", format!("/api/branches/{}", fixture.branch), json!({}), Value::Null),
        ("bank", format!("/api/banks/{}", fixture.bank), json!({"name": "New"}), json!("New")),
    ];
    for (entity, path, body, value) in cases {
        let from = app.events().await.len();
        let item = app.put(admin, &path, body).await.item(200);
        if !value.is_null() {
            let events = app.events().await;
            let event = find(&events[from..], &format!("{entity}.updated"));
            assert!(is_part_of(&event.body.data, &item), "{:?} of {item}", event.body.data);
            assert_eq!(event.body.user_id.map(i64::from), Some(fixture.admin.id));
        }
        let gone = app.delete(admin, &path).await.item(200);
        let events = app.events().await;
        let deleted = find(&events[from..], &format!("{entity}.deleted"));
        assert!(is_part_of(&deleted.body.data, &gone), "{:?} of {gone}", deleted.body.data);
    }
}
