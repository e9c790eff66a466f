//! The labels of `/metrics` after traffic: each has a value of a bounded list, whatever publishers and clients send.

use std::collections::BTreeSet;

use serde_json::json;
use service_kit::messaging::Publisher as _;
use shared_events::events::AccountCreated;
use shared_events::routing::LOG_QUEUE;
use test_support::scrape::{is_among, is_of_every_service, refused_labels, routes};

use crate::consumer::{message, to_exchange};
use crate::harness::{App, Who, event};

const OUTCOMES: &str = "done skipped retry postponed dead paused full expired";

fn allows(routes: &BTreeSet<String>, metric: &str, label: &str, value: &str) -> bool {
    match (metric, label) {
        ("bank_event_end_to_end_seconds", "end") => value == "logged",
        (_, "queue") => value == LOG_QUEUE,
        ("bank_messages_total", "outcome") => is_among(OUTCOMES, value),
        (_, "dependency") => value == "log_store",
        _ => is_of_every_service(routes, metric, label, value),
    }
}

#[actix_web::test]
async fn neither_a_publisher_nor_a_client_adds_a_value_to_a_label() {
    let app = App::start().await;
    let routes = routes(&app.get(Who::Nobody, "/openapi.json").await.json());
    app.broker.publish(to_exchange(&message::<AccountCreated>(7))).await;
    let mut invented = event(Some(7), "invented");
    invented["event_type"] = json!("spaceship.launched");
    app.record(invented).await;
    app.get(Who::Admin, "/api/logs/no-id-at-all").await;
    app.get(Who::Admin, "/an/invented/path").await;

    let scrape = app.get(Who::Nobody, "/metrics").await.text;
    for line in [
        "bank_log_recorded_total{event_type=\"other\"} 1",
        "bank_event_end_to_end_seconds_count{end=\"logged\",event_type=\"account.created\"} 1",
        "bank_message_age_seconds_count{queue=\"log-service\"} 1",
        "bank_dependency_up{dependency=\"log_store\"} 1",
        "bank_ready 1",
    ] {
        assert!(scrape.lines().any(|shown| shown == line), "{line} in {scrape}");
    }
    let refused = refused_labels(&scrape, |metric, label, value| allows(&routes, metric, label, value));
    assert!(refused.is_empty(), "{refused:?}");
    app.running.stop().await;
}
