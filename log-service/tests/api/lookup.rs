//! `POST /api/logs/lookup`.

use reqwest::StatusCode;
use serde_json::json;
use service_kit::ids;

use crate::harness::{App, Who, event};

#[actix_web::test]
async fn recorded_events_are_distinguished_from_missing_ones_without_their_content() {
    let app = App::start().await;
    let (first, second) = (app.record(event(Some(1), "one")).await, app.record(event(None, "two")).await);
    let missing = ids::new_event_id();
    let body = json!({"event_ids": [first["event_id"], missing, second["event_id"], first["event_id"]]});
    let answer = app.post(Who::Service, "/api/logs/lookup", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let mut found = answer.json()["results"].as_array().unwrap().clone();
    found.sort_by_key(|found| found["id"].as_str().unwrap().to_owned());
    let expected = |entry: &serde_json::Value| json!({"event_id": entry["event_id"], "id": entry["id"], "received_at": entry["received_at"]});
    assert_eq!(found, [expected(&first), expected(&second)]);
    app.running.stop().await;
}

#[actix_web::test]
async fn a_lookup_is_bounded_and_takes_event_ids_only() {
    let app = App::start().await;
    let ids = |count: usize| json!({"event_ids": (0..count).map(|_| ids::new_event_id()).collect::<Vec<_>>()});
    assert_eq!(app.post(Who::Service, "/api/logs/lookup", &ids(500)).await.status, StatusCode::OK);
    for bad in [ids(501), json!({}), json!({"event_ids": ["x"]}), json!({"event_ids": "x"}), json!({"event_ids": [1]})]
    {
        assert_eq!(app.post(Who::Service, "/api/logs/lookup", &bad).await.faulty_fields(), ["event_ids"]);
    }
    app.running.stop().await;
}
