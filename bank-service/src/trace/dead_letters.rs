//! Actions on dead letters, recorded with their operator.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use chrono::{DateTime, Utc};
use service_kit::messaging::dead_letters::{ActionResult, DeadLetterAction, Selection, not_replayable};
use service_kit::messaging::{DeadLetter, DeadLetterAdmin};
use shared_events::EventId;
use shared_events::routing::{ACK_QUEUE, QUEUES};

use crate::config::Config;
use crate::store::dead_letter_actions::{self, Done};
use crate::store::{Ctx, IdempotencyError, Outcome, Store, StoreError};

/// The longest reason that is kept with an action.
pub const MAX_REASON_CHARS: usize = 300;

/// An action on the dead letters of a queue.
#[derive(Debug, Clone)]
pub struct DeadLetterRequest {
    pub queue: String,
    pub action: DeadLetterAction,
    pub selection: Selection,
    /// Only report what would be done, and what a replay would keep.
    pub dry_run: bool,
    /// Why, in the operator's words: at most [`MAX_REASON_CHARS`] characters.
    pub reason: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    #[error("the dead letters cannot be reached")]
    Unreachable(#[from] io::Error),
    #[error("there is no queue {queue}")]
    UnknownQueue { queue: String },
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The queues of this system's events, sorted by name.
pub fn known_queues(config: &Config) -> Vec<String> {
    let queues = QUEUES.map(|queue| if queue == ACK_QUEUE { config.callback_queue.as_str() } else { queue });
    BTreeSet::from(queues.map(str::to_owned)).into_iter().collect()
}

/// Refuses a queue that is neither of this system nor known to the transport: what is meant is another one.
pub async fn check_queue(admin: &dyn DeadLetterAdmin, config: &Config, queue: &str) -> Result<(), DeadLetterError> {
    let is_known = known_queues(config).iter().any(|known| known == queue) || admin.has_queue(queue).await?;
    if is_known { Ok(()) } else { Err(DeadLetterError::UnknownQueue { queue: queue.to_owned() }) }
}

/// Applies the action, and records it under the user of `ctx`. A discard is recorded before the dead letters are removed: a
/// removed one without a record would count as a lost event. A replay is recorded after its dead letter is removed.
pub async fn apply_to_dead_letters(
    admin: &dyn DeadLetterAdmin,
    store: &Store,
    ctx: &Ctx,
    request: &DeadLetterRequest,
) -> Result<Vec<(EventId, ActionResult)>, DeadLetterError> {
    let DeadLetterRequest { queue, action, selection, dry_run, reason: _ } = request;
    let dead_letters = admin.peek(queue, selection).await?;
    let expected: BTreeMap<EventId, ActionResult> =
        dead_letters.iter().map(|one| (one.id(), expected_result(*action, one, ctx.now))).collect();
    let found: BTreeSet<EventId> = expected.keys().copied().collect();
    let mut done = match selection {
        Selection::These(ids) => ids.difference(&found).map(|id| (*id, ActionResult::Missing)).collect(),
        Selection::After(_) => Vec::new(),
    };
    if *dry_run || found.is_empty() {
        done.extend(expected);
    } else {
        if *action == DeadLetterAction::Discard {
            record(store, ctx, request, found.iter().copied().collect()).await?;
        }
        let results = admin.apply(queue, *action, &Selection::These(found)).await?;
        if *action == DeadLetterAction::Replay {
            let replayed =
                results.iter().filter(|(_, result)| *result == ActionResult::Done).map(|(id, _)| *id).collect();
            record(store, ctx, request, replayed).await?;
        }
        done.extend(results);
    }
    done.sort_by_key(|(id, _)| *id);
    Ok(done)
}

/// The result of an action as far as it is known before: a replay keeps what has expired, and what its secret was taken out of.
pub fn expected_result(action: DeadLetterAction, dead_letter: &DeadLetter, now: DateTime<Utc>) -> ActionResult {
    match action {
        DeadLetterAction::Replay => not_replayable(dead_letter, now).unwrap_or(ActionResult::Done),
        DeadLetterAction::Discard => ActionResult::Done,
    }
}

async fn record(store: &Store, ctx: &Ctx, request: &DeadLetterRequest, events: Vec<EventId>) -> Result<(), StoreError> {
    let (queue, reason) = (request.queue.clone(), request.reason.clone());
    let action = match request.action {
        DeadLetterAction::Replay => dead_letter_actions::REPLAYED,
        DeadLetterAction::Discard => dead_letter_actions::DISCARDED,
    };
    let write = move |db: &mut _, ctx: &_| {
        let done = Done { queue: &queue, action, reason: reason.as_deref() };
        dead_letter_actions::record(db, ctx, done, &events).map(Outcome::new)
    };
    store.write(ctx, write).await
}
