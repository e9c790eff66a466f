//! Actions on dead letters, recorded with their operator.

use std::collections::BTreeSet;
use std::io;

use service_kit::messaging::dead_letters::{ActionResult, DeadLetterAction, Selection};
use service_kit::messaging::{DeadLetter, DeadLetterAdmin};
use shared_events::EventId;
use shared_events::routing::{ACK_QUEUE, QUEUES};

use crate::config::Config;
use crate::store::{Ctx, IdempotencyError, Outcome, Store, StoreError, dead_letter_actions};

/// An action on the dead letters of a queue.
#[derive(Debug, Clone)]
pub struct DeadLetterRequest {
    pub queue: String,
    pub action: DeadLetterAction,
    pub selection: Selection,
    /// Only report what would be done.
    pub dry_run: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    #[error("the dead letters cannot be reached")]
    Unreachable(#[from] io::Error),
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

/// Applies the action, and records it under the user of `ctx`. A discard is recorded before the dead letters are removed: a
/// removed one without a record would count as a lost event. A replay is recorded after its dead letter is removed.
pub async fn apply_to_dead_letters(
    admin: &dyn DeadLetterAdmin,
    store: &Store,
    ctx: &Ctx,
    request: &DeadLetterRequest,
) -> Result<Vec<(EventId, ActionResult)>, DeadLetterError> {
    let DeadLetterRequest { queue, action, selection, dry_run } = request;
    let found: BTreeSet<EventId> = admin.peek(queue, selection).await?.iter().map(DeadLetter::id).collect();
    let mut done = match selection {
        Selection::These(ids) => ids.difference(&found).map(|id| (*id, ActionResult::Missing)).collect(),
        Selection::After(_) => Vec::new(),
    };
    if *dry_run || found.is_empty() {
        done.extend(found.into_iter().map(|id| (id, ActionResult::Done)));
    } else {
        if *action == DeadLetterAction::Discard {
            record(store, ctx, queue, dead_letter_actions::DISCARDED, found.iter().copied().collect()).await?;
        }
        let results = admin.apply(queue, *action, &Selection::These(found)).await?;
        if *action == DeadLetterAction::Replay {
            let replayed =
                results.iter().filter(|(_, result)| *result == ActionResult::Done).map(|(id, _)| *id).collect();
            record(store, ctx, queue, dead_letter_actions::REPLAYED, replayed).await?;
        }
        done.extend(results);
    }
    done.sort_by_key(|(id, _)| *id);
    Ok(done)
}

async fn record(
    store: &Store,
    ctx: &Ctx,
    queue: &str,
    action: &'static str,
    events: Vec<EventId>,
) -> Result<(), StoreError> {
    let queue = queue.to_owned();
    let write =
        move |db: &mut _, ctx: &_| dead_letter_actions::record(db, ctx, &queue, action, &events).map(Outcome::new);
    store.write(ctx, write).await
}
