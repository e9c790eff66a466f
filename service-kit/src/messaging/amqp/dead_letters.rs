//! Dead letters in the broker: the messages of `<queue>.dead`.
//!
//! A [`Peek`] takes the dead letters without acknowledging them and returns them by closing its channel, so none is lost
//! whatever happens meanwhile. One peek reads the first 10,000 dead letters or 64 MiB; beyond that an operator discards or
//! replays some before the next. A concurrent peek sees only the dead letters that this one does not hold. A dead letter that
//! is there twice, after a crash between its copy and its acknowledgement, is shown once and removed as one. Different contents
//! with one id, from another program, are shown and removed one after the other.

use std::collections::BTreeSet;
use std::io;

use async_trait::async_trait;
use lapin::Channel;
use lapin::types::ShortString;
use shared_events::EventId;

use super::connection::BrokerConnection;
use super::peek::{Peek, count, exists, messages_and_consumers, messages_in};
use super::publish_batch::{self, OutboundMessage, PublishOutcome, batch_error};
use super::routes;
use super::topology::{dead_queue, retry_queue};
use super::wire_format::{self, RetryHeaders};
use crate::clock::SharedClock;
use crate::messaging::dead_letters::{
    ActionResult, Backlog, DeadLetterAction, MAX_PAGE, MAX_SELECTED, Selection, missing, not_replayable,
};
use crate::messaging::disposition::AttemptCounts;
use crate::messaging::{AmqpSettings, ConsumerSettings, DeadLetter, DeadLetterAdmin, DeadLetters};

/// How many copies are published before their originals are discarded.
const BATCH_SIZE: usize = 100;

/// The dead letters of some queues of one broker.
#[derive(Clone)]
pub struct AmqpDeadLetters {
    settings: AmqpSettings,
    queues: Vec<String>,
    clock: SharedClock,
}

impl AmqpDeadLetters {
    /// `queues` are the queues to check: a broker does not list its queues over AMQP.
    pub fn new(settings: AmqpSettings, queues: Vec<String>, clock: SharedClock) -> Self {
        Self { settings, queues, clock }
    }

    /// Publishes a dead letter to its queue again, with all its earlier attempts, and then discards it. False if there is
    /// none, as after an earlier replay. Event id and content stay, so a consumer recognises an event that it has already
    /// processed.
    pub async fn replay(&self, queue: &str, id: EventId) -> io::Result<bool> {
        match self.apply(queue, DeadLetterAction::Replay, &Selection::one(id)).await?.pop() {
            Some((_, ActionResult::Done)) => Ok(true),
            Some((_, ActionResult::Kept { reason })) => Err(io::Error::other(reason)),
            Some((_, ActionResult::Missing)) | None => Ok(false),
        }
    }

    /// Publishes copies to the queue; returns for each dead letter whether its copy is confirmed.
    async fn publish_again(
        &self,
        (exchange, channel): (&ShortString, &Channel),
        queue: &str,
        dead_letters: &[DeadLetter],
    ) -> io::Result<Vec<ActionResult>> {
        let again = |dead_letter: &DeadLetter| {
            wire_format::to_queue(exchange, queue, dead_letter.message.clone(), &RetryHeaders::default())
        };
        let outcomes =
            publish_batch::publish(channel, dead_letters.iter().map(again).collect(), self.settings.confirm_limit)
                .await;
        let outcomes = outcomes.map_err(|error| io::Error::other(batch_error(&self.settings, error, "publishing")))?;
        let to_result = |outcome| match outcome {
            PublishOutcome::Confirmed => ActionResult::Done,
            PublishOutcome::Unroutable => ActionResult::Kept { reason: format!("there is no queue {queue:?}") },
            PublishOutcome::Refused => {
                ActionResult::Kept { reason: format!("the broker declined a message for {queue:?}") }
            }
        };
        Ok(outcomes.into_iter().map(to_result).collect())
    }

    /// Copies to the queue, batch by batch, and discards the originals of the copies that are confirmed.
    async fn replay_all(
        &self,
        peek: &mut Peek,
        queue: &str,
        chosen: Vec<EventId>,
    ) -> io::Result<Vec<(EventId, ActionResult)>> {
        let exchange = routes::exchange_to(&peek.connection, queue).await.map_err(io::Error::other)?;
        let channel = peek.connection.confirmed_channel().await.map_err(io::Error::other)?;
        let mut done = Vec::with_capacity(chosen.len());
        let mut open = Vec::new();
        for id in chosen {
            let Some((dead_letter, deliveries)) = peek.dead_letters.remove(&id) else { continue };
            match not_replayable(&dead_letter, self.clock.now()) {
                Some(kept) => done.push((id, kept)),
                None => open.push((dead_letter, deliveries)),
            }
        }
        while !open.is_empty() {
            let (dead_letters, deliveries): (Vec<_>, Vec<_>) = open.drain(..open.len().min(BATCH_SIZE)).unzip();
            let results = match self.publish_again((&exchange, &channel), queue, &dead_letters).await {
                Ok(results) => results,
                Err(error) if done.is_empty() => return Err(error),
                // Some are already replayed: the results report them, and mark the rest as kept.
                Err(error) => {
                    let kept = ActionResult::Kept { reason: error.to_string() };
                    let rest = dead_letters.iter().chain(open.iter().map(|(dead_letter, _)| dead_letter));
                    done.extend(rest.map(|dead_letter| (dead_letter.id(), kept.clone())));
                    break;
                }
            };
            let mut confirmed = Vec::new();
            for ((dead_letter, deliveries), result) in dead_letters.iter().zip(deliveries).zip(results) {
                if result == ActionResult::Done {
                    confirmed.extend(deliveries);
                }
                done.push((dead_letter.id(), result));
            }
            peek.acknowledge(confirmed).await?;
        }
        Ok(done)
    }

    async fn publish(&self, connection: &BrokerConnection, outbound: OutboundMessage) -> io::Result<()> {
        let channel = connection.confirmed_channel().await.map_err(io::Error::other)?;
        let queue = outbound.routing_key.to_string();
        let outcomes = publish_batch::publish(&channel, vec![outbound], self.settings.confirm_limit).await;
        let outcomes = outcomes.map_err(|error| io::Error::other(batch_error(&self.settings, error, "publishing")))?;
        match outcomes.as_slice() {
            [PublishOutcome::Confirmed] => Ok(()),
            [PublishOutcome::Unroutable] => {
                Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no queue {queue:?}")))
            }
            _ => Err(io::Error::other(format!("the broker declined a message for {queue:?}"))),
        }
    }
}

#[async_trait]
impl DeadLetters for AmqpDeadLetters {
    async fn add(&self, dead_letter: DeadLetter) -> io::Result<()> {
        let connection = BrokerConnection::open(&self.settings, "dead letters").await.map_err(io::Error::other)?;
        let counts = AttemptCounts { attempts: dead_letter.attempts, ..AttemptCounts::default() };
        let retry_headers = RetryHeaders { counts, death: Some((dead_letter.reason, dead_letter.died_at)) };
        let exchange = routes::exchange_to(&connection, &dead_letter.queue).await.map_err(io::Error::other)?;
        self.publish(
            &connection,
            wire_format::to_queue(&exchange, &dead_queue(&dead_letter.queue), dead_letter.message, &retry_headers),
        )
        .await
    }

    async fn queues(&self) -> io::Result<Vec<String>> {
        let connection = BrokerConnection::open(&self.settings, "dead letters").await.map_err(io::Error::other)?;
        let mut non_empty = Vec::new();
        for queue in &self.queues {
            if count(&connection, queue).await.map_err(io::Error::other)? > 0 {
                non_empty.push(queue.clone());
            }
        }
        non_empty.sort();
        Ok(non_empty)
    }

    async fn list(&self, queue: &str, after: Option<EventId>, limit: usize) -> io::Result<Vec<DeadLetter>> {
        let Some(peek) = Peek::open(&self.settings, queue, &self.clock).await? else { return Ok(Vec::new()) };
        let wanted = peek.dead_letters.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        let page = wanted.take(limit.min(MAX_PAGE)).map(|(_, (dead_letter, _))| dead_letter.clone()).collect();
        peek.connection.close().await;
        Ok(page)
    }

    async fn get(&self, queue: &str, id: EventId) -> io::Result<Option<DeadLetter>> {
        let Some(mut peek) = Peek::open(&self.settings, queue, &self.clock).await? else { return Ok(None) };
        let dead_letter = peek.dead_letters.remove(&id).map(|(dead_letter, _)| dead_letter);
        peek.connection.close().await;
        Ok(dead_letter)
    }

    async fn remove(&self, queue: &str, id: EventId) -> io::Result<bool> {
        let Some(mut peek) = Peek::open(&self.settings, queue, &self.clock).await? else { return Ok(false) };
        let dead_letter = peek.dead_letters.remove(&id);
        let is_there = dead_letter.is_some();
        if let Some((_, deliveries)) = dead_letter {
            peek.discard(deliveries).await?;
        }
        // Also where there is none: closing waits until the dead letters are back in the queue, so the next peek finds them.
        peek.connection.close().await;
        Ok(is_there)
    }
}

#[async_trait]
impl DeadLetterAdmin for AmqpDeadLetters {
    fn dead_letters(&self) -> &dyn DeadLetters {
        self
    }

    async fn peek(&self, queue: &str, selection: &Selection) -> io::Result<Vec<DeadLetter>> {
        let Some(peek) = Peek::open(&self.settings, queue, &self.clock).await? else { return Ok(Vec::new()) };
        let chosen = peek.dead_letters.iter().filter(|(id, _)| selection.takes(**id));
        let found = chosen.take(MAX_SELECTED).map(|(_, (dead_letter, _))| dead_letter.clone()).collect();
        peek.connection.close().await;
        Ok(found)
    }

    async fn apply(
        &self,
        queue: &str,
        action: DeadLetterAction,
        selection: &Selection,
    ) -> io::Result<Vec<(EventId, ActionResult)>> {
        let Some(mut peek) = Peek::open(&self.settings, queue, &self.clock).await? else {
            return Ok(missing(selection, &BTreeSet::new()));
        };
        let chosen: Vec<EventId> =
            peek.dead_letters.keys().copied().filter(|id| selection.takes(*id)).take(MAX_SELECTED).collect();
        let mut done = missing(selection, &chosen.iter().copied().collect());
        match action {
            DeadLetterAction::Replay => done.extend(self.replay_all(&mut peek, queue, chosen).await?),
            DeadLetterAction::Discard => {
                let mut gone = Vec::new();
                for id in chosen {
                    if let Some((_, deliveries)) = peek.dead_letters.remove(&id) {
                        gone.extend(deliveries);
                        done.push((id, ActionResult::Done));
                    }
                }
                peek.acknowledge(gone).await?;
            }
        }
        peek.finish().await?;
        peek.connection.close().await;
        done.sort_by_key(|(id, _)| *id);
        Ok(done)
    }

    async fn has_queue(&self, queue: &str) -> io::Result<bool> {
        let connection = BrokerConnection::open(&self.settings, "dead letters").await.map_err(io::Error::other)?;
        let found = exists(&connection, &dead_queue(queue)).await.map_err(io::Error::other)?;
        connection.close().await;
        Ok(found)
    }

    /// Deliveries that a consumer has taken and not settled are not counted: the broker does not report them.
    async fn backlog(&self, queue: &str) -> io::Result<Backlog> {
        let connection = BrokerConnection::open(&self.settings, "dead letters").await.map_err(io::Error::other)?;
        let delays = ConsumerSettings::new(queue, Vec::new()).retry_delays;
        let counting = "counting messages";
        let mut backlog = Backlog::default();
        for delay in delays {
            let messages =
                messages_in(&connection, &retry_queue(queue, delay), counting).await.map_err(io::Error::other)?;
            backlog.delayed |= messages > 0;
        }
        // Last: a message that leaves a retry queue in between is counted here.
        let (messages, consumers) =
            messages_and_consumers(&connection, queue, counting).await.map_err(io::Error::other)?;
        (backlog.ready, backlog.consumers) = (messages > 0, consumers);
        connection.close().await;
        Ok(backlog)
    }
}
