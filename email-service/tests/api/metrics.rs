//! The labels of `/metrics` after traffic: each has a value of a bounded list, whatever publishers and clients send.

use std::collections::BTreeSet;

use shared_events::Event;
use shared_events::events::{CardCreated, UserCreated};
use test_support::scrape::{is_among, is_of_every_service, refused_labels, routes};

use crate::support::{App, event};

const OUTCOMES: &str = "sent rejected failed unavailable recorded_late duplicate elsewhere refused";

fn allows(routes: &BTreeSet<String>, metric: &str, label: &str, value: &str) -> bool {
    match (metric, label) {
        ("bank_event_end_to_end_seconds", "end") => value == "mailed",
        ("bank_emails_total", "outcome") => is_among(OUTCOMES, value),
        (_, "dependency") => is_among("mailer store", value),
        _ => is_of_every_service(routes, metric, label, value),
    }
}

#[actix_rt::test]
async fn neither_a_publisher_nor_a_client_adds_a_value_to_a_label() {
    let app = App::start().await;
    let routes = routes(&app.request("GET", "/openapi.json", None, None).await.1);
    app.publish_until_accepted(&event(&UserCreated::example())).await;
    let mut invented = event(&CardCreated::example());
    invented.event_type = "spaceship.created".parse().unwrap();
    app.publish(&invented).await;
    app.request("GET", "/an/invented/path", None, None).await;
    app.request("GET", "/api/emails/no-id-at-all", Some(&app.token(&["admin"])), None).await;

    // The event is of four seconds before the test's time.
    let of_bucket = |bound| {
        let labels = [("end", "mailed"), ("event_type", "user.created"), ("le", bound)];
        app.metric("bank_event_end_to_end_seconds_bucket", &labels)
    };
    assert_eq!((of_bucket("2.5"), of_bucket("5")), (0, 1));
    let (_, scrape) = app.request("GET", "/metrics", None, None).await;
    let scrape = scrape.as_str().unwrap();
    for line in ["bank_emails_skipped_total{event_type=\"other\"} 1", "bank_ready 1"] {
        assert!(scrape.lines().any(|shown| shown == line), "{line} in {scrape}");
    }
    let refused = refused_labels(scrape, |metric, label, value| allows(&routes, metric, label, value));
    assert!(refused.is_empty(), "{refused:?}");
    app.stop().await;
}
