//! The labels of `/metrics` after traffic: each has a value of a bounded list, whatever clients send.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use shared_events::events::{CityUpdated, Event as _};
use shared_events::routing::QUEUES;
use test_support::scrape::{is_among, is_of_every_service, refused_labels, routes};

use crate::harness::PASSWORD;
use crate::resources::fixture::Fixture;

const KINDS: &str = "transfer deposit withdrawal opening adjustment closing reversal";
/// The results of effects, and the codes of refusals.
const EFFECTS: &str = "posted held captured voided expired replayed failed idempotency_key_reused not_found \
                       access_denied same_account currency_mismatch insufficient_funds unknown_recipient account_closed \
                       balance_out_of_range hold_ended validation_failed not_posted not_reversible overdraft_in_use \
                       internal_error";

fn allows(routes: &BTreeSet<String>, metric: &str, label: &str, value: &str) -> bool {
    match (metric, label) {
        ("bank_logins_total", "method") => is_among("password second_factor social", value),
        ("bank_logins_total", "result") => is_among("success mfa_required blocked overloaded failed refused", value),
        (_, "queue") => QUEUES.contains(&value),
        (_, "dependency") => value == "database",
        (_, "access") => is_among("read write", value),
        (_, "fault") => is_among("busy conflict disk_full unavailable", value),
        ("bank_ledger_transfers_total", "kind") => is_among(KINDS, value),
        ("bank_ledger_transfers_total", "result") => is_among(EFFECTS, value),
        ("bank_ledger_held_minor_units", "currency") => value == "EUR",
        ("bank_messages_above_alarm_total", "kind") => is_among("mail text_message", value),
        ("bank_wrong_codes_total", "purpose") => is_among("phone password_reset", value),
        ("bank_outbox_publish_total", "result") => is_among("accepted later returned unavailable", value),
        ("bank_log_posts_total", "result") => is_among("logged again refused", value),
        ("bank_events_ended_total", "end") => is_among("logged mailed rejected discarded", value),
        _ => is_of_every_service(routes, metric, label, value),
    }
}

#[actix_web::test]
async fn no_client_adds_a_value_to_a_label() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let routes = routes(&app.send(app.request(Method::GET, "/openapi.json", None)).await.expect(200));
    fixture.pay(5).await;
    let too_much = fixture.to_bob(10_000);
    app.post(ada.token(), "/api/transfers", too_much).await.expect(422);
    app.login("nobody-in-particular@example.com", PASSWORD).await.expect(401);
    for path in ["/an/invented/path", "/api/cards/981273645", "/api/banks/x%22y"] {
        app.get(ada.token(), path).await;
    }
    let invented = Method::from_bytes(b"BREW").unwrap();
    app.send(app.request(invented, "/api/banks", Some(ada.token())).json(&json!({}))).await;
    app.commit(&CityUpdated::example()).await;
    app.running.relay(app.dead_letters.transport.clone()).drain().await.unwrap();
    app.clock.advance(Duration::from_secs(3));
    // Without log-service it counts what waits, and fails.
    app.running.conservation().check().await.unwrap_err();

    let scrape = app.send(app.request(Method::GET, "/metrics", None)).await.expect(200);
    let scrape = scrape.as_str().unwrap();
    for line in [
        "bank_logins_total{method=\"password\",result=\"refused\"} 1",
        "bank_dependency_up{dependency=\"database\"} 1",
        "bank_ready 1",
    ] {
        assert!(scrape.lines().any(|shown| shown == line), "{line} in {scrape}");
    }
    for part in [
        "bank_logins_total{method=\"password\",result=\"success\"} ",
        "bank_database_wait_seconds_count{access=\"write\"} ",
        "bank_password_hash_wait_seconds_count ",
        "bank_outbox_publish_total{result=\"accepted\"} ",
    ] {
        assert!(scrape.contains(part), "{part} in {scrape}");
    }
    let refused = refused_labels(scrape, |metric, label, value| allows(&routes, metric, label, value));
    assert!(refused.is_empty(), "{refused:?}");
}
