//! The exporter: OpenTelemetry's SDK, with a bounded queue and one thread, and OTLP over HTTP with protobuf.
//!
//! The SDK reads the other `OTEL_…` variables itself (`docs/operations.md` lists them), from the process's environment alone.
//! An export that fails is tried three more times within its time limit, then its spans are lost and counted; a log line
//! reports the first failure of a series, and its end.

mod client;
mod export;
mod queue;
mod recorder;
mod variables;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use url::Url;

use self::client::CollectorClient;
use self::export::CountedExporter;
use self::queue::{BoundedProcessor, Queue};
use self::recorder::SdkRecorders;
use super::counts;
use super::span::TRACER;
use crate::ids::new_uuid;
use crate::telemetry::TelemetryError;

/// How long the end of the process waits for the last spans.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// The name of this instrumentation.
const SCOPE: &str = env!("CARGO_PKG_NAME");
const UNNAMED: &str = "unknown_service";

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Exports from now on; `variable` named the URL. A second call changes nothing.
pub(super) fn start(variable: &'static str, url: &Url) -> Result<(), TelemetryError> {
    let fault = |error: String| TelemetryError::Exporter { variable, error };
    let client = CollectorClient::new(variables::timeout()).map_err(|error| fault(error.to_string()))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url.as_str())
        .with_http_client(client)
        .build()
        .map_err(|error| fault(error.to_string()))?;
    let size = variables::queue_size();
    let queue = Arc::new(Queue::new(size));
    let batches = BatchSpanProcessor::builder(CountedExporter::new(exporter, Arc::clone(&queue)))
        .with_batch_config(BatchConfigBuilder::default().with_max_queue_size(size).build())
        .build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource())
        .with_span_processor(BoundedProcessor::new(batches, queue))
        .build();
    counts::start();
    let recorders = SdkRecorders::new(provider.tracer(SCOPE));
    if PROVIDER.set(provider).is_ok() {
        TRACER.get_or_init(|| Box::new(recorders));
        tracing::info!(%url, queue = size, "traces are sent");
    }
    Ok(())
}

pub(super) fn flush() {
    let Some(provider) = PROVIDER.get() else { return };
    if let Err(error) = provider.shutdown_with_timeout(LAST_WAIT) {
        tracing::warn!(%error, "the last spans were not sent");
    }
}

/// The service's name, version and instance, unless the environment names them.
fn resource() -> Resource {
    let named = Resource::builder().build();
    let is_missing = |key: &'static str| {
        named.get_ref(&Key::from_static_str(key)).is_none_or(|value| value.as_str().starts_with(UNNAMED))
    };
    let own = [
        ("service.name", crate::telemetry::program()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", new_uuid().to_string()),
    ];
    let missing = own.into_iter().filter(|(key, _)| is_missing(key));
    Resource::builder().with_attributes(missing.map(|(key, value)| KeyValue::new(key, value))).build()
}
