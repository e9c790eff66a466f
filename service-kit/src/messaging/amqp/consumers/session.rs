//! The life of one connection of a consumer: consume until something happens, pause or end, settle.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use lapin::Channel;
use lapin::options::BasicCancelOptions;
use lapin::types::ShortString;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::acks::Acks;
use super::source::{Job, Source};
use super::{Subscription, pause, worker};
use crate::messaging::amqp::connection::{Backoff, Link};
use crate::messaging::amqp::error::AmqpError;
use crate::messaging::amqp::{routes, topology};
use crate::task;

/// However many workers and however large their batches, no more deliveries than this are in hand.
const MAX_PREFETCH: usize = 2000;

/// One connection with its channels.
pub(super) struct Session {
    pub(super) subscription: Arc<Subscription>,
    pub(super) link: Link,
    pub(super) channel: Channel,
    /// For copies to the retry and dead-letter queues.
    pub(super) copies: AsyncMutex<Channel>,
    /// The exchange that leads to this queue and those beside it.
    pub(super) exchange: ShortString,
    /// Locked until its acknowledgements are sent: one that overtakes another's `multiple` would name an unknown delivery.
    pub(super) acks: AsyncMutex<Acks>,
}

/// Consuming between two pauses.
pub(super) struct Phase {
    pub(super) source: AsyncMutex<Source>,
    /// Workers take no more.
    pub(super) stop: CancellationToken,
    pub(super) news: Mutex<News>,
}

/// What workers have met.
#[derive(Default)]
pub(super) struct News {
    pub(super) failure: Option<AmqpError>,
    pub(super) outage: Option<String>,
    /// Jobs that wait for the end of the outage.
    pub(super) held: Vec<Job>,
}

impl Phase {
    pub(super) fn fail(&self, error: AmqpError) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).failure.get_or_insert(error);
        self.stop.cancel();
    }

    pub(super) fn pause(&self, reason: &str, held: Vec<Job>) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        news.outage.get_or_insert_with(|| reason.to_owned());
        news.held.extend(held);
        self.stop.cancel();
    }
}

/// Runs until the connection fails; `Ok` when the subscription is closed and all is settled.
pub(super) async fn run(subscription: &Arc<Subscription>, backoff: &mut Backoff) -> Result<(), AmqpError> {
    let session = tokio::select! {
        () = subscription.closed() => return Ok(()),
        session = open(subscription) => Arc::new(session?),
    };
    backoff.reset();
    subscription.set_away(None);
    tracing::info!(queue = subscription.queue(), endpoint = subscription.amqp.endpoint(), "consuming");
    let mut backlog = Vec::new();
    loop {
        let news = consume(&session, backlog).await?;
        let Some(reason) = news.outage else { break };
        match pause::wait(&session, reason, news.held).await? {
            Some(held) => backlog = held,
            None => break,
        }
    }
    session.link.close().await;
    Ok(())
}

async fn open(subscription: &Arc<Subscription>) -> Result<Session, AmqpError> {
    let link = Link::open(&subscription.amqp, subscription.queue()).await?;
    topology::declare_exchange(&link).await?;
    let settings = subscription.settings();
    topology::declare_queues(&link, settings).await?;
    // Twice what is in hand: whoever is done finds the next ones here, and does not wait for the broker's.
    let in_hand = settings.concurrency.saturating_mul(settings.batch_size);
    let prefetch = in_hand.saturating_mul(2).clamp(1, MAX_PREFETCH);
    let channel = link.consuming_channel(u16::try_from(prefetch).unwrap_or(u16::MAX)).await?;
    let copies = AsyncMutex::new(link.confirmed_channel().await?);
    let exchange = routes::exchange_to(&link, subscription.queue()).await?;
    let acks = AsyncMutex::default();
    Ok(Session { subscription: Arc::clone(subscription), link, channel, copies, exchange, acks })
}

/// Consumes until an outage, a shutdown or a failure, and lets all workers finish.
async fn consume(session: &Arc<Session>, backlog: Vec<Job>) -> Result<News, AmqpError> {
    let source = Source::open(session, backlog).await?;
    let phase =
        Arc::new(Phase { source: AsyncMutex::new(source), stop: CancellationToken::new(), news: Mutex::default() });
    let workers = (0..session.subscription.settings().concurrency)
        .map(|_| task::spawn("amqp-worker", worker::work(Arc::clone(session), Arc::clone(&phase))));
    Workers(workers.collect()).join(&phase, session).await;
    let mut news = std::mem::take(&mut *phase.news.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(failure) = news.failure {
        return Err(failure);
    }
    let mut source = phase.source.lock().await;
    let cancelled = session.channel.basic_cancel(source.tag(), BasicCancelOptions::default());
    session.link.ask("cancelling the consumer", cancelled).await?;
    if news.outage.is_some() {
        // What came before the broker heard of it.
        while let Some(Ok(job)) = source.next().await {
            session.acks.lock().await.received(job.tag());
            news.held.push(job);
        }
    }
    Ok(news)
}

/// Worker tasks, which end with the session if that is dropped.
struct Workers(Vec<JoinHandle<()>>);

impl Workers {
    async fn join(mut self, phase: &Phase, session: &Session) {
        for worker in &mut self.0 {
            if let Err(error) = worker.await {
                let doing = "settling a message";
                phase.fail(AmqpError::lost(session.link.settings(), doing, format!("a worker ended: {error}")));
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
