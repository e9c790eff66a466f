//! The spans of a batch: one for each message, from the call of the handler to its results.

use super::attempt::Fault;
use crate::messaging::{Delivery, HandlerResult};
use crate::telemetry::trace::{MessagingSystem, Span};

/// The spans of the messages of one call, in their order.
pub(super) struct TracedBatch(Vec<Span>);

impl TracedBatch {
    pub(super) fn start(system: MessagingSystem, queue: &str, deliveries: &[Delivery]) -> Self {
        Self(deliveries.iter().map(|delivery| Span::process(system, queue, &delivery.message)).collect())
    }

    /// Runs the handler below the span of its first message: what a handler does for several messages at once is in one trace
    /// only.
    pub(super) fn scope<F: Future>(&self, handled: F) -> impl Future<Output = F::Output> + use<F> {
        self.0.first().unwrap_or(&Span::default()).scope(handled)
    }

    /// Ends the spans, and marks those of messages that were not handled.
    pub(super) fn end(&mut self, result: Result<&[HandlerResult], &Fault>) {
        for (index, span) in self.0.iter_mut().enumerate() {
            let error_type = match result {
                Ok(outcomes) => outcomes.get(index).and_then(error_type),
                Err(fault) => Some(if fault.is_time_out() { "timeout" } else { "crash" }),
            };
            if let Some(error_type) = error_type {
                span.fail(error_type);
            }
        }
        self.0.clear();
    }
}

fn error_type(result: &HandlerResult) -> Option<&'static str> {
    match result {
        HandlerResult::Done | HandlerResult::Skipped => None,
        HandlerResult::Retry { .. } => Some("retry"),
        HandlerResult::Later { .. } => Some("later"),
        HandlerResult::Reject { .. } => Some("rejected"),
    }
}
