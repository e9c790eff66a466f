//! `/api/events/{id}` and its journey.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use service_kit::clock::Clock as _;
use service_kit::messaging::dead_letters::Backlog;
use shared_events::events::{BankCreated, CityUpdated, EmailRequest, EmailRequested, Event as _};
use shared_events::{EventId, WireMessage};

use super::peer_stubs::PeerStubs;
use crate::harness::{Person, TestApp};

async fn start() -> (TestApp, PeerStubs, Person) {
    let peers = PeerStubs::start();
    let app = TestApp::start_with(|config| {
        config.log_service_url.clone_from(&peers.url);
        config.email_service_url = Some(peers.url.clone());
    })
    .await;
    let admin = app.admin().await;
    (app, peers, admin)
}

async fn journey(app: &TestApp, admin: &Person, id: EventId) -> Value {
    app.get(&admin.token, &format!("/api/events/{id}/journey")).await.expect(200)
}

async fn publish(app: &TestApp) {
    app.running.relay(app.dead_letters.transport.clone()).drain().await.unwrap();
}

#[actix_web::test]
async fn an_event_is_followed_from_its_commit_to_the_log() {
    let (app, peers, admin) = start().await;
    let id = app.commit(&CityUpdated::example()).await;
    let seen = journey(&app, &admin, id).await;
    assert_eq!((&seen["state"], &seen["published"]["state"]), (&json!("waiting"), &json!("waiting")), "{seen}");
    assert_eq!(seen["deliveries"], json!([{"queue": "log-service", "state": "waiting", "attempts": null}]));
    publish(&app).await;
    let seen = journey(&app, &admin, id).await;
    assert_eq!((&seen["state"], &seen["log"]["state"]), (&json!("in_flight"), &json!("waiting")), "{seen}");
    assert!(seen["published"]["published_at"].is_string());
    peers.log(id);
    let seen = journey(&app, &admin, id).await;
    assert_eq!(
        (&seen["state"], &seen["log"]["id"], &seen["mail"]["state"]),
        (&json!("logged"), &json!("7"), &json!("none"))
    );
    peers.state.is_down.store(true, Ordering::SeqCst);
    app.clock.advance(Duration::from_secs(10));
    let seen = journey(&app, &admin, id).await;
    assert_eq!((&seen["state"], &seen["log"]["state"]), (&json!("unknown"), &json!("unknown")), "{seen}");
}

#[actix_web::test]
async fn the_trace_of_the_request_is_part_of_the_journey() {
    let (app, _peers, admin) = start().await;
    let mut ctx = app.running.state.store.ctx(app.clock.now());
    ctx.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
    let traced = app.commit_in(ctx, &CityUpdated::example()).await;
    assert_eq!(journey(&app, &admin, traced).await["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let untraced = app.commit(&BankCreated::example()).await;
    assert_eq!(journey(&app, &admin, untraced).await["trace_id"], Value::Null);
}

#[actix_web::test]
async fn a_mail_that_is_refused_for_good_is_a_visible_state() {
    let (app, peers, admin) = start().await;
    let id = app.commit(&BankCreated::example()).await;
    publish(&app).await;
    let mail = json!({"id": 1, "event_id": id, "recipient": "o***@x.y", "message_id": "<1@x>", "state": "sending",
        "attempts": 2, "answer": "451 later", "updated_at": "2026-01-16T17:10:26"});
    peers.state.mails.lock().unwrap().push(mail);
    app.clock.advance(Duration::from_secs(10));
    let seen = journey(&app, &admin, id).await;
    assert_eq!((&seen["state"], &seen["mail"]["state"]), (&json!("in_flight"), &json!("sending")), "{seen}");
    assert_eq!(seen["mail"]["recipients"][0]["attempts"], 2);
    app.confirm_mail(id, "rejected", Some("550 no such mailbox")).await;
    let seen = journey(&app, &admin, id).await;
    assert_eq!((&seen["state"], &seen["mail"]["state"]), (&json!("rejected"), &json!("rejected")), "{seen}");
    assert_eq!(seen["mail"]["reason"], "550 no such mailbox");
    assert!(seen["mail"]["confirmed_at"].is_string());
    assert_eq!(seen["log"]["state"], "none");
}

#[actix_web::test]
async fn a_mail_that_is_to_be_tried_again_waits_at_its_queue_with_its_attempts() {
    let (app, peers, admin) = start().await;
    let id = app.commit(&BankCreated::example()).await;
    publish(&app).await;
    let mail = json!({"id": 1, "event_id": id, "recipient": "o***@x.y", "message_id": "<1@x>", "state": "failed",
        "attempts": 2, "answer": "451 later", "updated_at": "2026-01-16T17:10:26"});
    peers.state.mails.lock().unwrap().push(mail);
    let seen = journey(&app, &admin, id).await;
    assert_eq!(seen["deliveries"], json!([{"queue": "email-service", "state": "waiting", "attempts": 2}]), "{seen}");
    app.confirm_mail(id, "sent", None).await;
    let seen = journey(&app, &admin, id).await;
    assert_eq!(seen["deliveries"], json!([{"queue": "email-service", "state": "done", "attempts": null}]), "{seen}");
}

#[actix_web::test]
async fn an_event_that_may_wait_in_its_queue_is_on_its_way_and_one_that_cannot_is_unaccounted_for() {
    let (app, peers, admin) = start().await;
    let id = app.commit(&BankCreated::example()).await;
    publish(&app).await;
    app.clock.advance(Duration::from_secs(10));
    for waiting in [Backlog { ready: true, ..Backlog::default() }, Backlog { delayed: true, ..Backlog::default() }] {
        *app.dead_letters.backlog.lock().unwrap() = waiting;
        assert_eq!(journey(&app, &admin, id).await["state"], "in_flight", "{waiting:?}");
    }
    *app.dead_letters.backlog.lock().unwrap() = Backlog::default();
    peers.state.cannot_mail.store(true, Ordering::SeqCst);
    assert_eq!(journey(&app, &admin, id).await["state"], "in_flight", "no mail can be sent now");
    peers.state.cannot_mail.store(false, Ordering::SeqCst);
    assert_eq!(journey(&app, &admin, id).await["state"], "unaccounted");
}

#[actix_web::test]
async fn a_dead_letter_and_what_was_done_with_it_are_part_of_the_journey() {
    let (app, _peers, admin) = start().await;
    let id = app.commit(&CityUpdated::example()).await;
    let events = app.events().await;
    let message = WireMessage::encode(events.iter().find(|event| event.id == id).unwrap()).unwrap();
    publish(&app).await;
    app.dead_letters.add("log-service", message).await;
    let seen = journey(&app, &admin, id).await;
    assert_eq!((&seen["state"], &seen["deliveries"][0]["state"]), (&json!("parked"), &json!("dead")), "{seen}");
    assert_eq!(
        (&seen["dead_letters"][0]["reason"], &seen["dead_letters"][0]["attempts"]),
        (&json!("poison"), &json!(5))
    );
    let body = json!({"queue": "log-service", "ids": [id], "reason": "the city is gone"});
    app.post(&admin.token, "/api/dead-letters/discard", body).await.expect(200);
    let seen = journey(&app, &admin, id).await;
    assert_eq!(seen["state"], "discarded", "{seen}");
    let action = &seen["actions"][0];
    assert_eq!((&action["action"], &action["user_id"]), (&json!("discarded"), &json!(admin.id)));
    assert_eq!(action["reason"], "the city is gone");
}

#[actix_web::test]
async fn no_secret_of_a_requested_mail_is_shown() {
    let (app, _peers, admin) = start().await;
    let params = [("link".to_owned(), "https://b.example/?token=s3cret".to_owned())].into();
    let to = "jane@example.com".to_owned();
    let request = EmailRequested(EmailRequest { template: "reset-password".to_owned(), to, params });
    let id = app.commit(&request).await;
    let event = app.get(&admin.token, &format!("/api/events/{id}")).await.expect(200);
    assert_eq!(
        (&event["data"]["template"], &event["data"]["to"]),
        (&json!("reset-password"), &json!("j***@example.com"))
    );
    assert!(!event.to_string().contains("s3cret"), "{event}");
    let journey = journey(&app, &admin, id).await;
    assert!(!journey.to_string().contains("s3cret") && !journey.to_string().contains("jane"), "{journey}");
}

#[actix_web::test]
async fn an_event_is_shown_to_staff_and_an_unknown_one_is_not_there() {
    let (app, _peers, admin) = start().await;
    let (manager, user) = (app.manager(&admin).await, app.user("u@example.com").await);
    let id = app.commit(&CityUpdated::example()).await;
    let path = format!("/api/events/{id}");
    let event = app.get(&manager.token, &path).await.expect(200);
    assert_eq!((&event["id"], &event["event_type"]), (&json!(id), &json!("city.updated")));
    assert_eq!(app.get(&user.token, &path).await.outcome(), (403, "access_denied"));
    for unknown in ["01947018-43d0-7000-8000-000000000009", "7", "x"] {
        for path in [format!("/api/events/{unknown}"), format!("/api/events/{unknown}/journey")] {
            assert_eq!(app.get(&admin.token, &path).await.outcome(), (404, "not_found"), "{path}");
        }
    }
}
