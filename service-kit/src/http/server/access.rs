//! The access log line and the metrics of requests.
//!
//! Routes appear as patterns, never as paths: a path may hold a token, and patterns are few. Metric handles are kept per
//! worker, so that a request takes no lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::Caller;
use super::context::Context;
use crate::telemetry::Metrics;

/// The route of requests that match none.
pub(super) const UNMATCHED: &str = "unmatched";

/// Requested every few seconds by machines: logged at DEBUG.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/metrics"];

pub(super) fn is_probe(path: &str) -> bool {
    PROBES.contains(&path)
}

/// The metrics of all workers.
pub(super) struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl HttpMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            requests: metrics.counter("http_requests_total", "Requests answered.", &["method", "route", "status"]),
            seconds: metrics.histogram(
                "http_request_duration_seconds",
                "From a request's head to the answer's head.",
                &["method", "route"],
            ),
        }
    }
}

struct Handles {
    count: IntCounter,
    seconds: Histogram,
}

/// By method and status.
type ByAnswer = HashMap<(&'static str, u16), Handles>;

/// One worker's metric handles, by route.
#[derive(Default)]
pub(super) struct Recorder {
    routes: RefCell<HashMap<String, ByAnswer>>,
}

/// An answered request.
pub(super) struct Answered<'a> {
    pub(super) context: &'a Context,
    pub(super) method: &'a Method,
    pub(super) route: &'a str,
    pub(super) status: StatusCode,
    pub(super) took: Duration,
    pub(super) caller: Option<Caller>,
}

impl Recorder {
    pub(super) fn record(&self, metrics: &HttpMetrics, answered: &Answered<'_>) {
        self.count(metrics, answered);
        log(answered);
    }

    fn count(&self, metrics: &HttpMetrics, answered: &Answered<'_>) {
        let mut routes = self.routes.borrow_mut();
        if !routes.contains_key(answered.route) {
            routes.insert(answered.route.to_owned(), HashMap::new());
        }
        let Some(handles) = routes.get_mut(answered.route) else { return };
        let key = (method_label(answered.method), answered.status.as_u16());
        let handles = handles.entry(key).or_insert_with(|| Handles {
            count: metrics.requests.with_label_values(&[key.0, answered.route, answered.status.as_str()]),
            seconds: metrics.seconds.with_label_values(&[key.0, answered.route]),
        });
        handles.count.inc();
        handles.seconds.observe(answered.took.as_secs_f64());
    }
}

/// A method that a client has invented must not become a label.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

fn log(answered: &Answered<'_>) {
    let remote = answered.context.client.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let request_id = answered.context.id.to_str().unwrap_or_default();
    let user_id = answered.caller.and_then(|caller| caller.user_id);
    let method = method_label(answered.method);
    let route = answered.route;
    let status = answered.status.as_u16();
    let duration_ms = answered.took.div_duration_f64(Duration::from_millis(1));
    macro_rules! line {
        ($level:ident $(, $log_type:literal)?) => {
            tracing::$level!(
                target: "access", %remote, request_id, user_id, method, route, status, duration_ms,
                $(log_type = $log_type,)? "request"
            )
        };
    }
    match status {
        _ if is_probe(route) => line!(debug),
        500.. => line!(error, "server"),
        400..=499 => line!(warn, "client"),
        _ => line!(info),
    }
}
