//! The HTTP API: routes, their shared parts, and the document that describes them.
//!
//! Every route below `/api/logs` exists at `/logs` too. Access is decided before a body or a query is read.

mod access;
mod create;
mod csv;
mod export;
mod item;
mod list;
mod lookup;
mod models;
mod openapi;
mod params;
mod problems;
mod reader;
mod responses;
mod stream;
mod stream_ticket;

use std::sync::{Arc, OnceLock};

use actix_web::web;
use service_kit::clock::SharedClock;
use service_kit::http::auth::Verifier;
use service_kit::http::stream::Slots;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::InFlightReport;
use shared_events::Pattern;

pub use openapi::document;
pub use stream::StreamSettings;

use crate::metrics::LogMetrics;
use crate::store::LogStore;

/// The roots of the routes; the second is an alias of the first.
const ROOTS: [&str; 2] = ["/api/logs", "/logs"];
/// The limits on concurrent live streams and exports, of one caller and of all.
const STREAMS: (usize, usize) = (5, 256);
const EXPORTS: (usize, usize) = (1, 8);

/// Set once the broker is consumed.
pub type SharedInFlight = Arc<OnceLock<Box<dyn Fn() -> Option<InFlightReport> + Send + Sync>>>;

/// The state that the handlers share.
pub struct Api {
    pub store: Arc<dyn LogStore>,
    pub clock: SharedClock,
    pub shutdown: Shutdown,
    pub metrics: Arc<LogMetrics>,
    pub stream: StreamSettings,
    /// The patterns of the events that come from the broker.
    pub bindings: Vec<Pattern>,
    /// Reports the messages of the queue that are in flight here, where there is a broker.
    pub in_flight: SharedInFlight,
    streams: Arc<Slots<String>>,
    exports: Arc<Slots<String>>,
}

impl Api {
    pub fn new(
        store: Arc<dyn LogStore>,
        clock: SharedClock,
        shutdown: Shutdown,
        metrics: Arc<LogMetrics>,
        stream: StreamSettings,
        bindings: Vec<Pattern>,
        in_flight: SharedInFlight,
    ) -> Self {
        let streams = Slots::new("streams", STREAMS.0, STREAMS.1);
        let exports = Slots::new("exports", EXPORTS.0, EXPORTS.1);
        Self { store, clock, shutdown, metrics, stream, bindings, in_flight, streams, exports }
    }
}

pub fn routes(config: &mut web::ServiceConfig, api: web::Data<Api>, verifier: web::Data<Verifier>) {
    config.app_data(api).app_data(verifier).configure(mount);
}

fn mount(config: &mut web::ServiceConfig) {
    for root in ROOTS {
        config
            .service(web::resource(root).get(list::list).post(create::create))
            .service(web::resource(format!("{root}/stream")).get(stream::stream))
            .service(web::resource(format!("{root}/stream/ticket")).post(stream_ticket::create_ticket))
            .service(web::resource(format!("{root}/export")).get(export::export))
            .service(web::resource(format!("{root}/lookup")).post(lookup::lookup))
            .service(web::resource(format!("{root}/{{id}}")).get(item::read).put(item::update).delete(item::delete));
    }
}
