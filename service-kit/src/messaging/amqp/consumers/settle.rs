//! Carries out dispositions: copies first, then acknowledgements.

use std::collections::HashMap;

use lapin::options::BasicAckOptions;

use super::delivery_stream::InFlight;
use super::state::{ConsumerState, Session};
use crate::clock::{Clock as _, SystemClock};
use crate::messaging::amqp::error::AmqpError;
use crate::messaging::amqp::publish_batch::{self, OutboundMessage, PublishOutcome, batch_error};
use crate::messaging::amqp::topology::{dead_queue, retry_queue};
use crate::messaging::amqp::wire_format::{self, RetryHeaders};
use crate::messaging::disposition::Disposition;

/// Carries out the dispositions. On an error nothing more is acknowledged: the broker delivers the rest again.
pub(super) async fn settle(
    session: &Session,
    state: &ConsumerState,
    dispositions: Vec<(InFlight, Disposition)>,
) -> Result<(), AmqpError> {
    let (mut finished, mut copied, mut outbound, mut held) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut outage, mut dead) = (None, 0_usize);
    for (mut in_flight, disposition) in dispositions {
        match disposition {
            Disposition::Ack | Disposition::Skip => finished.push(in_flight),
            Disposition::Pause { reason } => {
                outage.get_or_insert(reason);
                held.push(in_flight);
            }
            Disposition::RetryAfter { delay, counts, .. } => {
                let queue = waiting_queue(session, delay);
                outbound.push(copy(session, &mut in_flight, &queue, &RetryHeaders { counts, death: None }));
                copied.push(in_flight);
            }
            Disposition::DeadLetter { counts, reason } => {
                let death = Some((reason, SystemClock.now()));
                let queue = dead_queue(session.subscription.queue());
                in_flight.delivery.message.remove_secrets();
                outbound.push(copy(session, &mut in_flight, &queue, &RetryHeaders { counts, death }));
                copied.push(in_flight);
                dead += 1;
            }
        }
    }
    // First of all, so that no worker takes more while the dependency is unavailable.
    if let Some(reason) = outage {
        state.pause(&reason, held);
    }
    acknowledge(session, finished).await?;
    publish_copies(session, outbound).await?;
    crate::fail_point!("copy.confirmed", if !copied.is_empty());
    for _ in 0..dead {
        session.subscription.runner.metrics().dead_letter_kept();
    }
    acknowledge(session, copied).await
}

/// Puts held messages back unchanged, behind those that wait.
pub(super) async fn put_back(session: &Session, mut batch: Vec<InFlight>) -> Result<(), AmqpError> {
    let queue = session.subscription.queue();
    let back = |in_flight: &mut InFlight| {
        let retry_headers = RetryHeaders { counts: in_flight.counts, death: None };
        copy(session, in_flight, queue, &retry_headers)
    };
    let outbound: Vec<OutboundMessage> = batch.iter_mut().map(back).collect();
    publish_copies(session, outbound).await?;
    acknowledge(session, batch).await
}

/// Moves the message into a copy; its delivery then only needs the acknowledgement.
fn copy(session: &Session, in_flight: &mut InFlight, queue: &str, retry_headers: &RetryHeaders) -> OutboundMessage {
    let message = &mut in_flight.delivery.message;
    let moved = shared_events::WireMessage {
        routing_key: message.routing_key.clone(),
        properties: message.properties.clone(),
        headers: std::mem::take(&mut message.headers),
        body: std::mem::take(&mut message.body),
    };
    wire_format::to_queue(&session.exchange, queue, moved, retry_headers)
}

/// The queue in which a message waits for this delay; its own queue if there is none for it.
fn waiting_queue(session: &Session, delay: std::time::Duration) -> String {
    let settings = session.subscription.settings();
    if settings.retry_delays.contains(&delay) { retry_queue(&settings.queue, delay) } else { settings.queue.clone() }
}

async fn publish_copies(session: &Session, outbound: Vec<OutboundMessage>) -> Result<(), AmqpError> {
    if outbound.is_empty() {
        return Ok(());
    }
    let (settings, doing) = (&session.subscription.amqp, "copying a message");
    let queues: Vec<_> = outbound.iter().map(|copy| copy.routing_key.clone()).collect();
    let channel = session.copies.lock().await;
    let outcomes = publish_batch::publish(&channel, outbound, settings.confirm_limit).await;
    let outcomes = outcomes.map_err(|error| batch_error(settings, error, doing))?;
    let refusal = queues.iter().zip(outcomes).find_map(|(queue, outcome)| match outcome {
        PublishOutcome::Confirmed => None,
        // A new session declares the queue again.
        PublishOutcome::Unroutable => Some(format!("the queue {queue:?} is gone")),
        PublishOutcome::Refused => Some(format!("the queue {queue:?} declined it")),
    });
    refusal.map_or(Ok(()), |reason| Err(AmqpError::lost(settings, doing, reason)))
}

async fn acknowledge(session: &Session, batch: Vec<InFlight>) -> Result<(), AmqpError> {
    if crate::planted!("ack_early") {
        return Ok(());
    }
    let doing = "acknowledging";
    let tags: Vec<u64> = batch.iter().map(InFlight::tag).collect();
    let ackers: HashMap<u64, _> = batch.into_iter().map(|in_flight| (in_flight.tag(), in_flight.acker)).collect();
    let mut acks = session.acks.lock().await;
    for ack in acks.finish(&tags) {
        let Some(acker) = ackers.get(&ack.tag) else { continue };
        let sent = acker.ack(BasicAckOptions { multiple: ack.multiple });
        if !session.connection.request(doing, sent).await? {
            // The channel is gone; the broker delivers its messages again.
            return Err(session.connection.loss(doing));
        }
    }
    Ok(())
}

pub(super) fn request_error(session: &Session, error: &lapin::Error, doing: &str) -> AmqpError {
    AmqpError::of_request(error, &session.subscription.amqp, doing)
}
