//! `--demo`, and how quickly the system is ready.

use std::collections::BTreeSet;
use std::process::Command;

use chrono::{DateTime, TimeDelta};
use serde_json::Value;
use service_kit::clock::{Clock as _, SystemClock};
use test_support::eventually;

use crate::binaries;
use crate::process::{Place, Standalone};

const LISTS: [&str; 7] = ["banks", "cities", "social-statuses", "clients", "accounts", "cards", "users"];
const PASSWORD: &str = "a password for the demo";

async fn start(place: &Place) -> Standalone {
    place
        .start_with(|command| {
            command.arg("--demo").env("ADMIN_PASS", PASSWORD);
        })
        .await
}

async fn totals(system: &Standalone) -> Vec<Value> {
    let admin = crate::api::Api::login(&system.urls, crate::process::ADMIN, PASSWORD).await;
    let mut totals = Vec::new();
    for list in LISTS {
        totals.push(admin.get(&format!("{}/api/{list}", system.urls.bank)).await["total"].clone());
    }
    totals
}

#[tokio::test]
async fn demo_fills_an_empty_system_and_adds_nothing_the_second_time() {
    let place = Place::new();
    let system = start(&place).await;
    let first = totals(&system).await;
    assert!(first.iter().all(|total| total.as_i64() > Some(0)), "{LISTS:?}: {first:?}");
    let admin = crate::api::Api::login(&system.urls, crate::process::ADMIN, PASSWORD).await;
    let banks = usize::try_from(first[0].as_i64().unwrap()).unwrap();
    eventually("each demo bank is logged", async || admin.logs("bank.created").await.len() == banks).await;
    let line = system.banner.lines().find(|line| line.trim_start().starts_with("demo users")).unwrap().to_owned();
    let (users, password) = line.split_once("password ").unwrap();
    for user in users.split_whitespace().filter(|word| word.contains('@')) {
        crate::api::Api::login(&system.urls, user, password.split(' ').next().unwrap()).await;
    }
    system.terminate().await;

    let system = start(&place).await;
    assert!(!system.banner.contains("demo users"), "shown once");
    assert_eq!(totals(&system).await, first);
}

/// The values of one field of the list's items.
fn all<'a>(list: &'a [Value], field: &str) -> BTreeSet<&'a str> {
    list.iter().filter_map(|item| item[field].as_str()).collect()
}

#[tokio::test]
async fn demo_moves_money_of_three_months_through_a_sound_ledger() {
    let place = Place::new();
    let system = start(&place).await;
    let admin = crate::api::Api::login(&system.urls, crate::process::ADMIN, PASSWORD).await;
    let transfers = admin.get(&format!("{}/api/transfers?page_size=100", system.urls.bank)).await;
    let transfers = transfers["results"].as_array().unwrap();
    assert!((50..80).contains(&transfers.len()), "{}", transfers.len());
    let kinds = ["deposit", "opening", "reversal", "transfer", "withdrawal"];
    assert_eq!(all(transfers, "kind"), BTreeSet::from(kinds));
    assert_eq!(all(transfers, "status"), BTreeSet::from(["captured", "held", "posted"]));
    let (newest, oldest) = (transfers.first().unwrap(), transfers.last().unwrap());
    let age = |transfer: &Value| {
        let made = DateTime::parse_from_rfc3339(transfer["created_at"].as_str().unwrap()).unwrap();
        SystemClock.now().signed_duration_since(made)
    };
    assert!(age(oldest) >= TimeDelta::days(89), "{oldest}");
    assert!(age(newest) < TimeDelta::days(3), "{newest}");

    let balance = async |at: &str| {
        let account = &oldest["to"]["account_id"];
        let url = format!("{}/api/accounts/{account}/balance?at={at}", system.urls.bank);
        admin.get(&url).await["balance"].clone()
    };
    let opened = oldest["created_at"].as_str().unwrap();
    assert_eq!(balance(opened).await, oldest["amount"], "what it began with");
    assert_ne!(balance(newest["created_at"].as_str().unwrap()).await, oldest["amount"]);
    let is_plain = |one: &&Value| one["status"] == "posted" && one["kind"] != "reversal" && one["hold_id"].is_null();
    let plain = transfers.iter().filter(is_plain).count();
    eventually("each is logged", async || admin.logs("transfer.posted").await.len() == plain).await;

    // A command of the single service on the data folder, while the system runs.
    let mut verify = Command::new(binaries::path("bank-service"));
    let database = format!("sqlite:{}", place.data().join("bank.sqlite").display());
    verify.env_clear().args(["ledger", "verify"]).env("DATABASE_URL", database).current_dir(place.path());
    let output = verify.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn demo_needs_no_password_of_the_newcomer_neither_at_the_first_start_nor_at_the_second() {
    let place = Place::new();
    let demo = |command: &mut tokio::process::Command| {
        command.arg("--demo");
    };
    let system = place.start_with(demo).await;
    let admin = system.admin().await;
    let banks = admin.get(&format!("{}/api/banks", system.urls.bank)).await["total"].clone();
    system.terminate().await;
    let system = place.start_with(demo).await;
    let admin = crate::api::Api { urls: system.urls.clone(), ..admin };
    assert_eq!(admin.get(&format!("{}/api/banks", system.urls.bank)).await["total"], banks);
}

#[tokio::test]
async fn an_empty_system_is_ready_when_it_reports_so() {
    let place = Place::new();
    let system = place.start().await;
    for url in system.urls.all() {
        let answer = crate::api::client().get(format!("{url}/readyz")).send().await.unwrap();
        assert!(answer.status().is_success(), "{url}: {}", answer.text().await.unwrap());
    }
}
