//! Events from the queue.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;
use service_kit::ids;
use service_kit::messaging::{Delivery, Destination, HandlerResult, Outgoing, Progress, PublishResult, Publisher};
use shared_events::events::{AccountCreated, BankCreated, EmailRequested, Event, PushRequested, SmsRequested};
use shared_events::{Envelope, EventId, UserId, WireMessage};

use crate::backend::Place;
use crate::harness::{App, Who, date, event, send};

pub(crate) fn message<E: Event>(user: i64) -> WireMessage {
    let user = UserId::try_new(user).ok();
    let envelope =
        Envelope::new(ids::new_event_id(), "urn:bank-service", user, date("2025-01-16T17:10:26"), &E::example());
    WireMessage::encode(&envelope.unwrap()).unwrap()
}

pub(crate) fn to_exchange(message: &WireMessage) -> Outgoing {
    Outgoing { message: message.clone(), destination: Destination::Exchange, progress: Progress::default() }
}

pub(crate) fn delivery(message: WireMessage) -> Delivery {
    Delivery { message, attempt: 1, redelivered: false }
}

pub(crate) async fn total(app: &App) -> serde_json::Value {
    app.get(Who::Admin, "/api/logs").await.json()["total"].clone()
}

#[actix_web::test]
async fn an_event_becomes_an_entry_with_all_its_facts() {
    let app = App::start().await;
    let sent = message::<AccountCreated>(7);
    assert_eq!(app.broker.publish(to_exchange(&sent)).await, PublishResult::Accepted);
    let log = app.get(Who::User(7), "/api/logs").await.json()["results"][0].clone();
    assert_eq!(log["event_id"], sent.properties.message_id.clone().unwrap());
    assert_eq!((&log["event_type"], &log["source"]), (&json!("account.created"), &json!("urn:bank-service")));
    assert_eq!((&log["user_id"], &log["date"]), (&json!(7), &json!("2025-01-16T17:10:26Z")));
    assert_eq!(log["message"], "Account created with ID: 1");
    assert_eq!(log["data"]["name"], "John Doe");
    app.running.stop().await;
}

#[actix_web::test]
async fn a_thousand_deliveries_of_one_event_make_one_entry() {
    let app = App::start().await;
    let sent = message::<AccountCreated>(1);
    let consumer = app.running.consumer();
    for _ in 0..4 {
        let batch: Vec<Delivery> = (0..250).map(|_| delivery(sent.clone())).collect();
        assert_eq!(consumer.handle(&batch).await, vec![HandlerResult::Done; 250]);
    }
    assert_eq!(total(&app).await, 1);
    assert!(app.metric("bank_log_duplicates_total 999"));
    assert!(app.metric("bank_log_recorded_total{event_type=\"account.created\"} 1"));
    app.running.stop().await;
}

#[actix_web::test]
async fn an_event_that_came_by_both_ways_is_one_entry() {
    let app = App::start().await;
    let mut body = event(Some(1), "Account created with ID: 1");
    let sent = message::<AccountCreated>(1);
    body["event_id"] = json!(sent.properties.message_id);
    body["data"] = serde_json::from_slice::<serde_json::Value>(&sent.body).unwrap()["data"].clone();
    app.record(body).await;
    assert_eq!(app.broker.publish(to_exchange(&sent)).await, PublishResult::Accepted);
    assert_eq!(total(&app).await, 1);
    app.running.stop().await;
}

#[actix_web::test]
async fn poison_in_a_batch_is_rejected_alone() {
    let app = App::start().await;
    let with_body = |body: &[u8]| {
        let mut message = message::<AccountCreated>(1);
        message.body = body.to_vec();
        delivery(message)
    };
    let with_data = |data: serde_json::Value| {
        let body = json!({"user_id": 1, "date": "2025-01-16T17:10:26", "message": "m", "data": data});
        with_body(body.to_string().as_bytes())
    };
    let good = || delivery(message::<AccountCreated>(1));
    let deep = format!("{{\"data\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let batch = [
        good(),
        with_body(b"{not json"),
        with_body(b"\xff\xfe"),
        with_body(br#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"m"}"#),
        good(),
        with_body(deep.as_bytes()),
        with_body(&vec![b' '; 16 * 1024 * 1024]),
        with_data(json!("x".repeat(70_000))),
        with_data(json!({"fits": true})),
    ];
    let outcomes = app.running.consumer().handle(&batch).await;
    let done: Vec<bool> = outcomes.iter().map(|outcome| *outcome == HandlerResult::Done).collect();
    assert_eq!(done, [true, false, false, false, true, false, false, false, true]);
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, HandlerResult::Done | HandlerResult::Reject { .. })),
        "{outcomes:?}"
    );
    assert_eq!(total(&app).await, 3);
    app.running.stop().await;
}

#[actix_web::test]
async fn poison_ends_as_a_dead_letter_with_its_reason() {
    let app = App::start().await;
    let mut poison = message::<AccountCreated>(1);
    poison.body = b"{".to_vec();
    assert_eq!(app.broker.publish(to_exchange(&poison)).await, PublishResult::Accepted);
    let dead_letters = app.dead_letters.all();
    assert_eq!((dead_letters.len(), dead_letters[0].queue.as_str()), (1, "log-service"));
    assert!(!dead_letters[0].reason.is_empty());
    app.running.stop().await;
}

#[actix_web::test]
async fn a_message_that_has_only_the_four_keys_is_logged_once() {
    let app = App::start().await;
    let body = json!({"user_id": null, "date": "2025-01-16T17:10:26", "message": "m", "data": {"id": 1}});
    let bare = WireMessage {
        routing_key: "city.created".to_owned(),
        body: body.to_string().into_bytes(),
        properties: shared_events::wire::Properties::default(),
        headers: std::collections::BTreeMap::new(),
    };
    for _ in 0..3 {
        assert_eq!(app.broker.publish(to_exchange(&bare)).await, PublishResult::Accepted);
    }
    let log = app.get(Who::Admin, "/api/logs").await.json();
    assert_eq!((&log["total"], &log["results"][0]["event_type"]), (&json!(1), &json!("city.created")));
    assert_eq!(log["results"][0]["event_id"], EventId::from_content("city.created", &bare.body).to_string());
    app.running.stop().await;
}

/// A message with this data and only its four keys.
fn with_numbers(data: &str) -> WireMessage {
    let body = json!({"user_id": null, "date": "2025-01-16T17:10:26", "message": "numbers", "data": "data"});
    let mut message = message::<AccountCreated>(1);
    message.body = body.to_string().replace("\"data\":\"data\"", &format!("\"data\":{data}")).into_bytes();
    message
}

/// As `docs/events/README.md` promises.
#[actix_web::test]
async fn numbers_are_kept_alike_by_message_and_by_request() {
    let app = App::start().await;
    for (sent, kept) in [
        ("123456789012345678901234567890", "1.2345678901234568e+29"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9007199254740993", "9007199254740993"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("1e2", "100.0"),
        ("1.50", "1.5"),
    ] {
        let (sent, kept) = (format!(r#"{{"n":[{sent}]}}"#), format!(r#""data":{{"n":[{kept}]}}"#));
        let message = with_numbers(&sent);
        assert_eq!(app.broker.publish(to_exchange(&message)).await, PublishResult::Accepted);
        let body = event(None, "numbers").to_string().replace(r#"{"name":"John Doe"}"#, &sent);
        let request = app.request(Who::Service, Method::POST, "/api/logs").header("content-type", "application/json");
        let answer = send(request.body(body)).await;
        assert!(answer.text.contains(&kept), "{kept} in {}", answer.text);
        let both = app.get(Who::Admin, "/api/logs?order=desc&page_size=2").await.text;
        assert_eq!(both.matches(&kept).count(), 2, "{kept} in {both}");
    }
    assert_eq!(app.broker.publish(to_exchange(&with_numbers(r#"{"n":1e400}"#))).await, PublishResult::Accepted);
    let dead = app.dead_letters.all();
    assert!(dead.len() == 1 && dead[0].reason.contains("number out of range"), "{}", dead[0].reason);
    app.running.stop().await;
}

#[actix_web::test]
async fn a_bank_is_logged_on_its_mail_only_and_mail_itself_never() {
    let app = App::start().await;
    for message in [message::<BankCreated>(1), message::<EmailRequested>(1)] {
        assert!(matches!(app.broker.publish(to_exchange(&message)).await, PublishResult::Unrouted { .. }));
        // Also if it reaches the queue without the exchange, as a replayed dead letter does.
        assert_eq!(app.running.consumer().handle(&[delivery(message)]).await, [HandlerResult::Skipped]);
    }
    assert_eq!(total(&app).await, 0);
    app.running.stop().await;
}

#[actix_web::test]
async fn an_operator_may_bind_more_but_nothing_private_is_logged() {
    let place = Arc::new(Place::new());
    let mut config = place.config();
    config.routing_key = Some("#".to_owned());
    let app = App::start_with(place, config).await;
    let private = [message::<EmailRequested>(1), message::<SmsRequested>(1), message::<PushRequested>(1)];
    for message in [message::<BankCreated>(1)].iter().chain(&private) {
        assert_eq!(app.broker.publish(to_exchange(message)).await, PublishResult::Accepted);
    }
    assert_eq!(app.get(Who::Admin, "/api/logs").await.json()["results"][0]["event_type"], "bank.created");
    assert_eq!(total(&app).await, 1);
    app.running.stop().await;
}
