//! Reads the dead letters of a queue without removing them; each can then be discarded.

use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::{DeliveryTag, FieldTable};
use shared_events::EventId;
use tokio::time::Instant;

use super::connection::BrokerConnection;
use super::error::AmqpError;
use super::publish_batch::{self, PublishOutcome, batch_error};
use super::routes;
use super::topology::{dead_queue, short};
use super::wire_format::{self, RetryHeaders};
use crate::clock::SharedClock;
use crate::messaging::disposition::AttemptCounts;
use crate::messaging::{AmqpSettings, DeadLetter};

const MAX_PEEK: u16 = 10_000;
const MAX_PEEK_BYTES: usize = 64 * 1024 * 1024;
/// A broker that sends nothing for this long has nothing more.
const IDLE: Duration = Duration::from_secs(1);
/// How long a queue has to be empty to count as empty.
const GIVEN_BACK: Duration = Duration::from_millis(500);
const GIVING_BACK: Duration = Duration::from_millis(50);
const ACKS_AT_ONCE: usize = 16;
const ACKS_PAUSE: Duration = Duration::from_millis(20);

/// A peek at a queue's dead letters. Every unacknowledged one goes back when it ends.
pub(super) struct Peek {
    pub(super) connection: BrokerConnection,
    channel: Channel,
    /// The name of the dead-letter queue.
    name: String,
    pub(super) dead_letters: BTreeMap<EventId, (DeadLetter, Vec<Delivery>)>,
    /// The tags of the deliveries taken and not acknowledged.
    held: BTreeSet<DeliveryTag>,
}

/// How many dead letters a queue has; 0 if there is no such queue.
pub(super) async fn count(connection: &BrokerConnection, queue: &str) -> Result<u32, AmqpError> {
    messages_in(connection, &dead_queue(queue), "counting dead letters").await
}

/// How many messages of a queue no consumer has taken; 0 if there is no such queue.
pub(super) async fn messages_in(connection: &BrokerConnection, name: &str, doing: &str) -> Result<u32, AmqpError> {
    Ok(messages_and_consumers(connection, name, doing).await?.0)
}

/// The same, with the number of the queue's consumers.
pub(super) async fn messages_and_consumers(
    connection: &BrokerConnection,
    name: &str,
    doing: &str,
) -> Result<(u32, u32), AmqpError> {
    Ok(counted(connection, name, doing).await?.unwrap_or_default())
}

/// Whether there is a queue of this name.
pub(super) async fn exists(connection: &BrokerConnection, name: &str) -> Result<bool, AmqpError> {
    Ok(counted(connection, name, "looking for a queue").await?.is_some())
}

/// Messages and consumers; none if there is no such queue.
async fn counted(connection: &BrokerConnection, name: &str, doing: &str) -> Result<Option<(u32, u32)>, AmqpError> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let channel = connection.channel().await?;
    let declared = channel.queue_declare(short(name), passive, FieldTable::default());
    match connection.request(doing, declared).await {
        Ok(queue) => Ok(Some((queue.message_count(), queue.consumer_count()))),
        Err(AmqpError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Peek {
    /// `None` if the queue has no dead letters. Links and codes are removed from those that the broker dead-lettered by
    /// itself, in the queue as well.
    pub(super) async fn open(settings: &AmqpSettings, queue: &str, clock: &SharedClock) -> io::Result<Option<Self>> {
        let Some(mut peek) = Self::take(settings, queue, clock).await? else { return Ok(None) };
        if !peek.redact(queue).await? {
            return Ok(Some(peek));
        }
        peek.connection.close().await;
        Self::take(settings, queue, clock).await
    }

    async fn take(settings: &AmqpSettings, queue: &str, clock: &SharedClock) -> io::Result<Option<Self>> {
        let connection = BrokerConnection::open(settings, "dead letters").await.map_err(io::Error::other)?;
        let mut waiting = count(&connection, queue).await.map_err(io::Error::other)?;
        // The broker counts dead letters returned by another peek only a moment after that peek has closed.
        let begun = Instant::now();
        while waiting == 0 && begun.elapsed() < GIVEN_BACK {
            tokio::time::sleep(GIVING_BACK).await;
            waiting = count(&connection, queue).await.map_err(io::Error::other)?;
        }
        let prefetch = u16::try_from(waiting).unwrap_or(u16::MAX).min(MAX_PEEK);
        if prefetch == 0 {
            return Ok(None);
        }
        let channel = connection.consuming_channel(prefetch).await.map_err(io::Error::other)?;
        let (name, dead_letters, held) = (dead_queue(queue), BTreeMap::new(), BTreeSet::new());
        let mut peek = Self { connection, channel, name, dead_letters, held };
        peek.fill(queue, prefetch, clock).await.map_err(io::Error::other)?;
        Ok(Some(peek))
    }

    async fn fill(&mut self, queue: &str, expected: u16, clock: &SharedClock) -> Result<(), AmqpError> {
        let (name, tag) = (short(&self.name), short(""));
        let consuming = self.channel.basic_consume(name, tag, BasicConsumeOptions::default(), FieldTable::default());
        let mut deliveries = self.connection.request("reading dead letters", consuming).await?;
        let mut bytes = 0_usize;
        for _ in 0..expected {
            let Ok(next) = tokio::time::timeout(IDLE, deliveries.next()).await else { break };
            let mut delivery = match next {
                Some(Ok(delivery)) => delivery,
                Some(Err(error)) => {
                    return Err(AmqpError::of_request(&error, self.connection.settings(), "reading dead letters"));
                }
                None => return Err(self.connection.loss("reading dead letters")),
            };
            self.held.insert(delivery.delivery_tag);
            bytes = bytes.saturating_add(delivery.data.len());
            let body = std::mem::take(&mut delivery.data);
            let received = wire_format::receive(queue, delivery.routing_key.as_str(), &delivery.properties, body);
            let dead_letter = received.into_dead_letter(queue, clock.now());
            self.keep(dead_letter, delivery);
            if bytes > MAX_PEEK_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// Of dead letters with one id and different contents, which another program may publish, only the least by its bytes is
    /// kept: the next one is seen once that is replayed or discarded, so none is removed unseen.
    fn keep(&mut self, dead_letter: DeadLetter, delivery: Delivery) {
        match self.dead_letters.entry(dead_letter.id()) {
            Entry::Vacant(place) => {
                place.insert((dead_letter, vec![delivery]));
            }
            Entry::Occupied(mut place) => {
                let (kept, copies) = place.get_mut();
                match content(&dead_letter).cmp(&content(kept)) {
                    Ordering::Less => (*kept, *copies) = (dead_letter, vec![delivery]),
                    Ordering::Equal => {
                        *kept = dead_letter;
                        copies.push(delivery);
                    }
                    Ordering::Greater => {}
                }
            }
        }
    }

    /// Replaces dead letters that hold secrets by copies without them; true if there were any.
    async fn redact(&mut self, queue: &str) -> io::Result<bool> {
        let (mut copies, mut originals) = (Vec::new(), Vec::new());
        for (dead_letter, deliveries) in self.dead_letters.values_mut() {
            let mut message = dead_letter.message.clone();
            if message.remove_secrets() && message.body != dead_letter.message.body {
                let counts = AttemptCounts { attempts: dead_letter.attempts, ..AttemptCounts::default() };
                copies.push((
                    message,
                    RetryHeaders { counts, death: Some((dead_letter.reason.clone(), dead_letter.died_at)) },
                ));
                originals.append(deliveries);
            }
        }
        if copies.is_empty() {
            return Ok(false);
        }
        let exchange = routes::exchange_to(&self.connection, queue).await.map_err(io::Error::other)?;
        let channel = self.connection.confirmed_channel().await.map_err(io::Error::other)?;
        let settings = self.connection.settings();
        let messages = copies
            .into_iter()
            .map(|(message, retry_headers)| wire_format::to_queue(&exchange, &self.name, message, &retry_headers));
        let outcomes = publish_batch::publish(&channel, messages.collect(), settings.confirm_limit).await;
        let outcomes =
            outcomes.map_err(|error| io::Error::other(batch_error(settings, error, "taking secrets out")))?;
        if outcomes.iter().any(|outcome| *outcome != PublishOutcome::Confirmed) {
            return Err(io::Error::other("the broker declined a dead letter without its secret"));
        }
        self.discard(originals).await?;
        Ok(true)
    }

    pub(super) async fn discard(&mut self, deliveries: Vec<Delivery>) -> io::Result<()> {
        self.acknowledge(deliveries).await?;
        self.finish().await
    }

    /// Sends few acknowledgements: a quorum queue that has not applied 32 of them holds the next ones back in its channel, and
    /// forgets those when the channel is closed. Deliveries taken in order go by one; the rest goes in small groups, each
    /// followed by a request that the queue has to answer.
    pub(super) async fn acknowledge(&mut self, mut deliveries: Vec<Delivery>) -> io::Result<()> {
        deliveries.sort_unstable_by_key(|delivery| delivery.delivery_tag);
        let in_order = self.held.iter().zip(&deliveries).take_while(|(held, one)| **held == one.delivery_tag).count();
        for delivery in &deliveries {
            self.held.remove(&delivery.delivery_tag);
        }
        let rest = deliveries.split_off(in_order);
        if let Some(last) = deliveries.last() {
            self.acknowledge_one(last, true).await?;
        }
        for some in rest.chunks(ACKS_AT_ONCE) {
            for delivery in some {
                self.acknowledge_one(delivery, false).await?;
            }
            messages_in(&self.connection, &self.name, "discarding dead letters").await.map_err(io::Error::other)?;
            tokio::time::sleep(ACKS_PAUSE).await;
        }
        Ok(())
    }

    async fn acknowledge_one(&self, delivery: &Delivery, multiple: bool) -> io::Result<()> {
        let acknowledged = delivery.acker.ack(BasicAckOptions { multiple });
        let known =
            self.connection.request("discarding a dead letter", acknowledged).await.map_err(io::Error::other)?;
        if known { Ok(()) } else { Err(io::Error::other(self.connection.loss("discarding a dead letter"))) }
    }

    /// The acknowledgements are sent; the broker answers this request after it has processed them.
    pub(super) async fn finish(&self) -> io::Result<()> {
        self.connection.request("closing", self.channel.close(200, short("OK"))).await.map_err(io::Error::other)
    }
}

/// The part by which two dead letters with one id differ. A copy without its secret is the same one.
fn content(dead_letter: &DeadLetter) -> (String, Vec<u8>) {
    let mut message = dead_letter.message.clone();
    message.remove_secrets();
    (message.routing_key, message.body)
}
