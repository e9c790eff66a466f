//! The routes that every service has: health, metrics, documentation.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::middleware::Compress;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde_json::{Map, json};
use utoipa_swagger_ui::Config;

use super::ServerParts;
use crate::http::problem::{self, ErrorCode, Problem};
use crate::lifecycle::{Readiness, ReadinessReport};
use crate::telemetry::Metrics;

/// When a probe that was told "not ready" may ask again.
const RETRY_AFTER_S: u64 = 1;

/// What the routes answer from, made once.
#[derive(Clone)]
pub(super) struct Builtin {
    metrics: Arc<Metrics>,
    readiness: Readiness,
    openapi: Bytes,
    swagger: Arc<Config<'static>>,
}

impl Builtin {
    pub(super) fn new(parts: &ServerParts) -> std::io::Result<Self> {
        let mut document = parts.openapi.clone();
        document.openapi = utoipa::openapi::OpenApiVersion::Version31;
        Ok(Self {
            metrics: Arc::clone(&parts.metrics),
            readiness: parts.readiness.clone(),
            openapi: serde_json::to_vec(&document).map_err(std::io::Error::other)?.into(),
            swagger: Arc::new(Config::from("/openapi.json").try_it_out_enabled(true)),
        })
    }

    pub(super) fn routes(&self, config: &mut web::ServiceConfig) {
        config
            .app_data(web::Data::new(self.clone()))
            .service(web::resource("/livez").route(web::get().to(livez)).route(web::head().to(livez)))
            .service(web::resource("/readyz").route(web::get().to(readyz)).route(web::head().to(readyz)))
            .service(web::resource("/metrics").route(web::get().to(metrics)))
            .service(web::resource("/ping").route(web::get().to(ping)))
            .service(web::resource("/openapi.json").wrap(Compress::default()).route(web::get().to(openapi)))
            .service(web::resource("/docs/errors/{code}").route(web::get().to(error_page)))
            .service(web::resource("/docs").route(web::get().to(docs_index)))
            .service(web::resource("/docs/{file:.*}").wrap(Compress::default()).route(web::get().to(docs_file)));
    }
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

async fn metrics(builtin: web::Data<Builtin>) -> HttpResponse {
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    HttpResponse::Ok().insert_header(content_type).body(builtin.metrics.render())
}

async fn ping() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "success", "message": "pong!" }))
}

async fn openapi(builtin: web::Data<Builtin>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(builtin.openapi.clone())
}

async fn error_page(code: web::Path<String>) -> Result<HttpResponse, Problem> {
    let code: ErrorCode = code.parse().map_err(|()| Problem::not_found("page"))?;
    let html = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    Ok(HttpResponse::Ok().insert_header(html).body(problem::page(code)))
}

async fn docs_index(builtin: web::Data<Builtin>) -> Result<HttpResponse, Problem> {
    swagger_file(&builtin, "")
}

async fn docs_file(builtin: web::Data<Builtin>, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    swagger_file(&builtin, &file)
}

fn swagger_file(builtin: &Builtin, path: &str) -> Result<HttpResponse, Problem> {
    let file = utoipa_swagger_ui::serve(path, Arc::clone(&builtin.swagger))
        .map_err(|error| Problem::internal(error.as_ref()))?
        .ok_or_else(|| Problem::not_found("page"))?;
    let mut bytes = Bytes::from(file.bytes.into_owned());
    if file.content_type.starts_with("text/html") {
        // The page loads its files by relative paths; with a base it works at `/docs` as well as at `/docs/`.
        let html = String::from_utf8_lossy(&bytes).replacen("<head>", "<head><base href=\"/docs/\">", 1);
        bytes = Bytes::from(html);
    }
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(response.insert_header((header::CONTENT_TYPE, file.content_type)).body(bytes))
}
