//! Exports with their results counted, and logged when they change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::queue::Queue;
use crate::telemetry::trace::counts;

#[derive(Debug)]
pub(super) struct CountedExporter {
    exporter: opentelemetry_otlp::SpanExporter,
    queue: Arc<Queue>,
    is_failing: AtomicBool,
}

impl CountedExporter {
    pub(super) fn new(exporter: opentelemetry_otlp::SpanExporter, queue: Arc<Queue>) -> Self {
        Self { exporter, queue, is_failing: AtomicBool::new(false) }
    }

    fn report(&self, spans: usize, result: &OTelSdkResult) {
        self.queue.leave(spans);
        counts::add(if result.is_ok() { "exported" } else { "failed" }, spans);
        let was_failing = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match result {
            // The text has the status of the answer at most, never its body.
            Err(error) if !was_failing => tracing::warn!(%error, spans, "spans cannot be sent; they are lost"),
            Ok(()) if was_failing => tracing::info!("spans are sent again"),
            Ok(()) | Err(_) => {}
        }
    }
}

impl SpanExporter for CountedExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.report(spans, &result);
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
