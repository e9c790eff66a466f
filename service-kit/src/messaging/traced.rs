//! The span of a publish.

use shared_events::WireMessage;

use super::publisher::PublishResult;
use crate::telemetry::trace::{MessagingSystem, Span};

/// Publishes a message below a span of its own, which the message refers to.
pub(super) async fn published<F>(
    system: MessagingSystem,
    destination: &str,
    mut message: WireMessage,
    publish: impl FnOnce(WireMessage) -> F,
) -> PublishResult
where
    F: Future<Output = PublishResult>,
{
    let mut span = Span::publish(system, destination, &mut message);
    let result = span.scope(publish(message)).await;
    match &result {
        PublishResult::Accepted => {}
        PublishResult::Later { .. } => span.fail("later"),
        PublishResult::Unrouted { .. } => span.fail("unrouted"),
        PublishResult::Unavailable { .. } => span.fail("unavailable"),
    }
    result
}
