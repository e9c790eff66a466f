//! Works through dead letters: peek, replay, discard; of some or of all.
//!
//! A replay delivers the message to its queue again, with its event id and all attempts before it, and removes the dead letter
//! only when the message is safe elsewhere: confirmed by the broker, or processed in this process. Any failure or crash in
//! between leaves the dead letter where it was, so a message may be delivered twice and is never lost; consumers recognise
//! processed events by the event id. Bound: [`MAX_SELECTED`] dead letters a call; the caller continues after the last one.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shared_events::EventId;
use tokio::sync::Mutex;

use super::{DeadLetter, DeadLetters, MAX_PAGE};
use crate::clock::SharedClock;
use crate::messaging::{Destination, Outgoing, Progress, PublishResult, Publisher};

/// How many dead letters one call reads or works through.
pub const MAX_SELECTED: usize = 500;
/// How long one replay in this process may take; a handler has its own, shorter limit.
const REPLAY_LIMIT: Duration = Duration::from_mins(1);

/// A selection of a queue's dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All whose ids come after this one; `None`: from the first.
    After(Option<EventId>),
    These(BTreeSet<EventId>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterAction {
    Replay,
    Discard,
}

/// The result of an action on one dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionResult {
    Done,
    /// There is no such dead letter, as after an earlier replay.
    Missing,
    /// It stays a dead letter.
    Kept {
        reason: String,
    },
}

/// Gives an operator access to dead letters, whatever the transport.
#[async_trait]
pub trait DeadLetterAdmin: Send + Sync + 'static {
    /// Access to single dead letters.
    fn dead_letters(&self) -> &dyn DeadLetters;

    /// The selected dead letters that exist, in order of id; at most [`MAX_SELECTED`].
    async fn peek(&self, queue: &str, selection: &Selection) -> io::Result<Vec<DeadLetter>>;

    /// Applies the action to the selected dead letters, at most [`MAX_SELECTED`], and returns the result for each, in order of
    /// id.
    async fn apply(
        &self,
        queue: &str,
        action: DeadLetterAction,
        selection: &Selection,
    ) -> io::Result<Vec<(EventId, ActionResult)>>;

    /// Whether there is a queue of this name that can have dead letters, also one of another system. Unless the transport knows its
    /// queues: one that has any.
    async fn has_queue(&self, queue: &str) -> io::Result<bool> {
        Ok(self.dead_letters().queues().await?.iter().any(|one| one == queue))
    }

    /// Whether messages that no consumer has taken yet are ready in the queue, or delayed.
    async fn backlog(&self, queue: &str) -> io::Result<Backlog>;
}

/// The places in which messages of a queue wait for a consumer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// In the queue itself, which delivers them in order.
    pub ready: bool,
    /// Waiting for their next attempt, or to be put into the queue again; others overtake them meanwhile.
    pub delayed: bool,
    /// How many consumers the queue has, which may hold messages of it; 0 if that is not known.
    pub consumers: u32,
}

impl Selection {
    pub fn one(id: EventId) -> Self {
        Self::These(BTreeSet::from([id]))
    }

    #[cfg(feature = "amqp")]
    pub(crate) fn takes(&self, id: EventId) -> bool {
        match self {
            Self::After(after) => after.is_none_or(|after| id > after),
            Self::These(ids) => ids.contains(&id),
        }
    }
}

/// The result of a replay that would keep the dead letter, with the reason; none if it can be replayed.
pub fn not_replayable(dead_letter: &DeadLetter, now: DateTime<Utc>) -> Option<ActionResult> {
    let message = &dead_letter.message;
    if let Some(end) = message.expires_at().filter(|end| *end <= now) {
        let reason = format!("it expired at {}: discard it", shared_events::date::format(&end));
        return Some(ActionResult::Kept { reason });
    }
    let kinds = [message.properties.kind.as_deref(), Some(message.routing_key.as_str())];
    let has_secret = kinds.into_iter().flatten().any(shared_events::wire::holds_secret);
    // The recipient would get a mail without its link.
    let reason = "its link or code was taken out of it: discard it and have another one requested".to_owned();
    has_secret.then_some(ActionResult::Kept { reason })
}

/// Dead letters of a system that runs in one process: a store for them, and a publisher for replays.
pub struct InProcessDeadLetterAdmin {
    dead_letters: Arc<dyn DeadLetters>,
    publisher: Arc<dyn Publisher>,
    clock: SharedClock,
    /// One replay at a time, so that the dead letter that is removed is the one that was replayed.
    working: Mutex<()>,
}

impl InProcessDeadLetterAdmin {
    pub fn new(dead_letters: Arc<dyn DeadLetters>, publisher: Arc<dyn Publisher>, clock: SharedClock) -> Self {
        Self { dead_letters, publisher, clock, working: Mutex::default() }
    }

    async fn replay(&self, dead_letter: DeadLetter) -> io::Result<ActionResult> {
        if let Some(kept) = not_replayable(&dead_letter, self.clock.now()) {
            return Ok(kept);
        }
        let (queue, id) = (dead_letter.queue.clone(), dead_letter.id());
        let destination = Destination::Queue(queue.clone());
        let outgoing = Outgoing { message: dead_letter.message.clone(), destination, progress: Progress::default() };
        match tokio::time::timeout(REPLAY_LIMIT, self.publisher.publish(outgoing)).await {
            Ok(PublishResult::Accepted) => {}
            Ok(
                PublishResult::Later { reason, .. }
                | PublishResult::Unrouted { reason, .. }
                | PublishResult::Unavailable { reason },
            ) => {
                return Ok(ActionResult::Kept { reason });
            }
            Err(_) => return Ok(ActionResult::Kept { reason: "the queue did not answer in time".to_owned() }),
        }
        // A message given up once more is accepted as well: then a new dead letter has replaced this one.
        match self.dead_letters.get(&queue, id).await? {
            Some(now) if now != dead_letter => {
                Ok(ActionResult::Kept { reason: format!("it was given up again: {}", now.reason) })
            }
            Some(_) => self.dead_letters.remove(&queue, id).await.map(|_| ActionResult::Done),
            None => Ok(ActionResult::Done),
        }
    }
}

#[async_trait]
impl DeadLetterAdmin for InProcessDeadLetterAdmin {
    fn dead_letters(&self) -> &dyn DeadLetters {
        &*self.dead_letters
    }

    async fn peek(&self, queue: &str, selection: &Selection) -> io::Result<Vec<DeadLetter>> {
        let mut found = Vec::new();
        match selection {
            Selection::These(ids) => {
                for id in ids.iter().take(MAX_SELECTED) {
                    found.extend(self.dead_letters.get(queue, *id).await?);
                }
            }
            Selection::After(after) => {
                let mut after = *after;
                while found.len() < MAX_SELECTED {
                    let page = self.dead_letters.list(queue, after, MAX_PAGE).await?;
                    let Some(last) = page.last() else { break };
                    after = Some(last.id());
                    found.extend(page);
                }
            }
        }
        Ok(found)
    }

    async fn apply(
        &self,
        queue: &str,
        action: DeadLetterAction,
        selection: &Selection,
    ) -> io::Result<Vec<(EventId, ActionResult)>> {
        let _working = self.working.lock().await;
        let found = self.peek(queue, selection).await?;
        let mut done = missing(selection, &found.iter().map(DeadLetter::id).collect());
        for dead_letter in found {
            let id = dead_letter.id();
            let result = match action {
                DeadLetterAction::Replay => self.replay(dead_letter).await?,
                DeadLetterAction::Discard if self.dead_letters.remove(queue, id).await? => ActionResult::Done,
                DeadLetterAction::Discard => ActionResult::Missing,
            };
            done.push((id, result));
        }
        done.sort_by_key(|(id, _)| *id);
        Ok(done)
    }

    /// Nothing waits at an in-process queue: the outbox marks a message as sent only once it is processed.
    async fn backlog(&self, _queue: &str) -> io::Result<Backlog> {
        Ok(Backlog::default())
    }
}

/// The selected ids that were not found.
pub(crate) fn missing(selection: &Selection, found: &BTreeSet<EventId>) -> Vec<(EventId, ActionResult)> {
    match selection {
        Selection::After(_) => Vec::new(),
        Selection::These(ids) => {
            ids.difference(found).take(MAX_SELECTED).map(|id| (*id, ActionResult::Missing)).collect()
        }
    }
}
