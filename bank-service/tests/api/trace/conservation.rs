//! Every published event is accounted for, and a lost one is detected.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bank_service::trace::Conservation;
use serde_json::json;
use service_kit::clock::Clock as _;
use service_kit::messaging::DeadLetters as _;
use service_kit::messaging::dead_letters::Backlog;
use shared_events::EventId;
use shared_events::events::{BankCreated, CityUpdated, EmailRequested, Event as _};
use test_support::eventually;

use super::peer_stubs::PeerStubs;
use crate::harness::{ADMIN, TestApp};

/// A service with an empty outbox, with peers, and its conservation check.
async fn start() -> (TestApp, PeerStubs, Conservation) {
    let peers = PeerStubs::start();
    let app = TestApp::start_with(|config| {
        config.log_service_url.clone_from(&peers.url);
        config.email_service_url = Some(peers.url.clone());
    })
    .await;
    app.running.relay(app.dead_letters.transport.clone()).drain().await.unwrap();
    // Events of the service's start are outside of the checked period.
    app.clock.advance(Duration::from_hours(1));
    let watch = app.running.conservation();
    (app, peers, watch)
}

async fn publish(app: &TestApp) {
    app.running.relay(app.dead_letters.transport.clone()).drain().await.unwrap();
}

fn shown(app: &TestApp, line: &str) -> bool {
    let text = app.running.state.metrics.render();
    // Labels are sorted by name, and `end` comes before `event_type`.
    text.lines().any(|found| found == line)
}

fn unaccounted(app: &TestApp, event_type: &str, count: usize) -> bool {
    shown(app, &format!("bank_events_unaccounted{{event_type=\"{event_type}\"}} {count}"))
}

async fn cities(app: &TestApp, count: usize) -> Vec<EventId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(app.commit(&CityUpdated::example()).await);
    }
    ids
}

#[actix_web::test]
async fn an_event_that_is_nowhere_is_seen_and_one_that_turns_up_is_forgiven() {
    let (app, peers, mut watch) = start().await;
    let ids = cities(&app, 3).await;
    watch.check().await.unwrap();
    assert!(shown(&app, "bank_events_waiting{event_type=\"city.updated\"} 3"));
    app.clock.advance(Duration::from_secs(7));
    watch.check().await.unwrap();
    assert!(shown(&app, "bank_outbox_oldest_seconds 7"), "{}", app.running.state.metrics.render());
    publish(&app).await;
    ids.iter().skip(1).for_each(|id| peers.log(*id));
    app.clock.advance(Duration::from_secs(3));
    watch.check().await.unwrap();
    assert!(
        shown(&app, "bank_events_in_flight{event_type=\"city.updated\"} 1") && unaccounted(&app, "city.updated", 0)
    );
    assert!(shown(&app, "bank_events_oldest_in_flight_seconds{queue=\"log-service\"} 3"));
    assert!(shown(&app, "bank_events_oldest_in_flight_seconds{queue=\"email-service\"} 0"));
    app.clock.advance(Duration::from_secs(2));
    watch.check().await.unwrap();
    assert!(unaccounted(&app, "city.updated", 1), "{}", app.running.state.metrics.render());
    assert!(shown(&app, "bank_events_ended_total{end=\"logged\",event_type=\"city.updated\"} 2"));
    assert!(shown(&app, "bank_events_committed_total{event_type=\"city.updated\"} 3"));
    peers.log(ids[0]);
    watch.check().await.unwrap();
    assert!(unaccounted(&app, "city.updated", 0));
    assert!(shown(&app, "bank_events_ended_total{end=\"logged\",event_type=\"city.updated\"} 3"));
}

#[actix_web::test]
async fn a_dead_letter_is_parked_until_it_is_replayed_or_discarded() {
    let (app, peers, mut watch) = start().await;
    let ids = cities(&app, 2).await;
    let events = app.events().await;
    publish(&app).await;
    for event in &events {
        app.dead_letters.add("log-service", shared_events::WireMessage::encode(event).unwrap()).await;
    }
    app.clock.advance(Duration::from_secs(10));
    watch.check().await.unwrap();
    assert!(shown(&app, "bank_events_parked{event_type=\"city.updated\"} 2") && unaccounted(&app, "city.updated", 0));

    let admin = app.admin().await;
    let discard = json!({"queue": "log-service", "ids": [ids[0]]});
    app.post(&admin.token, "/api/dead-letters/discard", discard).await.expect(200);
    app.dead_letters.kept.remove("log-service", ids[1]).await.unwrap();
    app.clock.advance(Duration::from_secs(11));
    watch.check().await.unwrap();
    assert!(shown(&app, "bank_events_ended_total{end=\"discarded\",event_type=\"city.updated\"} 1"));
    assert!(unaccounted(&app, "city.updated", 1), "one was removed behind our back");
    peers.log(ids[1]);
    watch.check().await.unwrap();
    assert!(unaccounted(&app, "city.updated", 0));
}

#[actix_web::test]
async fn an_unavailable_log_makes_no_event_unaccounted_and_hides_none() {
    let (app, peers, mut watch) = start().await;
    cities(&app, 1).await;
    publish(&app).await;
    peers.state.is_down.store(true, Ordering::SeqCst);
    cities(&app, 2).await;
    app.clock.advance(Duration::from_mins(10));
    assert!(watch.check().await.is_err());
    assert!(shown(&app, "bank_conservation_up 0"));
    assert!(shown(&app, "bank_events_waiting{event_type=\"city.updated\"} 2"), "the outbox needs no log");
    assert!(shown(&app, "bank_outbox_oldest_seconds 600"));
    assert!(!unaccounted(&app, "city.updated", 1));
    peers.state.is_down.store(false, Ordering::SeqCst);
    watch.check().await.unwrap();
    assert!(!unaccounted(&app, "city.updated", 1), "what it had in hand may come again");
    app.clock.advance(Duration::from_secs(5));
    watch.check().await.unwrap();
    assert!(unaccounted(&app, "city.updated", 1));
}

/// However long that lasts, and whatever else is logged meanwhile.
#[actix_web::test]
async fn an_event_in_a_queue_or_in_flight_is_not_missing_and_one_in_neither_is() {
    let (app, peers, mut watch) = start().await;
    let lost = cities(&app, 1).await[0];
    publish(&app).await;
    let states: [(Backlog, bool); 4] = [
        (Backlog { ready: true, delayed: false, consumers: 1 }, false),
        (Backlog { ready: false, delayed: true, consumers: 1 }, false),
        (Backlog { ready: false, delayed: false, consumers: 1 }, true),
        (Backlog { ready: false, delayed: false, consumers: 2 }, false),
    ];
    for (waiting, is_in_flight) in states {
        *app.dead_letters.backlog.lock().unwrap() = waiting;
        peers.state.is_in_flight.store(is_in_flight, Ordering::SeqCst);
        let later = cities(&app, 1).await[0];
        publish(&app).await;
        peers.log(later);
        app.clock.advance(Duration::from_mins(1));
        watch.check().await.unwrap();
        watch.check().await.unwrap();
        assert!(unaccounted(&app, "city.updated", 0), "{waiting:?} {is_in_flight}");
    }
    *app.dead_letters.backlog.lock().unwrap() = Backlog { consumers: 1, ..Backlog::default() };
    watch.check().await.unwrap();
    assert!(unaccounted(&app, "city.updated", 1), "{lost}: {}", app.running.state.metrics.render());
}

/// What the process that ended has reported is not waited for.
#[actix_web::test]
async fn a_lost_event_is_seen_as_soon_after_a_restart_of_log_service() {
    let (app, peers, mut watch) = start().await;
    *app.dead_letters.backlog.lock().unwrap() = Backlog { consumers: 1, ..Backlog::default() };
    for restarts in 0..2 {
        peers.state.restarts.store(restarts, Ordering::SeqCst);
        cities(&app, 1).await;
        publish(&app).await;
        app.clock.advance(Duration::from_secs(5));
        watch.check().await.unwrap();
        assert!(unaccounted(&app, "city.updated", usize::try_from(restarts).unwrap() + 1), "{restarts} restarts");
    }
}

/// The event is neither in a queue nor in the log for a moment: a consumer has it in flight.
#[actix_web::test]
async fn an_event_in_flight_is_checked_again_before_it_is_called_missing() {
    let (app, peers, mut watch) = start().await;
    let id = cities(&app, 1).await[0];
    publish(&app).await;
    app.clock.advance(Duration::from_secs(10));
    let searches = || peers.state.quiet_moments.load(Ordering::SeqCst);
    let before = searches();
    let consuming = async {
        // Among the new events, and among those that have not reached their end.
        eventually("it was searched for in vain", async || searches() >= before + 2).await;
        peers.log(id);
    };
    let (checked, ()) = futures_util::future::join(watch.check(), consuming).await;
    checked.unwrap();
    assert!(unaccounted(&app, "city.updated", 0));
    assert!(shown(&app, "bank_events_ended_total{end=\"logged\",event_type=\"city.updated\"} 1"));
}

#[actix_web::test]
async fn a_mail_is_an_end_and_one_that_cannot_be_sent_now_is_in_flight() {
    let (app, peers, mut watch) = start().await;
    let (requested, bank) = (app.commit(&EmailRequested::example()).await, app.commit(&BankCreated::example()).await);
    publish(&app).await;
    peers.state.cannot_mail.store(true, Ordering::SeqCst);
    app.clock.advance(Duration::from_mins(1));
    watch.check().await.unwrap();
    assert!(unaccounted(&app, "bank.created", 0) && unaccounted(&app, "email.requested", 0));
    peers.state.cannot_mail.store(false, Ordering::SeqCst);
    watch.check().await.unwrap();
    assert!(unaccounted(&app, "bank.created", 1) && unaccounted(&app, "email.requested", 1));
    app.confirm_mail(requested, "sent", None).await;
    app.confirm_mail(bank, "rejected", Some("550 no such mailbox")).await;
    watch.check().await.unwrap();
    assert!(unaccounted(&app, "bank.created", 0) && unaccounted(&app, "email.requested", 0));
    assert!(shown(&app, "bank_events_ended_total{end=\"mailed\",event_type=\"email.requested\"} 1"));
    assert!(shown(&app, "bank_events_ended_total{end=\"rejected\",event_type=\"bank.created\"} 1"));
}

#[actix_web::test]
async fn thousands_of_events_are_counted_once_each() {
    let (app, peers, mut watch) = start().await;
    let event = CityUpdated::example();
    let store = &app.running.state.store;
    let write = move |_: &mut _, _: &_| {
        let events = (0..1300).map(|_| bank_service::store::PendingEvent::new(&event));
        Ok::<_, bank_service::store::StoreError>(bank_service::store::Outcome::new(()).events(events))
    };
    store.write(&app.running.state.ctx_anonymous(), write).await.unwrap();
    for event in app.events().await {
        peers.log(event.id);
    }
    publish(&app).await;
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(5));
        watch.check().await.unwrap();
    }
    assert!(shown(&app, "bank_events_committed_total{event_type=\"city.updated\"} 1300"));
    assert!(shown(&app, "bank_events_ended_total{end=\"logged\",event_type=\"city.updated\"} 1300"));
}

/// As in production: the transport takes an event and loses it, and within ten seconds of the service's clock the metrics show it.
#[actix_web::test]
async fn a_lost_event_shows_in_the_metrics_within_ten_seconds() {
    let (mut app, peers, _) = start().await;
    // Before the relay starts, which would publish the event before its id is read.
    let lost = cities(&app, 1).await[0];
    app.running.start_relay(app.dead_letters.transport.clone());
    let (started, began) = (app.clock.now(), Instant::now());
    while !unaccounted(&app, "city.updated", 1) {
        assert!(began.elapsed() < Duration::from_mins(1), "{}", app.running.state.metrics.render());
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.clock.advance(Duration::from_millis(100));
    }
    let took = app.clock.now() - started;
    assert!(took < chrono::TimeDelta::seconds(10), "{took}");
    app.running.state.ensure_admin(ADMIN, &service_kit::config::Secret::new(crate::harness::PASSWORD)).await.unwrap();
    let admin = app.person(ADMIN).await;
    let journey = app.get(&admin.token, &format!("/api/events/{lost}/journey")).await.expect(200);
    assert_eq!(journey["state"], "unaccounted", "{journey}");
    drop(peers);
    app.stop().await;
}

/// The value of an older system's `ROUTING_KEY`; email-service takes the other types, so that they are still routed.
#[actix_web::test]
async fn what_log_service_does_not_listen_to_is_not_missing_from_the_log() {
    let (app, peers, mut watch) = start().await;
    *peers.state.routing_keys.lock().unwrap() = vec!["account.created".to_owned(), "security.*".to_owned()];
    let id = cities(&app, 1).await[0];
    publish(&app).await;
    app.clock.advance(Duration::from_mins(1));
    watch.check().await.unwrap();
    assert!(!unaccounted(&app, "city.updated", 1), "{}", app.running.state.metrics.render());
    assert!(shown(&app, "bank_events_ended_total{end=\"untracked\",event_type=\"city.updated\"} 1"));
    let admin = app.admin().await;
    let journey = app.get(&admin.token, &format!("/api/events/{id}/journey")).await.expect(200);
    assert_eq!(journey["state"], "untracked", "{journey}");
}
