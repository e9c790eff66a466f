//! Updates and deletions, with their cascades: each has its own log entry.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use test_support::found;

use crate::api::Api;
use crate::process::Place;

const SOON: Duration = Duration::from_mins(1);

async fn logged(admin: &Api, event_type: &str, item: &Value) -> Value {
    let what = format!("a log entry {event_type} of {item}");
    found(&what, SOON, async || admin.log_of(event_type, &item["id"]).await).await.0
}

/// A bank with a branch, an account and two cards.
struct Tree {
    bank: Value,
    branch: Value,
    account: Value,
    cards: [Value; 2],
}

async fn plant(admin: &Api) -> Tree {
    let bank = admin.create("/api/banks", json!({"name": "Tree Bank"})).await;
    let city = admin.create("/api/cities", json!({"name": "Treetown"})).await;
    let branch = admin.create(&format!("/api/banks/{}/branches", bank["id"]), json!({"city_id": city["id"]})).await;
    let client = admin.create("/api/clients", json!({"name": "Ann Arbor"})).await;
    let body = json!({"client_id": client["id"], "bank_id": bank["id"], "balance": 900});
    let account = admin.create("/api/accounts", body).await;
    let cards = format!("/api/accounts/{}/cards", account["id"]);
    let cards = [admin.create(&cards, json!({"balance": 1})).await, admin.create(&cards, json!({"balance": 2})).await];
    Tree { bank, branch, account, cards }
}

#[tokio::test]
async fn each_update_is_logged_with_what_it_changed() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    let Tree { bank, account, cards: [card, _], .. } = plant(&admin).await;
    admin.update(&format!("/api/banks/{}", bank["id"]), json!({"name": "Renamed Bank"})).await;
    admin.update(&format!("/api/accounts/{}", account["id"]), json!({"balance": 901})).await;
    admin.update(&format!("/api/cards/{}", card["id"]), json!({"balance": 3})).await;
    assert_eq!(logged(&admin, "bank.updated", &bank).await["data"]["name"], "Renamed Bank");
    assert_eq!(logged(&admin, "account.updated", &account).await["data"]["balance"], 901);
    assert_eq!(logged(&admin, "card.updated", &card).await["data"]["balance"], 3);
}

#[tokio::test]
async fn a_bank_that_closes_takes_its_children_along_and_each_is_logged() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    let Tree { bank, branch, account, cards } = plant(&admin).await;
    let deleted = admin.delete(&format!("/api/banks/{}", bank["id"])).await;
    assert_eq!(deleted["id"], bank["id"]);
    logged(&admin, "bank.deleted", &bank).await;
    logged(&admin, "branch.deleted", &branch).await;
    logged(&admin, "account.deleted", &account).await;
    for card in &cards {
        logged(&admin, "card.deleted", card).await;
    }
    for path in [format!("/api/accounts/{}", account["id"]), format!("/api/cards/{}", cards[0]["id"])] {
        let (status, _) = admin.send(Method::GET, &format!("{}{path}", system.urls.bank), None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_leaves_no_log_entry() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    let url = format!("{}/api/banks", system.urls.bank);
    admin.create("/api/banks", json!({"name": "Only Bank"})).await;
    for (body, expected) in [
        (json!({"name": "Only Bank"}), StatusCode::CONFLICT),
        (json!({"name": "Bank \u{1f642}"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"name": "Bank", "owner": "me"}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(admin.send(Method::POST, &url, Some(&body)).await.0, expected, "{body}");
    }
    let last = admin.create("/api/banks", json!({"name": "Last Bank"})).await;
    logged(&admin, "bank.created", &last).await;
    let names: Vec<Value> = admin.logs("bank.created").await.iter().map(|log| log["data"]["name"].clone()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}
