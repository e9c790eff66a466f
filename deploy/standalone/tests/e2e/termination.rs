//! SIGTERM under load: begun requests are finished, answered writes are kept, and the process ends well and in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use service_kit::task;

use crate::api::Api;
use crate::process::Place;
use crate::wait::eventually;

const CLIENTS: usize = 16;
const LOAD: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_mins(1);
const LIMIT: Duration = Duration::from_secs(10);

/// The start of a request, and its answer; none if there was none.
type Answer = (Instant, Option<(StatusCode, Value)>);

/// Issues cards until a request is not answered or the load is over. Each request has a connection of its own, so that a failed
/// one never reached the server.
async fn issue_cards(admin: Api, path: String, over: Arc<AtomicBool>) -> Vec<Answer> {
    let mut answers = Vec::new();
    let url = format!("{}{path}", admin.urls.bank);
    while !over.load(Ordering::Relaxed) {
        let request = admin.http.post(&url).bearer_auth(&admin.token).header("Connection", "close");
        let begun = Instant::now();
        let answer = match request.json(&json!({"balance": 1})).send().await {
            Ok(answer) => Some((answer.status(), answer.json().await.unwrap_or(Value::Null))),
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
    let over = Arc::new(AtomicBool::new(false));
    let load = || task::spawn("load", issue_cards(admin.clone(), path.clone(), over.clone()));
    let clients: Vec<_> = (0..CLIENTS).map(|_| load()).collect();
    tokio::time::sleep(LOAD).await;

    let requested_at = Instant::now();
    system.send_sigterm().await;
    let signalled = Instant::now();
    let status = system.exited().await;
    let took = requested_at.elapsed();
    over.store(true, Ordering::Relaxed);
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
    assert!(accepted.len() > CLIENTS, "hardly any load");

    let system = place.start().await;
    admin.urls = system.urls.clone();
    let count = async |url: String| admin.get(&url).await["total"].as_i64().unwrap();
    let cards = count(format!("{}{path}", system.urls.bank)).await;
    assert_eq!(usize::try_from(cards).unwrap(), accepted.len(), "answered with 201, and kept");
    let url = format!("{}/api/logs?event_type=card.created", system.urls.log);
    let all = async || (count(url.clone()).await == cards).then_some(());
    eventually("each card is logged", SOON, all).await;
}

/// The path of the cards of a new account.
async fn account_with_cards(admin: &Api) -> String {
    let bank = admin.create("/api/banks", json!({"name": "Busy Bank"})).await;
    let client = admin.create("/api/clients", json!({"name": "Busy Client"})).await;
    let body = json!({"client_id": client["id"], "bank_id": bank["id"], "balance": 0});
    let account = admin.create("/api/accounts", body).await;
    format!("/api/accounts/{}/cards", account["id"])
}
