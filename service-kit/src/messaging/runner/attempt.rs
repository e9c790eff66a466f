//! One call of a handler: within its time limit, with its panic caught, in its span.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use shared_events::EventId;
use tracing::Span;

use super::AttemptResult;
use crate::messaging::Delivery;
use crate::task::panic_text;

/// A panic's text is cut to this many characters.
const MAX_PANIC_TEXT: usize = 300;

/// Why a call gave no usable result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the handler panicked: {text}")]
    Panicked { text: String },
    #[error("the handler was stopped after {} ms", limit.as_millis())]
    TimedOut { limit: Duration },
    #[error("the handler answered {answered} outcomes for {expected} messages")]
    Miscounted { expected: usize, answered: usize },
}

impl Fault {
    pub(super) fn is_time_out(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    pub(super) fn into_result(self) -> AttemptResult {
        let reason = self.to_string();
        if self.is_time_out() { AttemptResult::TimedOut { reason } } else { AttemptResult::Crashed { reason } }
    }
}

/// Runs a future within a time limit and catches its panic.
pub(super) async fn guarded<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Fault> {
    // A consumer that panicked is called again only through `&self`, as after any other failure.
    match tokio::time::timeout(limit, AssertUnwindSafe(future).catch_unwind()).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) => Err(Fault::Panicked { text: clipped(panic_text(panic.as_ref())) }),
        Err(_) => Err(Fault::TimedOut { limit }),
    }
}

/// A panic's text, on one line of bounded length.
fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_PANIC_TEXT).collect()
}

/// Event id and type of a delivery as far as they can be read, for logs and spans.
pub(super) fn identity(delivery: &Delivery) -> (EventId, &str) {
    let message = &delivery.message;
    let id = message.event_id().unwrap_or_else(|_| EventId::from_content(&message.routing_key, &message.body));
    (id, &message.routing_key)
}

/// The span of a call: of its message if there is one, of the batch otherwise.
pub(super) fn span(queue: &str, deliveries: &[Delivery]) -> Span {
    let [delivery] = deliveries else {
        return tracing::info_span!("handle_batch", queue, messages = deliveries.len());
    };
    let (event_id, _) = identity(delivery);
    let span = tracing::info_span!("handle", %event_id, queue, attempt = delivery.attempt, traceparent = tracing::field::Empty);
    if let Some(traceparent) = delivery.message.headers.get("traceparent") {
        span.record("traceparent", traceparent.as_str());
    }
    span
}
