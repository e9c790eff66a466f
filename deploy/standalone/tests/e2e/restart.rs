//! The next start resumes where the last one ended, however it ended.

use std::time::Duration;

use serde_json::json;
use test_support::{found, stays};

use crate::api::Api;
use crate::process::{ADMIN, Place};

const SOON: Duration = Duration::from_mins(1);
const A_WHILE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn the_second_start_goes_on_and_does_not_show_the_password_again() {
    let place = Place::new();
    let system = place.start().await;
    let password = system.password().expect("made at the first start").to_owned();
    let first = system.admin().await.create("/api/banks", json!({"name": "Before"})).await;
    system.terminate().await;

    let system = place.start().await;
    assert_eq!(system.password(), None, "{}", system.banner);
    assert!(!system.banner.contains(&password));
    let admin = Api::login(&system.urls, ADMIN, &password).await;
    let second = admin.create("/api/banks", json!({"name": "After"})).await;
    assert_eq!(second["id"].as_i64(), first["id"].as_i64().map(|id| id + 1));
    let banks = admin.get(&format!("{}/api/banks", system.urls.bank)).await;
    assert_eq!((&banks["total"], &banks["results"][0]["name"]), (&json!(2), &json!("Before")));
    for bank in [&first, &second] {
        found("a log entry", SOON, async || admin.log_of("bank.created", &bank["id"]).await).await;
    }
}

#[tokio::test]
async fn a_token_of_the_first_run_is_good_in_the_second() {
    let place = Place::new();
    let system = place.start().await;
    let mut admin = system.admin().await;
    system.terminate().await;
    let system = place.start().await;
    admin.urls = system.urls.clone();
    admin.create("/api/banks", json!({"name": "Same Token"})).await;
    admin.logs("bank.created").await;
}

#[tokio::test]
async fn what_was_accepted_and_not_delivered_at_kill_9_is_delivered_after_the_next_start() {
    let place = Place::new();
    let system = place.start().await;
    let mut admin = system.admin().await;
    place.mailbox().block().unwrap();
    let mut banks = Vec::new();
    for name in ["One", "Two", "Three"] {
        banks.push(admin.create("/api/banks", json!({"name": name})).await);
    }
    let is_unlogged = async || admin.logs("bank.created").await.is_empty();
    stays("nothing is logged without a mail", A_WHILE, is_unlogged).await;
    system.kill().await;
    place.mailbox().unblock().unwrap();
    assert!(place.mailbox().mails().iter().all(|mail| mail.to != "operator@bank.localhost"));

    let system = place.start().await;
    admin.urls = system.urls.clone();
    for bank in &banks {
        let logged = async || admin.log_of("bank.created", &bank["id"]).await;
        let (entry, _) = found("a log entry", SOON, logged).await;
        assert!(place.mailbox().of_event(entry["event_id"].as_str().unwrap()).is_some());
    }
    let is_once = async || admin.logs("bank.created").await.len() == banks.len();
    stays("each is logged once", A_WHILE, is_once).await;
}

#[tokio::test]
async fn a_kill_9_right_after_an_answer_loses_neither_row_nor_event() {
    let place = Place::new();
    let system = place.start().await;
    let mut admin = system.admin().await;
    let city = admin.create("/api/cities", json!({"name": "Swift"})).await;
    system.kill().await;

    let system = place.start().await;
    admin.urls = system.urls.clone();
    let url = format!("{}/api/cities/{}", system.urls.bank, city["id"]);
    assert_eq!(admin.get(&url).await["name"], "Swift");
    found("city.created is logged", SOON, async || admin.log_of("city.created", &city["id"]).await).await;
}
