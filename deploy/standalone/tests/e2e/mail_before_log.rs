//! `bank.created`: mailed first, then logged; and never logged while its mail cannot be written.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{found, stays};

use crate::api::Api;
use crate::process::{Place, Standalone};

const SECOND: Duration = Duration::from_secs(1);
const WAIT_LIMIT: Duration = Duration::from_mins(1);
/// The length of the mailbox outage: longer than any pause between two retries of the system within it.
const OUTAGE: Duration = Duration::from_secs(3);
const PASSWORD: &str = "correct horse battery staple";

async fn is_logged(admin: &Api, bank: &Value) -> Option<Value> {
    admin.log_of("bank.created", &bank["id"]).await
}

#[tokio::test]
async fn a_bank_is_mailed_and_logged_only_then() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    for name in ["First Bank", "Second Bank", "Third Bank"] {
        let bank = admin.create("/api/banks", json!({"name": name})).await;
        let begun = Instant::now();
        let (mail, mailed_after) = found("the bank's mail", WAIT_LIMIT, async || {
            // The log is read first: an entry seen before the mail was logged too early.
            let entry = is_logged(&admin, &bank).await;
            let mail = place.mailbox().find("operator@bank.localhost", name).pop();
            assert!(entry.is_none() || mail.is_some(), "logged before it was mailed: {entry:?}");
            mail
        })
        .await;
        let (entry, _) = found("the bank's log entry", WAIT_LIMIT, async || is_logged(&admin, &bank).await).await;
        assert_eq!(entry["event_id"], mail.event_id.as_str());
        assert_eq!(entry["data"]["name"], name);
        println!(
            "{name}: mailed after {} ms, logged after {} ms",
            mailed_after.as_millis(),
            begun.elapsed().as_millis()
        );
    }
}

#[tokio::test]
async fn a_bank_waits_for_its_mailbox_while_everything_else_goes_on() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    let open = admin.create("/api/banks", json!({"name": "Open Bank"})).await;
    let customer = customer(&system).await;
    place.mailbox().block().unwrap();

    let bank = admin.create("/api/banks", json!({"name": "Waiting Bank"})).await;
    let account = customer.create("/api/accounts", json!({"bank_id": open["id"], "balance": 7})).await;
    let logged = async || admin.log_of("account.created", &account["id"]).await;
    let (opened, _) = found("account.created is logged", WAIT_LIMIT, logged).await;
    let is_unlogged = async || is_logged(&admin, &bank).await.is_none();
    stays("the bank is not logged without a mail", OUTAGE, is_unlogged).await;

    place.mailbox().unblock().unwrap();
    let healed = Instant::now();
    let (entry, _) = found("the bank's log entry", WAIT_LIMIT, async || is_logged(&admin, &bank).await).await;
    let event_id = entry["event_id"].as_str().unwrap();
    assert!(place.mailbox().of_event(event_id).is_some(), "logged without a mail");
    let opened = opened["event_id"].as_str().unwrap();
    found("the account's mail", WAIT_LIMIT, async || place.mailbox().of_event(opened)).await;
    println!("mailed and logged {} ms after the mailbox was back", healed.elapsed().as_millis());
    exactly_once(&place, &admin, &bank, event_id).await;
}

/// A user who is a client.
async fn customer(system: &Standalone) -> Api {
    let user = Api::register(&system.urls, "waiting@example.com", PASSWORD).await;
    user.create("/api/clients", json!({"name": "Patient Client"})).await;
    user
}

/// Still one mail and one entry, and no dead letter, after enough time for a duplicate of each.
async fn exactly_once(place: &Place, admin: &Api, bank: &Value, event_id: &str) {
    stays("mailed and logged once", SECOND, async || {
        place.mailbox().of_event(event_id).is_some() && admin.logs_of("bank.created", &bank["id"]).await.len() == 1
    })
    .await;
    let dead = place.data().join("dead-letters");
    let queues = std::fs::read_dir(&dead).into_iter().flatten().flatten();
    for queue in queues {
        assert_eq!(std::fs::read_dir(queue.path()).unwrap().count(), 0, "dead letters in {}", queue.path().display());
    }
}
