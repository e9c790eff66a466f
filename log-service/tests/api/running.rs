//! The service as a whole: its own pages, restarts, retention.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use log_service::config::Config;
use log_service::{Running, StartError, app};
use reqwest::Method;
use serde_json::Value;
use service_kit::clock::{Clock, SystemClock};
use service_kit::lifecycle::Shutdown;
use service_kit::process::Parts;
use service_kit::telemetry::Metrics;
use test_support::auth::{BelieveTokens, StaticKeys};
use test_support::eventually;

use crate::backend::Place;
use crate::harness::{App, Who, entry, event, send};

/// A service without the harness around it.
pub(crate) async fn start(config: &Config) -> Result<Running, StartError> {
    let parts = Parts {
        clock: Arc::new(SystemClock),
        keys: Arc::new(StaticKeys::default()),
        sessions: Arc::new(BelieveTokens),
        metrics: Metrics::new(),
        shutdown: Shutdown::new(),
    };
    app::start(config.check().unwrap(), parts).await
}

#[actix_web::test]
async fn health_documents_and_metrics_are_there() {
    let app = App::start().await;
    assert_eq!(app.get(Who::Nobody, "/livez").await.status, 200);
    assert_eq!(app.get(Who::Nobody, "/ping").await.json()["message"], "pong!");
    let ready = app.get(Who::Nobody, "/readyz").await;
    assert!(ready.status == 200 && ready.text.contains("log_store"), "{}", ready.text);
    let document = app.get(Who::Nobody, "/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/logs/{id}"]["put"].is_object());
    assert!(app.get(Who::Nobody, "/metrics").await.text.contains("bank_log_batch_size"));
    app.running.stop().await;
}

#[actix_web::test]
async fn the_document_shows_the_shapes_that_are_read_and_written() {
    let app = App::start().await;
    let document = app.get(Who::Nobody, "/openapi.json").await.json();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let shape = |name: &str| keys(&document["components"]["schemas"][name]["properties"]);
    let sent = event(Some(1), "shape");
    assert_eq!(shape("NewLog"), keys(&sent));
    let item = app.record(sent).await;
    assert_eq!(shape("Log"), keys(&item));
    let list = app.get(Who::Admin, "/api/logs").await.json();
    assert!(keys(&list).is_subset(&shape("LogList")), "{list}");

    // Every documented parameter is accepted, with its example or default.
    for path in ["/api/logs", "/api/logs/export"] {
        for parameter in document["paths"][path]["get"]["parameters"].as_array().unwrap() {
            let referred = parameter["$ref"].as_str().and_then(|reference| document.pointer(&reference[1..]));
            let parameter = referred.unwrap_or(parameter);
            let name = parameter["name"].as_str().unwrap();
            let value = match name {
                "after" => "",
                "order" => "desc",
                "format" => "csv",
                "q" => "x",
                "user_id" => "1",
                _ => match (&parameter["example"], &parameter["schema"]["default"]) {
                    (Value::String(text), _) | (Value::Null, Value::String(text)) => text,
                    _ => "1",
                },
            };
            let answer = app.get(Who::Admin, &format!("{path}?{name}={value}")).await;
            assert_eq!(answer.status, 200, "{path} {name}: {}", answer.text);
        }
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn unknown_routes_and_wrong_methods_are_problems() {
    let app = App::start().await;
    assert_eq!(app.get(Who::Admin, "/api/nothing").await.error(), "not_found");
    for (method, path) in [(Method::DELETE, "/api/logs"), (Method::PATCH, "/logs/1"), (Method::POST, "/api/logs/1")] {
        let answer = send(app.request(Who::Admin, method.clone(), path)).await;
        assert_eq!(answer.error(), "method_not_allowed", "{method} {path}");
        assert!(answer.headers.contains_key("allow"), "{method} {path}");
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_restart_keeps_the_log_and_goes_on_counting() {
    let app = App::start().await;
    let first = app.record(event(Some(1), "before")).await;
    let place = Arc::clone(&app.place);
    app.running.stop().await;

    let app = App::start_in(place).await;
    assert_eq!(app.get(Who::Admin, "/api/logs").await.json()["results"][0], first);
    app.delete(Who::Admin, "/api/logs/1").await;
    let next = app.record(event(Some(1), "after")).await;
    assert_eq!(next["id"], "3", "an id is never given twice; the record of the removal has 2");
    app.running.stop().await;
}

#[actix_web::test]
async fn two_processes_may_open_one_new_store_at_once() {
    let place = Place::new();
    let config = place.config();
    let (one, other) = futures_util::future::join(start(&config), start(&config)).await;
    let (one, other) = (one.unwrap(), other.unwrap());
    one.store().append(vec![entry(1)]).await.unwrap();
    other.store().append(vec![entry(2)]).await.unwrap();
    assert_eq!(one.store().last().await.unwrap(), other.store().last().await.unwrap());
    one.stop().await;
    other.stop().await;
}

#[actix_web::test]
async fn an_address_that_is_taken_is_named() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr: SocketAddr = taken.local_addr().unwrap();
    let mut config = place.config();
    config.log_bind = addr.to_string();
    let error = start(&config).await.err().unwrap();
    assert!(error.to_string().starts_with("LOG_BIND: ") && error.to_string().contains(&addr.to_string()), "{error}");
}

#[actix_web::test]
async fn retention_removes_old_entries_and_only_those() {
    let place = Arc::new(Place::new());
    let app = App::start_in(Arc::clone(&place)).await;
    let old = (0..2_500).map(|n| {
        let mut entry = entry(n);
        entry.received_at = SystemClock.now() - TimeDelta::days(31);
        entry
    });
    app.running.store().append(old.collect()).await.unwrap();
    app.fill(3).await;
    app.running.stop().await;

    let mut config = place.config();
    config.retention_days = Some("30".to_owned());
    let app = App::start_with(place, config).await;
    eventually("only new entries are left", async || app.get(Who::Admin, "/api/logs").await.json()["total"] == 3).await;
    app.running.stop().await;
}
