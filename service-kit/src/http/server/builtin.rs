//! The routes that every service has: health, metrics, documentation.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use prometheus::{IntGauge, IntGaugeVec};
use serde_json::{Map, json};

use super::ServerParts;
use super::assets::{self, Asset};
use crate::http::accepted_types;
use crate::http::problem::{self, ErrorCode, Problem};
use crate::lifecycle::{Readiness, ReadinessReport};
use crate::telemetry::Metrics;

/// Seconds after which a probe that got "not ready" may ask again.
const RETRY_AFTER_S: u64 = 1;

/// The content of these routes' answers, made once.
#[derive(Clone)]
pub(super) struct Builtin {
    metrics: Arc<Metrics>,
    readiness: Readiness,
    readiness_metrics: ReadinessMetrics,
    openapi: Asset,
    versioned: bool,
    home: Option<&'static str>,
}

/// `/readyz` as metrics.
#[derive(Clone)]
struct ReadinessMetrics {
    ready: IntGauge,
    dependencies: IntGaugeVec,
}

impl ReadinessMetrics {
    fn new(metrics: &Metrics) -> Self {
        let ready = metrics.gauge("bank_ready", "1 while the service is ready.", &[]);
        let up = "1 while the dependency is up.";
        Self {
            ready: ready.with_label_values::<&str>(&[]),
            dependencies: metrics.gauge("bank_dependency_up", up, &["dependency"]),
        }
    }

    fn show(&self, report: &ReadinessReport) {
        self.ready.set(report.is_ready().into());
        for state in &report.dependencies {
            self.dependencies.with_label_values(&[state.name.as_str()]).set(state.error.is_none().into());
        }
    }
}

impl Builtin {
    pub(super) fn new(parts: &ServerParts, versioned: bool, home: Option<&'static str>) -> std::io::Result<Self> {
        let mut document = parts.openapi.clone();
        document.openapi = utoipa::openapi::OpenApiVersion::Version31;
        let document = serde_json::to_vec(&document).map_err(std::io::Error::other)?;
        assets::prepare_documentation();
        Ok(Self {
            metrics: Arc::clone(&parts.metrics),
            readiness: parts.readiness.clone(),
            readiness_metrics: ReadinessMetrics::new(&parts.metrics),
            openapi: Asset::new("application/json", document)?,
            versioned,
            home,
        })
    }

    pub(super) fn routes(&self, config: &mut web::ServiceConfig) {
        config
            .app_data(web::Data::new(self.clone()))
            .service(web::resource("/livez").route(web::get().to(livez)))
            .service(web::resource("/readyz").route(web::get().to(readyz)))
            .service(web::resource("/metrics").route(web::get().to(metrics)))
            .service(web::resource("/").route(web::get().to(to_home)));
        documentation("", config);
        if self.versioned {
            config.service(web::resource("/v1").route(web::get().to(to_documentation)));
            documentation("/v1", config);
        }
    }
}

/// The pages and files for people and their tools, below a prefix.
fn documentation(prefix: &str, config: &mut web::ServiceConfig) {
    config
        .service(web::resource(format!("{prefix}/ping")).route(web::get().to(ping)))
        .service(web::resource(format!("{prefix}/openapi.json")).route(web::get().to(openapi)))
        .service(web::resource(format!("{prefix}/docs/errors/{{code}}")).route(web::get().to(error_page)))
        .service(web::resource(format!("{prefix}/docs")).route(web::get().to(docs_index)))
        .service(web::resource(format!("{prefix}/docs/{{file:.*}}")).route(web::get().to(docs_file)));
}

/// Leads a browser to the service's pages, if it has any, and everything else to the documentation.
async fn to_home(builtin: web::Data<Builtin>, request: HttpRequest) -> HttpResponse {
    let place = builtin.home.filter(|_| takes_pages(&request)).unwrap_or("/docs");
    HttpResponse::Found().insert_header((header::LOCATION, place)).insert_header((header::VARY, "Accept")).finish()
}

fn takes_pages(request: &HttpRequest) -> bool {
    accepted_types(request).any(|kind| kind.eq_ignore_ascii_case("text/html"))
}

async fn to_documentation() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/docs")).finish()
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

async fn readyz(builtin: web::Data<Builtin>) -> HttpResponse {
    let report = builtin.readiness.check().await;
    let mut response = if report.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    if !report.is_ready() {
        response.insert_header((header::RETRY_AFTER, RETRY_AFTER_S));
    }
    response.json(readiness_body(&report))
}

fn readiness_body(report: &ReadinessReport) -> serde_json::Value {
    let status = match (report.draining, report.is_ready()) {
        (true, _) => "draining",
        (false, true) => "ready",
        (false, false) => "not ready",
    };
    let state = |up: bool| if up { "up" } else { "down" };
    let dependencies: Map<_, _> =
        report.dependencies.iter().map(|d| (d.name.clone(), state(d.error.is_none()).into())).collect();
    json!({ "status": status, "dependencies": dependencies })
}

/// Probes the dependencies too, as `/readyz` does, so that each scrape shows their state at its time.
async fn metrics(builtin: web::Data<Builtin>) -> HttpResponse {
    builtin.readiness_metrics.show(&builtin.readiness.check().await);
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    HttpResponse::Ok().insert_header(content_type).body(builtin.metrics.render())
}

async fn ping() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "success", "message": "pong!" }))
}

async fn openapi(builtin: web::Data<Builtin>, request: HttpRequest) -> HttpResponse {
    builtin.openapi.answer(&request)
}

async fn error_page(code: web::Path<String>) -> Result<HttpResponse, Problem> {
    let code: ErrorCode = code.parse().map_err(|()| Problem::not_found("page"))?;
    let html = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    Ok(HttpResponse::Ok().insert_header(html).body(problem::page(code)))
}

async fn docs_index(request: HttpRequest) -> Result<HttpResponse, Problem> {
    docs_page(&request, "")
}

async fn docs_file(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    docs_page(&request, if file.is_empty() { "/" } else { &file })
}

fn docs_page(request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
    let asset = assets::documentation(name).ok_or_else(|| Problem::not_found("page"))?;
    Ok(asset.answer(request))
}
