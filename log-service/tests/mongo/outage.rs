//! The server stops in the middle of traffic and comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use service_kit::messaging::{Delivery, Destination, Outgoing, Progress, PublishResult, Publisher};
use shared_events::WireMessage;
use shared_events::events::AccountCreated;
use test_support::eventually;

use crate::backend::Place;
use crate::consumer::message;
use crate::harness::{App, Who, event};
use crate::server::Mongod;
use crate::traffic::{Traffic, assert_shown_once, follow};

/// From the server's return to the first delivery.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

async fn total(app: &App) -> i64 {
    app.get(Who::Admin, "/api/logs").await.json()["total"].as_i64().unwrap_or(-1)
}

/// Publishes until it is accepted, as the outbox does; no attempt may be spent meanwhile.
async fn publish(app: &App, event: WireMessage) {
    let mut progress = Progress::default();
    loop {
        let outgoing = Outgoing { message: event.clone(), destination: Destination::Exchange, progress };
        progress = match app.broker.publish(outgoing).await {
            PublishResult::Accepted => return,
            PublishResult::Later { progress, .. } => progress,
            PublishResult::Unrouted { reason, .. } | PublishResult::Unavailable { reason } => panic!("{reason}"),
        };
        let spent = progress.get("log-service").map_or(0, |progress| progress.counts().attempts);
        assert_eq!(spent, 0, "an outage spends no attempts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn a_server_that_is_killed_in_the_middle_of_traffic_loses_and_doubles_nothing() {
    let mut server = Mongod::start().await;
    let app = App::start_in(Arc::new(Place::on(&server.uri()))).await;
    let traffic = Traffic::default();
    let fault = async {
        for outage in [Duration::from_millis(100), Duration::from_secs(2)] {
            traffic.flows().await;
            server.kill();
            tokio::time::sleep(outage).await;
            server.restart().await;
        }
        traffic.flows().await;
        traffic.stop();
    };
    let store = [app.running.store()];
    let ((written, streamed), ()) = tokio::join!(follow(&app, traffic.write(&store)), fault);
    assert_shown_once(&app, &written, &streamed).await;
    println!("killed twice: {} entries, none lost, none doubled", written.len());
    app.running.stop().await;
}

#[actix_web::test]
async fn a_primary_that_is_killed_is_followed_by_another_and_nothing_is_lost_or_doubled() {
    let mut set = Mongod::start_set().await;
    let uri = format!("mongodb://{}/?replicaSet=rs0", set.iter().map(Mongod::address).collect::<Vec<_>>().join(","));
    let place = Arc::new(Place::on(&uri));
    let (one, other) = (App::start_in(Arc::clone(&place)).await, App::start_in(place).await);
    let traffic = Traffic::default();
    let fault = async {
        traffic.flows().await;
        let mut primary = 0;
        for (n, server) in set.iter().enumerate() {
            primary = if server.is_primary().await { n } else { primary };
        }
        set[primary].kill();
        traffic.flows().await;
        traffic.stop();
    };
    let stores = [one.running.store(), other.running.store()];
    let ((written, streamed), ()) = tokio::join!(follow(&one, traffic.write(&stores)), fault);
    assert_shown_once(&one, &written, &streamed).await;
    println!("primary killed: {} entries, none lost, none doubled", written.len());
    one.running.stop().await;
    other.running.stop().await;
}

#[actix_web::test]
async fn an_outage_pauses_the_queue_and_heals_by_itself() {
    let mut server = Mongod::start().await;
    let app = App::start_in(Arc::new(Place::on(&server.uri()))).await;
    publish(&app, message::<AccountCreated>(1)).await;
    server.kill();
    assert!(app.running.consumer().dependency().await.is_err());
    let refused = app.post(Who::Service, "/api/logs", &event(None, "refused")).await;
    assert_eq!((refused.status.as_u16(), refused.headers.contains_key("retry-after")), (503, true), "{}", refused.text);
    assert_eq!(app.get(Who::Admin, "/api/logs").await.status, 503);
    eventually("not ready", async || app.get(Who::Nobody, "/readyz").await.status == 503).await;
    assert_eq!(app.get(Who::Nobody, "/livez").await.status, 200);

    let delivered = async {
        publish(&app, message::<AccountCreated>(1)).await;
        Instant::now()
    };
    let queue = app.running.consumer_settings().queue;
    let back = async {
        eventually("the queue is paused", async || app.broker.is_paused(&queue)).await;
        server.restart().await;
        Instant::now()
    };
    let (delivered, back) = tokio::join!(delivered, back);
    let took = delivered.saturating_duration_since(back);
    println!("first delivery {} ms after the server was back", took.as_millis());
    assert!(took < WAIT_LIMIT, "{took:?}");
    eventually("both are shown", async || total(&app).await == 2).await;
    eventually("ready", async || app.get(Who::Nobody, "/readyz").await.status == 200).await;
    assert!(app.dead_letters.all().is_empty());
    app.running.stop().await;
}

#[actix_web::test]
async fn a_server_that_falls_silent_costs_a_call_its_time_and_no_more() {
    let server = Mongod::start().await;
    let app = App::start_in(Arc::new(Place::on(&server.uri()))).await;
    app.record(event(None, "before")).await;
    server.stop();
    let began = Instant::now();
    let delivery = Delivery { message: message::<AccountCreated>(1), attempt: 1, redelivered: false };
    let outcome = app.running.consumer().handle(&[delivery]).await;
    assert!(matches!(outcome.as_slice(), [service_kit::messaging::HandlerResult::Later { .. }]), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    server.resume();
    eventually("it goes on", async || {
        app.post(Who::Service, "/api/logs", &event(None, "after")).await.status.is_success()
    })
    .await;
    app.running.stop().await;
}
