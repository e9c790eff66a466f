//! SIGTERM under load: begun requests are finished, answered writes are kept, and the process ends well and in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use service_kit::task;
use test_support::eventually;

use crate::api::Api;
use crate::process::Place;

const CLIENTS: usize = 16;
/// The cards that show that all clients are at work.
const ENOUGH: usize = 10 * CLIENTS;
const LIMIT: Duration = Duration::from_secs(10);

/// The start of a request, and its answer; none if there was none.
type Answer = (Instant, Option<(StatusCode, Value)>);

#[derive(Default)]
struct Load {
    issued: AtomicUsize,
    is_over: AtomicBool,
}

/// Issues cards until a request is not answered or the load is over. Each request has a connection of its own, so that a failed
/// one never reached the server.
async fn issue_cards(admin: Api, path: String, load: Arc<Load>) -> Vec<Answer> {
    let mut answers = Vec::new();
    let url = format!("{}{path}", admin.urls.bank);
    while !load.is_over.load(Ordering::Relaxed) {
        let request = admin.http.post(&url).bearer_auth(&admin.token).header("Connection", "close");
        let begun = Instant::now();
        let answer = match request.json(&json!({"balance": 1})).send().await {
            Ok(answer) => {
                load.issued.fetch_add(usize::from(answer.status() == StatusCode::CREATED), Ordering::Relaxed);
                Some((answer.status(), answer.json().await.unwrap_or(Value::Null)))
            }
            Err(_) => None,
        };
        let ended = answer.is_none();
        answers.push((begun, answer));
        if ended {
            break;
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_fails_no_request_that_was_under_way_and_loses_nothing() {
    let place = Place::new();
    let system = place.start().await;
    let mut admin = system.admin().await;
    let path = account_with_cards(&admin).await;
    let load = Arc::<Load>::default();
    let client = |_| task::spawn("load", issue_cards(admin.clone(), path.clone(), load.clone()));
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    eventually("cards are issued", async || load.issued.load(Ordering::Relaxed) >= ENOUGH).await;

    let requested_at = Instant::now();
    system.send_sigterm().await;
    let signalled = Instant::now();
    let status = system.exited().await;
    let took = requested_at.elapsed();
    load.is_over.store(true, Ordering::Relaxed);
    assert_eq!(status.code(), Some(0), "{}", place.errors());
    assert!(took < LIMIT, "{took:?}");

    let mut accepted = Vec::new();
    for client in clients {
        for (begun, answer) in client.await.unwrap() {
            match answer {
                Some((StatusCode::CREATED, body)) => accepted.push(body["item"]["id"].as_i64().unwrap()),
                Some((status, body)) => {
                    assert!(begun > signalled && status == StatusCode::SERVICE_UNAVAILABLE, "{status} {body}");
                }
                None => assert!(begun > requested_at, "a request that was under way got no answer"),
            }
        }
    }
    println!("{} cards issued; ended {} ms after SIGTERM", accepted.len(), took.as_millis());

    let system = place.start().await;
    admin.urls = system.urls.clone();
    let count = async |url: String| admin.get(&url).await["total"].as_i64().unwrap();
    let cards = count(format!("{}{path}", system.urls.bank)).await;
    assert_eq!(usize::try_from(cards).unwrap(), accepted.len(), "answered with 201, and kept");
    let url = format!("{}/api/logs?event_type=card.created", system.urls.log);
    eventually("each card is logged", async || count(url.clone()).await == cards).await;
}

/// The path of the cards of a new account.
async fn account_with_cards(admin: &Api) -> String {
    let bank = admin.create("/api/banks", json!({"name": "Busy Bank"})).await;
    let client = admin.create("/api/clients", json!({"name": "Busy Client"})).await;
    let body = json!({"client_id": client["id"], "bank_id": bank["id"], "balance": 0});
    let account = admin.create("/api/accounts", body).await;
    format!("/api/accounts/{}/cards", account["id"])
}
