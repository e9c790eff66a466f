//! The one middleware of the server.
//!
//! It handles for every request: id, concurrency limit, time limit, panic, error body, headers, metrics, log line. One
//! middleware rather than eight keeps the cost of a request low. A request that ends without a response (time-out, panic)
//! leaves as an error that carries its finished response, since the request is gone by then.

use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::{ConnectionType, Method};
use actix_web::{Error, HttpResponse};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use prometheus::IntGauge;

use super::access::{self, Answered, HttpMetrics, Recorder, UNMATCHED};
use super::context::{CURRENT, Context, id_of};
use super::newcomers::mark_requested;
use super::{Network, ServerParts, ServerSettings, client_addr, conditional, fallback, framing, headers, shape};
use crate::http::cors::Origins;
use crate::http::problem::{ErrorCode, Problem};
use crate::lifecycle::Readiness;
use crate::request_id;
use crate::task::panic_text;
use crate::telemetry::trace::{Span, TRACEPARENT};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// State that all workers of a server share.
pub(super) struct Shared {
    metrics: HttpMetrics,
    in_flight: IntGauge,
    max_in_flight: i64,
    request_timeout: Duration,
    trusted_proxies: Vec<Network>,
    origins: Origins,
    readiness: Readiness,
    https: bool,
}

impl Shared {
    pub(super) fn new(settings: &ServerSettings, parts: &ServerParts, https: bool) -> Self {
        let in_flight = parts.metrics.gauge("http_requests_in_flight", "Requests in work.", &[]);
        Self {
            metrics: HttpMetrics::new(&parts.metrics),
            in_flight: in_flight.with_label_values::<&str>(&[]),
            max_in_flight: i64::try_from(settings.max_in_flight).unwrap_or(i64::MAX),
            request_timeout: settings.request_timeout,
            trusted_proxies: settings.trusted_proxies.clone(),
            origins: settings.cors_origins.clone(),
            readiness: parts.readiness.clone(),
            https,
        }
    }

    fn context_of(&self, request: &ServiceRequest) -> Context {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let client = peer.map(|peer| client_addr::client_of(peer, request.headers(), &self.trusted_proxies));
        let origin = self.origins.allowed(request.headers());
        Context::new(id_of(request.headers()), client, request.method() == Method::HEAD, origin)
    }
}

/// A place among the requests in flight.
struct Permit<'a>(&'a IntGauge);

impl<'a> Permit<'a> {
    /// Two requests at the very limit may both be refused; the limit is never exceeded by more than the workers.
    fn take(shared: &'a Shared) -> Option<Self> {
        shared.in_flight.inc();
        let permit = Self(&shared.in_flight);
        (shared.in_flight.get() <= shared.max_in_flight).then_some(permit)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

pub(super) struct Guard(pub(super) Arc<Shared>);

impl<S> Transform<S, ServiceRequest> for Guard
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = GuardService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let worker = Worker { service, shared: Arc::clone(&self.0), recorder: Recorder::default() };
        ready(Ok(GuardService(Rc::new(worker))))
    }
}

pub(super) struct GuardService<S>(Rc<Worker<S>>);

struct Worker<S> {
    service: S,
    shared: Arc<Shared>,
    recorder: Recorder,
}

impl<S> Service<ServiceRequest> for GuardService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&self, context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        self.0.service.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let worker = Rc::clone(&self.0);
        Box::pin(async move {
            mark_requested(&request);
            let started = Instant::now();
            let method = request.method().clone();
            let context = Rc::new(worker.shared.context_of(&request));
            let mut span = span_of(&request);
            shape::normalize(&mut request);
            let serving = span.scope(CURRENT.scope(Rc::clone(&context), worker.serve(request)));
            let served = request_id::scope(context.id.to_str().unwrap_or_default(), serving).await;
            worker.finish(&context, &method, started, &mut span, served)
        })
    }
}

/// The span of a request; a probe has none.
fn span_of(request: &ServiceRequest) -> Span {
    if access::is_probe(request.path()) {
        return Span::default();
    }
    let traceparent = request.headers().get(TRACEPARENT).and_then(|header| header.to_str().ok());
    Span::server(access::method_label(request.method()), traceparent)
}

impl<S> Worker<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    /// `Err`: an answer whose request is gone.
    async fn serve(&self, request: ServiceRequest) -> Result<ServiceResponse<BoxBody>, HttpResponse> {
        let is_probe = access::is_probe(request.path());
        if !is_probe && let Some(answer) = self.shared.origins.preflight(&request) {
            return Ok(request.into_response(answer));
        }
        // Probes must be answered when nothing else is.
        let _permit = match Permit::take(&self.shared) {
            Some(permit) => Some(permit),
            None if is_probe => None,
            None => return Ok(request.into_response(Problem::overloaded(RETRY_AFTER).response())),
        };
        let checked = shape::check_path(request.path())
            .and_then(|()| shape::check_encoding(request.version(), request.headers()));
        if let Err(problem) = checked {
            return Ok(request.into_response(problem.response()));
        }
        let work = AssertUnwindSafe(async { self.service.call(request).await }).catch_unwind();
        match tokio::time::timeout(self.shared.request_timeout, work).await {
            Ok(Ok(Ok(response))) => Ok(fallback::as_problem(response)),
            Ok(Ok(Err(error))) => Err(fallback::from_error(&error)),
            Ok(Err(panic)) => {
                tracing::error!(reason = panic_text(panic.as_ref()), "a handler panicked");
                Err(Problem::new(
                    ErrorCode::InternalError,
                    "Something went wrong on our side; the request_id finds it in our logs.",
                )
                .response())
            }
            Err(_) => {
                let detail = "The request could not be finished in time.";
                Err(Problem::new(ErrorCode::Unavailable, detail).with_retry_after(RETRY_AFTER).response())
            }
        }
    }

    fn finish(
        &self,
        context: &Context,
        method: &Method,
        started: Instant,
        span: &mut Span,
        served: Result<ServiceResponse<BoxBody>, HttpResponse>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let took = started.elapsed();
        let recorded = context.route.take().filter(|route| !route.is_empty());
        let caller = context.caller.get();
        match served {
            Ok(response) => {
                let readable = matches!(*method, Method::GET | Method::HEAD);
                let response = if readable { conditional::not_modified(response) } else { response };
                let mut response = framing::apply(response, method);
                let pattern = recorded.or_else(|| response.request().match_pattern());
                let route = pattern.as_deref().unwrap_or(UNMATCHED);
                self.record(span, &Answered { context, method, route, status: response.status(), took, caller });
                self.dress(context, route, response.response_mut());
                Ok(response)
            }
            Err(mut response) => {
                let route = recorded.as_deref().unwrap_or(UNMATCHED);
                self.record(span, &Answered { context, method, route, status: response.status(), took, caller });
                self.dress(context, route, &mut response);
                Err(InternalError::from_response("answered without its request", response).into())
            }
        }
    }

    fn record(&self, span: &mut Span, answered: &Answered<'_>) {
        let route = Some(answered.route).filter(|route| *route != UNMATCHED);
        span.answered(access::method_label(answered.method), route, answered.status.as_u16());
        span.enter(|| self.recorder.record(&self.shared.metrics, answered));
    }

    fn dress(&self, context: &Context, route: &str, response: &mut HttpResponse) {
        headers::apply(response.headers_mut(), &context.id, route, self.shared.https);
        if !access::is_probe(route) {
            self.shared.origins.apply(response.headers_mut(), context.origin.as_ref());
        }
        if self.shared.readiness.is_draining() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
    }
}
