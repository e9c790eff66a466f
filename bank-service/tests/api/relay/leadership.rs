//! Several replicas on one database: one publishes, and another takes over. With SQLite there is one process, which always leads.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use service_kit::config::Secret;
use test_support::{eventually, stays};
use tokio::task::JoinHandle;

use super::support::RecordingPublisher;
use crate::database;
use crate::harness::{TestApp, start_of_tests};

/// Another replica on the same database.
async fn beside(first: &TestApp) -> TestApp {
    let url = database::of(first.folder.path()).await;
    TestApp::start_with(move |config| config.database_url = url).await
}

fn relay(app: &TestApp, recorder: &Arc<RecordingPublisher>) -> JoinHandle<()> {
    service_kit::task::spawn("relay", app.running.relay(recorder.clone()).run())
}

fn leads(app: &TestApp) -> bool {
    shows(app, "bank_outbox_relay_leader 1")
}

fn shows(app: &TestApp, line: &str) -> bool {
    app.running.state.metrics.render().lines().any(|shown| shown == line)
}

async fn statement(app: &TestApp, sql: &str) {
    let url: Secret = database::of(app.folder.path()).await;
    let mut connection = mysql_async::Conn::from_url(url.expose()).await.unwrap();
    connection.query_drop(sql).await.unwrap();
}

#[actix_web::test]
async fn a_process_that_is_alone_publishes_at_once() {
    let app = TestApp::start().await;
    app.empty_outbox().await;
    app.city_event(1, "a").await;
    let recorder = Arc::new(RecordingPublisher::new());
    let relay = relay(&app, &recorder);
    eventually("it is published", async || app.unsent().await == 0).await;
    assert!(leads(&app));
    let since = format!("bank_outbox_relay_leader_since_timestamp_seconds {}", start_of_tests().timestamp());
    assert!(shows(&app, &since), "{since}");
    app.shutdown.begin();
    relay.await.unwrap();
    assert!(!leads(&app) && shows(&app, "bank_outbox_relay_leader_since_timestamp_seconds 0"));
    if let Some(mut next) = app.running.state.store.lease("outbox-relay") {
        assert!(next.hold(Duration::from_secs(3)).await.unwrap(), "the next one need not wait");
    }
}

#[actix_web::test]
#[ignore = "on a server only: make test-real runs it"]
async fn of_two_replicas_one_publishes_what_both_commit_and_the_other_follows_at_shutdown() {
    assert!(database::on_server(), "TEST_DATABASE_URL names no server");
    let first = TestApp::start().await;
    first.empty_outbox().await;
    let second = beside(&first).await;
    let (recorder, others) = (Arc::new(RecordingPublisher::new()), Arc::new(RecordingPublisher::new()));
    let one = relay(&first, &recorder);
    eventually("the first leads", async || leads(&first)).await;
    let two = relay(&second, &others);
    for n in 0..40 {
        let app = if n % 2 == 0 { &first } else { &second };
        app.city_event(n % 3 + 1, &n.to_string()).await;
    }
    eventually("all are sent", async || first.unsent().await == 0).await;
    assert_eq!((recorder.count(), others.count()), (40, 0), "each is published once, by the leader");
    assert!(!leads(&second));

    first.shutdown.begin();
    one.await.unwrap();
    second.city_event(1, "after").await;
    eventually("the second has taken over", async || second.unsent().await == 0).await;
    assert_eq!((recorder.count(), others.count()), (40, 1));
    second.shutdown.begin();
    two.await.unwrap();
}

#[actix_web::test]
#[ignore = "on a server only: make test-real runs it"]
async fn a_lease_that_nobody_renews_is_taken_over() {
    assert!(database::on_server(), "TEST_DATABASE_URL names no server");
    let app = TestApp::start().await;
    app.empty_outbox().await;
    // The state after a process was killed.
    let mut dead = app.running.state.store.lease("outbox-relay").unwrap();
    assert!(dead.hold(Duration::from_secs(3)).await.unwrap());
    app.city_event(1, "a").await;
    let recorder = Arc::new(RecordingPublisher::new());
    let relay = relay(&app, &recorder);
    let took = eventually("it is published", async || app.unsent().await == 0).await;
    assert!(took > Duration::from_secs(1), "before it ran out: {took:?}");
    assert!(!dead.hold(Duration::from_secs(3)).await.unwrap(), "who comes back late does not get it");
    dead.give_up().await.unwrap();
    assert!(leads(&app), "and cannot give away what is another's");
    app.shutdown.begin();
    relay.await.unwrap();
}

#[actix_web::test]
#[ignore = "on a server only: make test-real runs it"]
async fn a_leader_that_cannot_renew_stops_before_its_lease_runs_out_and_goes_on_later() {
    assert!(database::on_server(), "TEST_DATABASE_URL names no server");
    let app = TestApp::start().await;
    app.empty_outbox().await;
    let recorder = Arc::new(RecordingPublisher::new());
    let relay = relay(&app, &recorder);
    eventually("it leads", async || leads(&app)).await;
    statement(&app, "RENAME TABLE leases TO leases_away").await;
    eventually("it does not lead any more", async || !leads(&app)).await;
    app.city_event(1, "a").await;
    let is_kept = async || (app.unsent().await, recorder.count()) == (1, 0);
    stays("the event is kept", Duration::from_millis(500), is_kept).await;

    statement(&app, "RENAME TABLE leases_away TO leases").await;
    eventually("it is published", async || app.unsent().await == 0).await;
    assert_eq!(recorder.count(), 1);
    app.shutdown.begin();
    relay.await.unwrap();
}
