//! Dead letters in the broker: what lies in `<queue>.dead`.
//!
//! A look takes the letters without acknowledging them and gives them back by closing its channel, so whatever happens
//! meanwhile, none is lost. One look sees the first 10,000 letters or 64 MiB; an operator who works through more discards or
//! replays as he goes. While he looks, another one sees what he does not hold. A letter that is there twice, after a crash
//! between its copy and its acknowledgement, shows once and goes as one.

use std::collections::BTreeSet;
use std::io;

use async_trait::async_trait;
use lapin::Channel;
use lapin::types::ShortString;
use shared_events::EventId;

use super::connection::Link;
use super::convert::{self, Notes};
use super::look::{Look, count, messages_and_consumers, messages_in};
use super::publisher::window_error;
use super::routes;
use super::topology::{dead_queue, retry_queue};
use super::window::{self, Fate, Letter};
use crate::clock::SharedClock;
use crate::messaging::dead_letters::{MAX_PAGE, MAX_WORK, Waiting, Wanted, Work, Worked, missing, not_replayable};
use crate::messaging::runner::Tries;
use crate::messaging::{AmqpSettings, ConsumerSettings, DeadLetter, DeadLetterOffice, DeadLetters};

/// How many copies are published before their originals are discarded.
const WINDOW: usize = 100;

/// The dead letters of some queues of one broker.
#[derive(Clone)]
pub struct AmqpDeadLetters {
    settings: AmqpSettings,
    queues: Vec<String>,
    clock: SharedClock,
}

impl AmqpDeadLetters {
    /// `queues` are the queues to ask for: a broker does not list its queues over AMQP.
    pub fn new(settings: AmqpSettings, queues: Vec<String>, clock: SharedClock) -> Self {
        Self { settings, queues, clock }
    }

    /// Publishes a letter to its queue again, with all its attempts before it, and then discards it. False if there is
    /// none, as after a replay before. Event id and content stay, so a consumer recognises what it has done already.
    pub async fn replay(&self, queue: &str, id: EventId) -> io::Result<bool> {
        match self.work(queue, Work::Replay, &Wanted::one(id)).await?.pop() {
            Some((_, Worked::Done)) => Ok(true),
            Some((_, Worked::Kept { reason })) => Err(io::Error::other(reason)),
            Some((_, Worked::Missing)) | None => Ok(false),
        }
    }

    /// Publishes copies to the queue; of each letter whether its copy is confirmed.
    async fn publish_again(
        &self,
        (exchange, channel): (&ShortString, &Channel),
        queue: &str,
        letters: &[DeadLetter],
    ) -> io::Result<Vec<Worked>> {
        let again = |letter: &DeadLetter| convert::to_queue(exchange, queue, letter.message.clone(), &Notes::default());
        let fates = window::publish(channel, letters.iter().map(again).collect(), self.settings.confirm_limit).await;
        let fates = fates.map_err(|error| io::Error::other(window_error(&self.settings, error, "publishing")))?;
        let worked = |fate| match fate {
            Fate::Confirmed => Worked::Done,
            Fate::Unroutable => Worked::Kept { reason: format!("there is no queue {queue:?}") },
            Fate::Refused => Worked::Kept { reason: format!("the broker declined a message for {queue:?}") },
        };
        Ok(fates.into_iter().map(worked).collect())
    }

    /// Copies to the queue, window by window, and discards the originals of the copies that are confirmed.
    async fn replay_all(
        &self,
        look: &mut Look,
        queue: &str,
        chosen: Vec<EventId>,
    ) -> io::Result<Vec<(EventId, Worked)>> {
        let exchange = routes::exchange_to(&look.link, queue).await.map_err(io::Error::other)?;
        let channel = look.link.confirmed_channel().await.map_err(io::Error::other)?;
        let mut done = Vec::with_capacity(chosen.len());
        let mut open = Vec::new();
        for id in chosen {
            let Some((letter, deliveries)) = look.letters.remove(&id) else { continue };
            match not_replayable(&letter, self.clock.now()) {
                Some(kept) => done.push((id, kept)),
                None => open.push((letter, deliveries)),
            }
        }
        while !open.is_empty() {
            let (letters, deliveries): (Vec<_>, Vec<_>) = open.drain(..open.len().min(WINDOW)).unzip();
            let worked = match self.publish_again((&exchange, &channel), queue, &letters).await {
                Ok(worked) => worked,
                Err(error) if done.is_empty() => return Err(error),
                // Some are replayed: tell so, and of the rest that it was not.
                Err(error) => {
                    let kept = Worked::Kept { reason: error.to_string() };
                    let rest = letters.iter().chain(open.iter().map(|(letter, _)| letter));
                    done.extend(rest.map(|letter| (letter.id(), kept.clone())));
                    break;
                }
            };
            let mut confirmed = Vec::new();
            for ((letter, deliveries), worked) in letters.iter().zip(deliveries).zip(worked) {
                if worked == Worked::Done {
                    confirmed.extend(deliveries);
                }
                done.push((letter.id(), worked));
            }
            look.acknowledge(confirmed).await?;
        }
        Ok(done)
    }

    async fn publish(&self, link: &Link, letter: Letter) -> io::Result<()> {
        let channel = link.confirmed_channel().await.map_err(io::Error::other)?;
        let queue = letter.routing_key.to_string();
        let fates = window::publish(&channel, vec![letter], self.settings.confirm_limit).await;
        let fates = fates.map_err(|error| io::Error::other(window_error(&self.settings, error, "publishing")))?;
        match fates.as_slice() {
            [Fate::Confirmed] => Ok(()),
            [Fate::Unroutable] => Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no queue {queue:?}"))),
            _ => Err(io::Error::other(format!("the broker declined a message for {queue:?}"))),
        }
    }
}

#[async_trait]
impl DeadLetters for AmqpDeadLetters {
    async fn add(&self, letter: DeadLetter) -> io::Result<()> {
        let link = Link::open(&self.settings, "dead letters").await.map_err(io::Error::other)?;
        let tries = Tries { attempts: letter.attempts, ..Tries::default() };
        let notes = Notes { tries, death: Some((letter.reason, letter.died_at)) };
        let exchange = routes::exchange_to(&link, &letter.queue).await.map_err(io::Error::other)?;
        self.publish(&link, convert::to_queue(&exchange, &dead_queue(&letter.queue), letter.message, &notes)).await
    }

    async fn queues(&self) -> io::Result<Vec<String>> {
        let link = Link::open(&self.settings, "dead letters").await.map_err(io::Error::other)?;
        let mut with_letters = Vec::new();
        for queue in &self.queues {
            if count(&link, queue).await.map_err(io::Error::other)? > 0 {
                with_letters.push(queue.clone());
            }
        }
        with_letters.sort();
        Ok(with_letters)
    }

    async fn list(&self, queue: &str, after: Option<EventId>, limit: usize) -> io::Result<Vec<DeadLetter>> {
        let Some(look) = Look::open(&self.settings, queue, &self.clock).await? else { return Ok(Vec::new()) };
        let wanted = look.letters.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        let page = wanted.take(limit.min(MAX_PAGE)).map(|(_, (letter, _))| letter.clone()).collect();
        look.link.close().await;
        Ok(page)
    }

    async fn get(&self, queue: &str, id: EventId) -> io::Result<Option<DeadLetter>> {
        let Some(mut look) = Look::open(&self.settings, queue, &self.clock).await? else { return Ok(None) };
        let letter = look.letters.remove(&id).map(|(letter, _)| letter);
        look.link.close().await;
        Ok(letter)
    }

    async fn remove(&self, queue: &str, id: EventId) -> io::Result<bool> {
        let Some(mut look) = Look::open(&self.settings, queue, &self.clock).await? else { return Ok(false) };
        let letter = look.letters.remove(&id);
        let is_there = letter.is_some();
        if let Some((_, deliveries)) = letter {
            look.discard(deliveries).await?;
        }
        // Also where there is none: the letters are back once the goodbye is answered, and the next look finds them.
        look.link.close().await;
        Ok(is_there)
    }
}

#[async_trait]
impl DeadLetterOffice for AmqpDeadLetters {
    fn letters(&self) -> &dyn DeadLetters {
        self
    }

    async fn look(&self, queue: &str, wanted: &Wanted) -> io::Result<Vec<DeadLetter>> {
        let Some(look) = Look::open(&self.settings, queue, &self.clock).await? else { return Ok(Vec::new()) };
        let chosen = look.letters.iter().filter(|(id, _)| wanted.takes(**id));
        let found = chosen.take(MAX_WORK).map(|(_, (letter, _))| letter.clone()).collect();
        look.link.close().await;
        Ok(found)
    }

    async fn work(&self, queue: &str, work: Work, wanted: &Wanted) -> io::Result<Vec<(EventId, Worked)>> {
        let Some(mut look) = Look::open(&self.settings, queue, &self.clock).await? else {
            return Ok(missing(wanted, &BTreeSet::new()));
        };
        let chosen: Vec<EventId> = look.letters.keys().copied().filter(|id| wanted.takes(*id)).take(MAX_WORK).collect();
        let mut done = missing(wanted, &chosen.iter().copied().collect());
        match work {
            Work::Replay => done.extend(self.replay_all(&mut look, queue, chosen).await?),
            Work::Discard => {
                let mut gone = Vec::new();
                for id in chosen {
                    if let Some((_, deliveries)) = look.letters.remove(&id) {
                        gone.extend(deliveries);
                        done.push((id, Worked::Done));
                    }
                }
                look.acknowledge(gone).await?;
            }
        }
        look.finish().await?;
        look.link.close().await;
        done.sort_by_key(|(id, _)| *id);
        Ok(done)
    }

    /// What a consumer has taken and not settled is not counted: the broker does not tell.
    async fn waiting(&self, queue: &str) -> io::Result<Waiting> {
        let link = Link::open(&self.settings, "dead letters").await.map_err(io::Error::other)?;
        let delays = ConsumerSettings::new(queue, Vec::new()).retry_delays;
        let counting = "counting messages";
        let mut waiting = Waiting::default();
        for delay in delays {
            let messages = messages_in(&link, &retry_queue(queue, delay), counting).await.map_err(io::Error::other)?;
            waiting.to_be_retried |= messages > 0;
        }
        // Last: what leaves a retry queue in between is seen here.
        let (messages, consumers) = messages_and_consumers(&link, queue, counting).await.map_err(io::Error::other)?;
        (waiting.in_line, waiting.consumers) = (messages > 0, consumers);
        link.close().await;
        Ok(waiting)
    }
}
