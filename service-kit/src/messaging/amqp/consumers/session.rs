//! The life of one connection of a consumer: consume until a state change, pause or end, settle.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use lapin::options::BasicCancelOptions;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::delivery_stream::{DeliveryStream, InFlight};
use super::state::{ConsumerState, Session, StateChange};
use super::{Subscription, pause, worker};
use crate::messaging::amqp::connection::{Backoff, BrokerConnection};
use crate::messaging::amqp::error::AmqpError;
use crate::messaging::amqp::{routes, topology};
use crate::task;

/// The limit of deliveries in flight, however many workers and however large their batches.
const MAX_PREFETCH: usize = 2000;

/// Runs until the connection fails; `Ok` when the subscription is closed and all is settled.
pub(super) async fn run(subscription: &Arc<Subscription>, backoff: &mut Backoff) -> Result<(), AmqpError> {
    let session = tokio::select! {
        () = subscription.closed() => return Ok(()),
        session = open(subscription) => Arc::new(session?),
    };
    backoff.reset();
    subscription.set_disconnected(None);
    tracing::info!(queue = subscription.queue(), endpoint = subscription.amqp.endpoint(), "consuming");
    let mut backlog = Vec::new();
    loop {
        let change = consume(&session, backlog).await?;
        let Some(reason) = change.outage else { break };
        match pause::wait(&session, &reason, change.held).await? {
            Some(held) => backlog = held,
            None => break,
        }
    }
    session.connection.close().await;
    Ok(())
}

async fn open(subscription: &Arc<Subscription>) -> Result<Session, AmqpError> {
    let connection = BrokerConnection::open(&subscription.amqp, subscription.queue()).await?;
    topology::declare_exchange(&connection).await?;
    let settings = subscription.settings();
    topology::declare_queues(&connection, settings).await?;
    // Twice the number in flight: a worker that finishes finds the next deliveries here, without waiting for the broker.
    let in_flight = settings.concurrency.saturating_mul(settings.batch_size);
    let prefetch = in_flight.saturating_mul(2).clamp(1, MAX_PREFETCH);
    let channel = connection.consuming_channel(u16::try_from(prefetch).unwrap_or(u16::MAX)).await?;
    let copies = AsyncMutex::new(connection.confirmed_channel().await?);
    let exchange = routes::exchange_to(&connection, subscription.queue()).await?;
    let acks = AsyncMutex::default();
    Ok(Session { subscription: Arc::clone(subscription), connection, channel, copies, exchange, acks })
}

/// Consumes until an outage, a shutdown or a failure, and lets all workers finish.
async fn consume(session: &Arc<Session>, backlog: Vec<InFlight>) -> Result<StateChange, AmqpError> {
    let Session { subscription, connection, channel, .. } = session.as_ref();
    let deliveries = DeliveryStream::open(subscription, connection, channel, backlog).await?;
    let state = Arc::new(ConsumerState {
        deliveries: AsyncMutex::new(deliveries),
        stop: CancellationToken::new(),
        change: Mutex::default(),
    });
    let workers = (0..session.subscription.settings().concurrency)
        .map(|_| task::spawn("amqp-worker", worker::work(Arc::clone(session), Arc::clone(&state))));
    Workers(workers.collect()).join(&state, session).await;
    let mut change = std::mem::take(&mut *state.change.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(failure) = change.failure {
        return Err(failure);
    }
    let mut deliveries = state.deliveries.lock().await;
    let cancelled = session.channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default());
    session.connection.request("cancelling the consumer", cancelled).await?;
    if change.outage.is_some() {
        // Deliveries sent before the broker processed the cancellation.
        while let Some(Ok(in_flight)) = deliveries.next().await {
            session.acks.lock().await.received(in_flight.tag());
            change.held.push(in_flight);
        }
    }
    Ok(change)
}

/// Worker tasks, aborted if the session is dropped.
struct Workers(Vec<JoinHandle<()>>);

impl Workers {
    async fn join(mut self, state: &ConsumerState, session: &Session) {
        for worker in &mut self.0 {
            if let Err(error) = worker.await {
                let doing = "settling a message";
                state.fail(AmqpError::lost(session.connection.settings(), doing, format!("a worker ended: {error}")));
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &self.0 {
            worker.abort();
        }
    }
}
