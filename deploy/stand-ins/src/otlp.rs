//! A collector of traces: OTLP over HTTP with protobuf. It keeps every span that it gets, and refuses what is not OTLP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;

pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

const PROTOBUF: &str = "application/x-protobuf";
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// A span as it was received; ids are hexadecimal digits.
#[derive(Debug, Clone)]
pub struct ReceivedSpan {
    /// `service.name` of the process.
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    pub trace_id: String,
    pub span_id: String,
    /// Empty at the root of a trace.
    pub parent_id: String,
    /// The ids of the spans that it is linked to.
    pub links: Vec<String>,
    pub attributes: BTreeMap<String, String>,
    pub is_error: bool,
}

pub struct Collector {
    /// The collector's address: `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub url: String,
    spans: Arc<Mutex<Vec<ReceivedSpan>>>,
    handle: ServerHandle,
}

impl Collector {
    pub fn start() -> Self {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = web::Data::from(Arc::clone(&spans));
        let app = move || {
            App::new()
                .app_data(kept.clone())
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .route("/v1/traces", web::post().to(take))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, spans, handle }
    }

    /// The spans of a trace so far, in the order in which they came.
    pub fn trace(&self, trace_id: &str) -> Vec<ReceivedSpan> {
        let spans = self.spans.lock().unwrap();
        spans.iter().filter(|span| span.trace_id == trace_id).cloned().collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn take(request: HttpRequest, body: web::Bytes, kept: web::Data<Mutex<Vec<ReceivedSpan>>>) -> HttpResponse {
    let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    if content_type != Some(PROTOBUF) {
        return HttpResponse::UnsupportedMediaType().finish();
    }
    let Ok(exported) = ExportTraceServiceRequest::decode(body) else { return HttpResponse::BadRequest().finish() };
    let mut kept = kept.lock().unwrap();
    for resource_spans in exported.resource_spans {
        let resource = attributes(resource_spans.resource.map(|resource| resource.attributes).unwrap_or_default());
        let service = resource.get("service.name").cloned().unwrap_or_default();
        let spans = resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
        kept.extend(spans.map(|span| received(span, &service)));
    }
    let answer = ExportTraceServiceResponse::default().encode_to_vec();
    HttpResponse::Ok().content_type(PROTOBUF).body(answer)
}

fn received(span: Span, service: &str) -> ReceivedSpan {
    ReceivedSpan {
        service: service.to_owned(),
        kind: span.kind(),
        is_error: span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error),
        name: span.name,
        trace_id: hex::encode(span.trace_id),
        span_id: hex::encode(span.span_id),
        parent_id: hex::encode(span.parent_span_id),
        links: span.links.into_iter().map(|link| hex::encode(link.span_id)).collect(),
        attributes: attributes(span.attributes),
    }
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(is_set) => is_set.to_string(),
        other => panic!("an attribute is {other:?}"),
    };
    let value = |pair: KeyValue| Some((pair.key, text(pair.value?.value?)));
    pairs.into_iter().filter_map(value).collect()
}
