//! `/console/health`: the services and what they depend on, the outbox, the queues, the last minutes and the settings.

mod configuration;
pub(super) mod history;
mod metrics_text;
pub(super) mod reader;

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::value::{Serde, Value};
use serde::Serialize;
use service_kit::http::server::head_only;
use service_kit::http::stream::{feed, head};
use service_kit::lifecycle::Shutdown;
use service_kit::task;

use crate::console::error::ConsoleError;
use crate::console::page::page;
use crate::console::shared::Shared;
use crate::console::staff::{Staff, Watcher};
use crate::console::stream::{Over, SEND_LIMIT, Stream};
use crate::console::templates;
use crate::domain::role::ADMIN;
use crate::http::AppState;
use reader::{Health, HealthReader};

/// How often an open page is refreshed.
const EVERY: Duration = Duration::from_secs(5);
/// The name of the events, in the page's `sse-swap`. Their parts are marked to replace those of the page, within regions that stay:
/// a table that is scrolled sideways stays where it is.
const EVENT: &str = "parts";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/health").route(web::get().to(show_health)))
        .service(web::resource("/health/stream").route(web::get().to(stream_health)));
}

/// The variables of `health.html`.
#[derive(Serialize)]
struct HealthView {
    health: Arc<Health>,
    /// Of `health_parts.html`: with headings and regions.
    is_update: bool,
    /// Empty unless the user is an administrator: the addresses of servers are for them.
    settings: Vec<(&'static str, String)>,
}

/// The variables of `health_parts.html`.
#[derive(Serialize)]
struct Parts {
    health: Arc<Health>,
    is_update: bool,
}

async fn show_health(
    state: web::Data<AppState>,
    shared: web::Data<Shared>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    let is_admin = staff.roles.iter().any(|role| role == ADMIN);
    let settings = if is_admin { configuration::shown(&state.settings) } else { Vec::new() };
    let view = HealthView { health: shared.health.health().await, is_update: false, settings };
    page(&staff, &request, "Health", "health.html", view)
}

/// The parts again and again, as server-sent events with HTML. Unlike requests, they do not keep an idle session alive.
async fn stream_health(
    state: web::Data<AppState>,
    shared: web::Data<Shared>,
    shutdown: web::Data<Shutdown>,
    Watcher(staff): Watcher,
) -> Result<HttpResponse, ConsoleError> {
    if head_only() {
        return Ok(head().finish());
    }
    let slot = shared.streams.take(staff.user_id)?;
    let (sending, body) = feed(SEND_LIMIT);
    let stream = Stream::new(sending, state.identity.clone(), &staff, None, shutdown.get_ref().clone());
    let reader = shared.health.clone();
    drop(task::spawn("console-health-stream", async move {
        let _slot = slot;
        follow(stream, &reader).await;
    }));
    Ok(head().streaming(body))
}

async fn follow(mut stream: Stream, reader: &HealthReader) {
    let mut is_open = stream.begin().await.is_ok();
    while is_open && send(&mut stream, reader).await.is_ok() {
        is_open = tokio::select! {
            () = tokio::time::sleep(EVERY) => true,
            Over = stream.until_over() => false,
        };
    }
    stream.finish().await;
}

/// The first reading is sent at once: a page that comes back after an outage shows its end.
async fn send(stream: &mut Stream, reader: &HealthReader) -> Result<(), Over> {
    let parts = Parts { health: reader.health().await, is_update: true };
    match templates::render("health_parts.html", Value::from(Serde(parts))) {
        Ok(html) => stream.event(EVENT, None, &html).await,
        Err(error) => {
            tracing::error!(%error, "the health page cannot be rendered");
            Err(Over)
        }
    }
}
