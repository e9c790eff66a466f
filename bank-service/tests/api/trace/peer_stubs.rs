//! Stubs of the parts of log-service and email-service that are queried about events.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use shared_events::EventId;

#[derive(Default)]
pub(crate) struct PeerState {
    pub(crate) logged: Mutex<BTreeSet<EventId>>,
    pub(crate) mails: Mutex<Vec<Value>>,
    pub(crate) is_down: AtomicBool,
    pub(crate) cannot_mail: AtomicBool,
    /// How often log-service was idle; one more at each query unless `is_in_flight` is set.
    pub(crate) quiet_moments: AtomicU64,
    pub(crate) is_in_flight: AtomicBool,
    /// How often log-service was started again, each time as another process.
    pub(crate) restarts: AtomicU64,
    /// The routing keys that log-service reports; not reported if empty.
    pub(crate) routing_keys: Mutex<Vec<String>>,
}

/// Serves the stubs of both services.
pub(crate) struct PeerStubs {
    pub(crate) state: Arc<PeerState>,
    pub(crate) url: String,
}

impl PeerStubs {
    pub(crate) fn start() -> Self {
        let state = Arc::<PeerState>::default();
        let data = web::Data::from(state.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route("/api/logs/lookup", web::post().to(lookup))
                .route("/api/emails", web::get().to(emails))
                .route("/readyz", web::get().to(ready))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        drop(actix_web::rt::spawn(server.run()));
        Self { state, url }
    }

    pub(crate) fn log(&self, id: EventId) {
        self.state.logged.lock().unwrap().insert(id);
    }
}

async fn lookup(state: web::Data<PeerState>, body: web::Json<Value>) -> HttpResponse {
    if state.is_down.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let logged = state.logged.lock().unwrap();
    let requested: Vec<EventId> = serde_json::from_value(body["event_ids"].clone()).unwrap();
    assert!((1..=500).contains(&requested.len()));
    let found = requested.iter().filter(|id| logged.contains(id));
    let found: Vec<Value> =
        found.map(|id| json!({"event_id": id, "id": "7", "received_at": "2026-01-16T17:10:27.000000Z"})).collect();
    let keys = state.routing_keys.lock().unwrap();
    let step = u64::from(!state.is_in_flight.load(Ordering::SeqCst));
    let quiet_moments = state.quiet_moments.fetch_add(step, Ordering::SeqCst);
    let replica = state.restarts.load(Ordering::SeqCst).to_string();
    let report = json!({"replica": replica, "consumers": 1, "quiet_moments": quiet_moments});
    let keys = (!keys.is_empty()).then(|| keys.clone());
    HttpResponse::Ok().json(json!({"results": found, "routing_keys": keys, "hands": report}))
}

async fn emails(state: web::Data<PeerState>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"results": *state.mails.lock().unwrap()}))
}

async fn ready(state: web::Data<PeerState>) -> HttpResponse {
    if state.cannot_mail.load(Ordering::SeqCst) { HttpResponse::ServiceUnavailable() } else { HttpResponse::Ok() }
        .finish()
}
