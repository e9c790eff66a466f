//! Stand-ins for the parts of log-service and email-service that the console asks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::http::header::AUTHORIZATION;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use shared_events::EventId;

#[derive(Default)]
pub(super) struct State {
    /// Events that the log has.
    pub(super) logged: Mutex<BTreeSet<EventId>>,
    pub(super) entries: Mutex<Vec<Value>>,
    pub(super) export: Mutex<String>,
    /// Mails, the oldest first.
    pub(super) mails: Mutex<Vec<Value>>,
    /// Every answer is a 503 with this problem's detail.
    pub(super) is_down: AtomicBool,
    /// Path and query of each request, with the token that it had.
    requests: Mutex<Vec<(String, Option<String>)>>,
}

pub(super) struct Services {
    pub(super) state: Arc<State>,
    pub(super) url: String,
}

impl Services {
    pub(super) fn start() -> Self {
        let state = Arc::<State>::default();
        let data = web::Data::from(state.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)));
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        drop(actix_web::rt::spawn(server.run()));
        Self { state, url }
    }

    /// The last request below a path, with its token.
    pub(super) fn last(&self, path: &str) -> (String, Option<String>) {
        let requests = self.state.requests.lock().unwrap();
        requests.iter().rev().find(|(target, _)| target.starts_with(path)).cloned().expect("a request")
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.state.is_down.store(is_down, Ordering::SeqCst);
    }
}

/// An entry of the log.
pub(super) fn entry(id: &str, message: &str) -> Value {
    json!({
        "id": id, "event_id": "01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e12", "event_type": "account.created",
        "source": "urn:bank-service", "user_id": 1, "date": "2026-01-16T17:10:26Z", "message": message,
        "data": {"name": message}, "received_at": "2026-01-16T17:10:26.123456Z",
    })
}

/// A delivery.
pub(super) fn mail(id: i64, state: &str, answer: &str) -> Value {
    json!({
        "id": id, "event_id": "01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e12", "event_type": "account.created",
        "recipient": "j***@example.com", "message_id": format!("<{id}@x>"), "state": state, "attempts": 2,
        "answer": answer, "created_at": "2026-01-16T17:10:26Z", "updated_at": "2026-01-16T17:10:27Z",
    })
}

async fn answer(state: web::Data<State>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let token = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    state.requests.lock().unwrap().push((request.uri().to_string(), token));
    if state.is_down.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().json(json!({"detail": format!("down {}", super::MARKUP)}));
    }
    let parts: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["readyz"] => HttpResponse::Ok().json(json!({"status": "ready", "dependencies": {"store": "up"}})),
        ["metrics"] => {
            HttpResponse::Ok().body("bank_build_info{version=\"9.8.7\"} 1\nbank_consumer_paused{queue=\"q1\"} 1\n")
        }
        ["api", "logs", "lookup"] => lookup(&state, &body),
        ["api", "logs", "export"] => {
            HttpResponse::Ok().content_type("text/csv").body(state.export.lock().unwrap().clone())
        }
        ["api", "logs"] => HttpResponse::Ok().json(json!({"results": *state.entries.lock().unwrap(), "cursor": "Mg"})),
        ["api", "logs", id] => one(&state.entries, &json!(id)),
        ["api", "emails", "preview"] => preview(&body),
        ["api", "emails"] => mails(&state, request.query_string()),
        ["api", "emails", id] => one(&state.mails, &json!(id.parse::<i64>().unwrap())),
        _ => HttpResponse::NotFound().finish(),
    }
}

fn lookup(state: &State, body: &[u8]) -> HttpResponse {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let asked: Vec<EventId> = serde_json::from_value(asked["event_ids"].clone()).unwrap();
    let logged = state.logged.lock().unwrap();
    let found = asked.iter().filter(|id| logged.contains(id));
    let found: Vec<Value> =
        found.map(|id| json!({"event_id": id, "id": "7", "received_at": "2026-01-16T17:10:26.250000Z"})).collect();
    let report = json!({"replica": "one", "consumers": 1, "quiet_moments": 1});
    HttpResponse::Ok().json(json!({"results": found, "hands": report}))
}

/// Two to a page.
fn mails(state: &State, query: &str) -> HttpResponse {
    let all = state.mails.lock().unwrap();
    if query.contains("event_id=") {
        return HttpResponse::Ok().json(json!({"results": [], "pages": 1}));
    }
    let number: usize = query.split('&').find_map(|pair| pair.strip_prefix("page_number=")?.parse().ok()).unwrap_or(1);
    let results: Vec<&Value> = all.iter().skip((number - 1) * 2).take(2).collect();
    HttpResponse::Ok().json(json!({"results": results, "pages": all.len().div_ceil(2)}))
}

fn one(all: &Mutex<Vec<Value>>, id: &Value) -> HttpResponse {
    match all.lock().unwrap().iter().find(|one| one["id"] == *id) {
        Some(found) => HttpResponse::Ok().json(found),
        None => HttpResponse::NotFound().json(json!({"detail": "There is no such item."})),
    }
}

fn preview(body: &[u8]) -> HttpResponse {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let subject = format!("Subject of {}", asked["template"].as_str().unwrap());
    let html = format!("<p>{}</p>", super::MARKUP);
    HttpResponse::Ok().json(json!({"subject": subject, "text": super::MARKUP, "html": html}))
}
