//! The bound of the queue. The SDK has one, too, but does not show how many spans it dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanProcessor};

use crate::telemetry::trace::counts;

/// The spans that wait for the exporter, those of a running export included.
#[derive(Debug)]
pub(super) struct Queue {
    size: usize,
    waiting: AtomicUsize,
}

impl Queue {
    pub(super) fn new(size: usize) -> Self {
        Self { size, waiting: AtomicUsize::new(0) }
    }

    /// Takes a place; false if there is none.
    fn enter(&self) -> bool {
        let is_free = self.waiting.fetch_add(1, Ordering::Relaxed) < self.size;
        if !is_free {
            self.leave(1);
        }
        is_free
    }

    /// Frees the places of spans that were exported or lost.
    pub(super) fn leave(&self, spans: usize) {
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
    }
}

/// Passes spans on as long as they have a place.
#[derive(Debug)]
pub(super) struct BoundedProcessor {
    batches: BatchSpanProcessor,
    queue: Arc<Queue>,
}

impl BoundedProcessor {
    pub(super) fn new(batches: BatchSpanProcessor, queue: Arc<Queue>) -> Self {
        Self { batches, queue }
    }
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.queue.enter() {
            self.batches.on_end(span);
        } else {
            counts::add("dropped", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_takes_no_span_until_one_has_left() {
        let queue = Queue::new(2);
        assert_eq!([queue.enter(), queue.enter(), queue.enter(), queue.enter()], [true, true, false, false]);
        queue.leave(1);
        assert_eq!([queue.enter(), queue.enter()], [true, false]);
    }
}
