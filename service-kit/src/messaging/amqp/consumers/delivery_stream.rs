//! Yields deliveries: first those that were held during a pause, then those of the broker.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt as _, Stream, StreamExt as _};
use lapin::message::Delivery;
use lapin::options::BasicConsumeOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{Acker, Channel};
use tokio::time::Instant;

use super::Subscription;
use super::acks::Acks;
use super::in_flight::{Held, InFlightTracker};
use crate::messaging::Delivery as HandlerDelivery;
use crate::messaging::amqp::connection::BrokerConnection;
use crate::messaging::amqp::error::AmqpError;
use crate::messaging::amqp::topology::short;
use crate::messaging::amqp::wire_format;
use crate::messaging::disposition::AttemptCounts;

/// A delivery in flight.
pub(super) struct InFlight {
    pub(super) delivery: HandlerDelivery,
    pub(super) counts: AttemptCounts,
    tag: u64,
    _held: Held,
    pub(super) acker: Acker,
}

impl InFlight {
    fn new(queue: &str, delivery: Delivery, held: Held) -> Self {
        let Delivery { delivery_tag, routing_key, redelivered, properties, data, acker, .. } = delivery;
        let received = wire_format::receive(queue, routing_key.as_str(), &properties, data);
        let counts = received.counts;
        let delivery = HandlerDelivery {
            attempt: counts.attempts.saturating_add(1),
            redelivered: redelivered || received.returned > 0 || counts.attempts > 0,
            message: received.message,
        };
        Self { delivery, counts, tag: delivery_tag, _held: held, acker }
    }

    pub(super) fn tag(&self) -> u64 {
        self.tag
    }
}

pub(super) struct DeliveryStream {
    backlog: VecDeque<InFlight>,
    consumer: lapin::Consumer,
    queue: String,
    tracker: Arc<InFlightTracker>,
}

impl DeliveryStream {
    pub(super) async fn open(
        subscription: &Subscription,
        connection: &BrokerConnection,
        channel: &Channel,
        backlog: Vec<InFlight>,
    ) -> Result<Self, AmqpError> {
        let queue = short(subscription.queue());
        let options = BasicConsumeOptions { no_ack: crate::planted!("ack_early"), ..BasicConsumeOptions::default() };
        let consuming = channel.basic_consume(queue, ShortString::default(), options, FieldTable::default());
        let consumer = connection.request("consuming", consuming).await?;
        let (queue, tracker) = (subscription.queue().to_owned(), Arc::clone(&subscription.in_flight));
        Ok(Self { backlog: backlog.into(), consumer, queue, tracker })
    }

    pub(super) fn tag(&self) -> ShortString {
        self.consumer.tag()
    }

    /// Adds deliveries up to a batch; none added means that the broker has ended the stream. The deliveries in `batch` stay
    /// there if the future is dropped.
    pub(super) async fn fill_batch(
        &mut self,
        batch: &mut Vec<InFlight>,
        limit: usize,
        linger: Duration,
        acks: &tokio::sync::Mutex<Acks>,
    ) -> lapin::Result<()> {
        let Some(first) = self.next().await else { return Ok(()) };
        batch.push(first?);
        let deadline = Instant::now() + linger;
        while batch.len() < limit {
            // A delivery that is already there costs no wait.
            let next = match self.next().now_or_never() {
                Some(next) => next,
                None if linger.is_zero() => break,
                None => match tokio::time::timeout_at(deadline, self.next()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            let Some(Ok(in_flight)) = next else { break };
            batch.push(in_flight);
        }
        // Still under the stream's lock, so tags enter in order.
        let mut acks = acks.lock().await;
        for in_flight in batch {
            acks.received(in_flight.tag);
        }
        Ok(())
    }
}

impl Stream for DeliveryStream {
    type Item = lapin::Result<InFlight>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(in_flight) = self.backlog.pop_front() {
            return Poll::Ready(Some(Ok(in_flight)));
        }
        let tracker = Arc::clone(&self.tracker);
        let polled = self.consumer.poll_next_unpin(context);
        if polled.is_pending() {
            tracker.nothing_waits();
        }
        let queue = &self.queue;
        polled.map(|next| next.map(|delivery| delivery.map(|delivery| InFlight::new(queue, delivery, tracker.hold()))))
    }
}
