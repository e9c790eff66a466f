//! `/api/ledger/verify`: one check at a time, and its result.

use serde_json::{Value, json};
use test_support::eventually;

use crate::resources::fixture::Fixture;

const PATH: &str = "/api/ledger/verify";

async fn read(fixture: &Fixture) -> Value {
    fixture.app.get(&fixture.admin.token, PATH).await.expect(200)
}

/// Starts a check and waits until it has ended.
async fn check(fixture: &Fixture) -> Value {
    let started = fixture.app.post(&fixture.admin.token, PATH, json!({})).await.expect(202);
    assert_eq!((&started["state"], &started["finished_at"]), (&json!("running"), &Value::Null), "{started}");
    eventually("the check ends", async || read(fixture).await["state"] != "running").await;
    read(fixture).await
}

#[actix_web::test]
async fn a_check_reports_what_it_found_and_the_next_one_replaces_it() {
    let fixture = Fixture::new().await;
    let none = read(&fixture).await;
    assert_eq!(
        (&none["state"], &none["started_at"], &none["violations"]),
        (&json!("none"), &Value::Null, &Value::Null)
    );
    let sound = check(&fixture).await;
    let time = json!("2026-01-16T17:10:26Z");
    assert_eq!((&sound["started_at"], &sound["finished_at"]), (&time, &time), "{sound}");
    let counts = ["entries", "transfers", "violations"].map(|name| sound[name].as_i64().unwrap());
    assert_eq!((&sound["state"], counts, &sound["listed"]), (&json!("done"), [8, 4, 0], &json!([])), "{sound}");

    fixture.app.sql_change("UPDATE ledger_accounts SET balance = balance + 5 WHERE kind = 'account'").await;
    let broken = check(&fixture).await;
    assert_eq!((&broken["state"], &broken["violations"]), (&json!("done"), &json!(3)), "{broken}");
    assert_eq!((&broken["full"], &broken["entries"]), (&json!(false), &json!(0)), "nothing was posted since");
    assert!(broken["listed"].as_array().unwrap().contains(&json!("all EUR sum to 10 instead of 0")), "{broken}");
}

#[actix_web::test]
async fn a_full_check_reads_again_what_was_found_sound() {
    let fixture = Fixture::new().await;
    check(&fixture).await;
    let full = format!("{PATH}?full=true");
    fixture.app.post(&fixture.admin.token, &full, json!({})).await.expect(202);
    eventually("the check ends", async || read(&fixture).await["state"] != "running").await;
    let again = read(&fixture).await;
    assert_eq!(
        (&again["full"], &again["entries"], &again["transfers"]),
        (&json!(true), &json!(8), &json!(4)),
        "{again}"
    );
    for wrong in ["?full=yes", "?full=", "?deep=true"] {
        let refused = fixture.app.post(&fixture.admin.token, &format!("{PATH}{wrong}"), json!({})).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"), "{wrong}");
    }
}

#[actix_web::test]
async fn a_check_that_cannot_read_the_ledger_has_failed_and_is_no_obstacle_to_the_next() {
    let fixture = Fixture::new().await;
    fixture.app.sql_change("UPDATE __diesel_schema_migrations SET version = CONCAT('9', version)").await;
    let failed = check(&fixture).await;
    assert_eq!((&failed["state"], &failed["violations"]), (&json!("failed"), &Value::Null), "{failed}");
    fixture.app.sql_change("UPDATE __diesel_schema_migrations SET version = SUBSTR(version, 2)").await;
    assert_eq!(check(&fixture).await["state"], "done");
}
