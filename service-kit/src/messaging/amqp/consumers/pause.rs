//! A pause: the consumer's dependency is unavailable. It is probed until it is back; meanwhile nothing is consumed.

use std::time::Duration;

use tokio::time::Instant;

use super::delivery_stream::InFlight;
use super::settle;
use super::state::Session;
use crate::messaging::amqp::error::AmqpError;

const FIRST_PROBE: Duration = Duration::from_millis(100);
const SLOWEST_PROBE: Duration = Duration::from_secs(2);

/// Waits for the end of the outage and returns the held deliveries that are left to handle; none if the subscription was
/// closed meanwhile.
pub(super) async fn wait(
    session: &Session,
    reason: &str,
    held: Vec<InFlight>,
) -> Result<Option<Vec<InFlight>>, AmqpError> {
    let subscription = &session.subscription;
    tracing::warn!(queue = subscription.queue(), reason, held = held.len(), "queue paused");
    subscription.runner.metrics().set_paused(true);
    let outcome = tokio::select! {
        () = subscription.closed() => Ok(None),
        () = session.connection.closed() => Err(session.connection.loss("being paused")),
        outcome = until_back(session, held) => outcome.map(Some),
    };
    // After a lost connection the queue is paused again as soon as its first message is attempted.
    subscription.runner.metrics().set_paused(false);
    if matches!(outcome, Ok(Some(_))) {
        tracing::info!(queue = subscription.queue(), "queue resumed");
    }
    outcome
}

async fn until_back(session: &Session, mut held: Vec<InFlight>) -> Result<Vec<InFlight>, AmqpError> {
    let put_back_at = Instant::now() + session.subscription.amqp.hold_limit;
    let mut delay = FIRST_PROBE;
    loop {
        tokio::time::sleep(delay).await;
        if session.subscription.runner.probe().await.is_ok() {
            return Ok(held);
        }
        if Instant::now() >= put_back_at && !held.is_empty() {
            settle::put_back(session, std::mem::take(&mut held)).await?;
        }
        delay = delay.saturating_mul(2).min(SLOWEST_PROBE);
    }
}
