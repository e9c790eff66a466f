//! The HTTP API: routes, what they share, and the document that describes them.
//!
//! Every route below `/api/logs` exists at `/logs` too. Who may do what is decided before a body or a query is looked at.

mod access;
mod answers;
mod create;
mod csv;
mod export;
mod feed;
mod item;
mod list;
mod lookup;
mod models;
mod openapi;
mod params;
mod problems;
mod stream;

use std::sync::Arc;

use actix_web::web;
use service_kit::clock::SharedClock;
use service_kit::http::auth::Verifier;
use service_kit::lifecycle::Shutdown;
use tokio::sync::Semaphore;

pub use openapi::document;
pub use stream::StreamSettings;

use crate::metrics::LogMetrics;
use crate::store::LogStore;

/// Where the routes are; the second is an alias of the first.
const ROOTS: [&str; 2] = ["/api/logs", "/logs"];
/// How many live streams and exports run at the same time; more are refused with `Retry-After`.
const STREAMS: usize = 256;
const EXPORTS: usize = 8;

/// What the handlers share.
pub struct Api {
    pub store: Arc<dyn LogStore>,
    pub clock: SharedClock,
    pub shutdown: Shutdown,
    pub metrics: Arc<LogMetrics>,
    pub stream: StreamSettings,
    streams: Arc<Semaphore>,
    exports: Arc<Semaphore>,
}

impl Api {
    pub fn new(
        store: Arc<dyn LogStore>,
        clock: SharedClock,
        shutdown: Shutdown,
        metrics: Arc<LogMetrics>,
        stream: StreamSettings,
    ) -> Self {
        let (streams, exports) = (Arc::new(Semaphore::new(STREAMS)), Arc::new(Semaphore::new(EXPORTS)));
        Self { store, clock, shutdown, metrics, stream, streams, exports }
    }
}

/// Registers the routes.
pub fn routes(config: &mut web::ServiceConfig, api: web::Data<Api>, verifier: web::Data<Verifier>) {
    config.app_data(api).app_data(verifier).configure(mount);
}

fn mount(config: &mut web::ServiceConfig) {
    for root in ROOTS {
        config
            .service(web::resource(root).get(list::list).post(create::create))
            .service(web::resource(format!("{root}/stream")).get(stream::stream))
            .service(web::resource(format!("{root}/export")).get(export::export))
            .service(web::resource(format!("{root}/lookup")).post(lookup::lookup))
            .service(web::resource(format!("{root}/{{id}}")).get(item::read).put(item::update).delete(item::delete));
    }
}
